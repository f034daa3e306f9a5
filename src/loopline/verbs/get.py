"""get: look a version up."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.name import Pointer
from loopline.nouns.version import Version
from loopline.verbs.noting import noted


def get(loop: Loop, pointer: Annotated[Pointer, "model/delay@champion, data/flights@2, …"]) -> Version:
    """Find the version that a pointer means now.

    Example:
        loopline get model/delay@champion ./model
    """
    with loop.ledger.read() as tx:
        return noted(tx, tx.versions.resolve(pointer))
