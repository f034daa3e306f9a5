"""takeover: a tracking store adopted from its first experiment to the count at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.faces.mlflow.moving.adopting import Adopting
from loopline.faces.mlflow.moving.comparing import Comparing
from loopline.nouns.adoption import Takeover

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.store import Store
    from loopline.loop import Loop


def take_over(loop: Loop, store: Store) -> Takeover:
    """Write down what a store has and the ledger lacks, then hold both against each other. With a dry ledger only the latter."""
    adopting = Adopting(loop, store)
    if loop.ledger.dry:
        adopting.look()
    else:
        adopting.run()
    comparing = Comparing(loop, store)
    comparing.run()
    comparing.files(adopting.files.there, adopting.files.here)
    tallies, left = comparing.tallies(), adopting.left.all()
    same = all(one.same and one.there == one.here for one in tallies) and not any(one.lost for one in left)
    state = "planned" if loop.ledger.dry else "adopted" if same else "differs"
    return Takeover(store.name, state, tallies, left, tuple(comparing.differing))  # type: ignore[arg-type]
