"""outputs: the models that runs have made, as clients are told of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from loopline.verbs.modelling import made_by

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables


def outputs_of(tx: Tables, runs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Give what clients are told of the models that runs have made; runs without any are left out."""
    return {
        run: {"model_outputs": [{"model_id": name, "step": step} for name, step in models.items()]}
        for run, models in made_by(tx, runs).items()
    }
