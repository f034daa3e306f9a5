"""abort: end a rollout, and let everybody meet the old version again."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.change import Change
from loopline.verbs.rolling import end_rolling, find_rolling


def abort(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or the deployment: service/delay@prod"],
    *,
    why: Annotated[str, "the reason"],
    quarantine: Annotated[bool, "mark what it would have brought as bad, and open an incident"] = False,
) -> Change:
    """End a rollout: every unit meets the old version again, and no ref has moved.

    Example:
        loopline abort service/delay@prod --why "complaints from the gate" --quarantine
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        said = why.strip() or f"aborted by {loop.actor}"
        return end_rolling(tx, loop, find_rolling(tx, loop, change), why=said, bad=quarantine)
