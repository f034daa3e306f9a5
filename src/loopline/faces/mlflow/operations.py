"""operations: every address that is served, with what answers there. `{}` is a name, `{path}` all that is left."""

from __future__ import annotations

from typing import Final

from loopline.faces.mlflow import (
    serving_artifacts,
    serving_catalogue,
    serving_experiments,
    serving_metrics,
    serving_models,
    serving_modelsearch,
    serving_registry,
    serving_runs,
    serving_server,
    serving_versions,
)
from loopline.faces.mlflow.asking import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    **serving_artifacts.OPERATIONS,
    **serving_catalogue.OPERATIONS,
    **serving_experiments.OPERATIONS,
    **serving_metrics.OPERATIONS,
    **serving_models.OPERATIONS,
    **serving_modelsearch.OPERATIONS,
    **serving_registry.OPERATIONS,
    **serving_runs.OPERATIONS,
    **serving_server.OPERATIONS,
    **serving_versions.OPERATIONS,
}
FIXED: Final = {key: operation for key, operation in OPERATIONS.items() if "{" not in key[1]}
NAMED: Final = {
    (method, tuple(path.split("/"))): operation for (method, path), operation in OPERATIONS.items() if "{}" in path
}
REST: Final[dict[str, dict[str, Operation]]] = {}
"""By the beginning of the path, then by method."""
for (_method, _path), _operation in OPERATIONS.items():
    if _path.endswith("{path}"):
        REST.setdefault(_path.removesuffix("{path}"), {})[_method] = _operation
