"""errors: what goes wrong, as clients of the Open Inference Protocol expect it: a status and `{"error": …}`."""

from __future__ import annotations

from typing import Final

from loopline.errors import LooplineError
from loopline.faces.status import status_of

KINDS: Final = {"model-raised": 500, "arms-differ": 500, "unsupported": 501}


def status(error: LooplineError) -> int:
    """Give the status of an error."""
    return KINDS.get(error.kind) or status_of(error)


def body(error: LooplineError) -> dict[str, str]:
    """Say it. Clients read `error`; people read the hint, too."""
    return {"error": error.message, "kind": error.kind, "hint": error.hint}


def retry_after(error: LooplineError) -> str:
    """Say in how many seconds to come back; empty: it would not help."""
    if status(error) in (429, 503):
        return str(error.facts.get("retry_after", 1))
    return ""
