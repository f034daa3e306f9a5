"""Loopline: one ledger for the whole loop, from a commit and a row of data to a model in production, and back.

Everything that is delivered is an immutable artifact; everything that happens is a run; everything that is current is a
ref; a ref moves only by a change, which carries its evidence. Importing this package costs nothing: each public name is
loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as of typing, which takes a while to import: a Ctrl-C in that time would meet nobody
if TYPE_CHECKING:
    from typing import Any

    from loopline.checks.metrics import evaluate
    from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
    from loopline.models.signature import sign
    from loopline.nouns.evaluation import Evaluation
    from loopline.pipelines.inputs import Data, Model
    from loopline.pipelines.step import pipeline, step
    from loopline.sdk.expecting import expectation
    from loopline.sdk.fluent import connect, data, log, model, start

__version__ = "0.1.0"

_HOMES = {
    "Conflict": "loopline.errors",
    "Data": "loopline.pipelines.inputs",
    "Evaluation": "loopline.nouns.evaluation",
    "Invalid": "loopline.errors",
    "LooplineError": "loopline.errors",
    "Model": "loopline.pipelines.inputs",
    "NotFound": "loopline.errors",
    "Refused": "loopline.errors",
    "Unavailable": "loopline.errors",
    "connect": "loopline.sdk.fluent",
    "data": "loopline.sdk.fluent",
    "evaluate": "loopline.checks.metrics",
    "expectation": "loopline.sdk.expecting",
    "log": "loopline.sdk.fluent",
    "model": "loopline.sdk.fluent",
    "pipeline": "loopline.pipelines.step",
    "sign": "loopline.models.signature",
    "start": "loopline.sdk.fluent",
    "step": "loopline.pipelines.step",
}

__all__ = [
    "Conflict",
    "Data",
    "Evaluation",
    "Invalid",
    "LooplineError",
    "Model",
    "NotFound",
    "Refused",
    "Unavailable",
    "connect",
    "data",
    "evaluate",
    "expectation",
    "log",
    "model",
    "pipeline",
    "sign",
    "start",
    "step",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'loopline' has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return sorted([*__all__, "__version__"])
