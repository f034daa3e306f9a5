"""operations: every address that is served, with what answers there. `{}` is a name, `{path}` all that is left."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from loopline.faces.mlflow.asking import Operation

MODULES: Final = (
    "serving_artifacts",
    "serving_assessments",
    "serving_catalogue",
    "serving_experiments",
    "serving_history",
    "serving_inputs",
    "serving_metrics",
    "serving_models",
    "serving_modelsearch",
    "serving_old_traces",
    "serving_registry",
    "serving_roles",
    "serving_runs",
    "serving_search",
    "serving_server",
    "serving_spans",
    "serving_traces",
    "serving_uploads",
    "serving_users",
    "serving_versions",
    "serving_webhooks",
    "serving_workspaces",
)
"""Each has `OPERATIONS`, by method and address."""
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {}
for _name in MODULES:
    OPERATIONS.update(import_module(f"loopline.faces.mlflow.{_name}").OPERATIONS)
FIXED: Final = {key: operation for key, operation in OPERATIONS.items() if "{" not in key[1]}
NAMED: Final = {
    (method, tuple(path.split("/"))): operation for (method, path), operation in OPERATIONS.items() if "{}" in path
}
REST: Final[dict[str, dict[str, Operation]]] = {}
"""By the beginning of the path, then by method."""
for (_method, _path), _operation in OPERATIONS.items():
    if _path.endswith("{path}"):
        REST.setdefault(_path.removesuffix("{path}"), {})[_method] = _operation
