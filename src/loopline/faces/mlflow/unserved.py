"""unserved: what MLflow declares and this does not serve, so that whoever asks is told so, and not that they mistyped it."""

from __future__ import annotations

from typing import Final

from loopline.faces.mlflow.errors import Fault

UNSERVED: Final[dict[str, str]] = {
    "mlflow/gateway/": "the AI gateway",
    "mlflow/review-queues": "review queues",
    "mlflow/label-schemas": "label schemas",
    "mlflow/issues": "issues",
    "mlflow/prompt-optimization/": "optimization of prompts",
}
"""Beginnings of paths below the API's version, and what they belong to."""


def unserved(method: str, path: str) -> Fault | None:
    """Say that an address is MLflow's and not served here; None where it is nobody's."""
    parts = path.split("/", 3)
    rest = parts[3] if len(parts) == 4 else ""
    for beginning, what in UNSERVED.items():
        if rest.startswith(beginning):
            return Fault("NOT_IMPLEMENTED", f"{method} {path} is not served: Loopline does not have {what}")
    return None
