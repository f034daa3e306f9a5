"""unserved: what MLflow declares and this does not serve, so that whoever asks is told so, and not that they mistyped it."""

from __future__ import annotations

from typing import Final

from loopline.faces.mlflow.errors import Fault

PAGES: Final = (
    "/ajax-api",
    "/graphql",
    "/get-artifact",
    "/model-versions",
    "/static-files",
    "/build",
    "/signup",
    "/gateway",
)
"""Where an MLflow server answers its own pages, and calls of language models."""
UNSERVED: Final[dict[str, str]] = {
    "/ajax-api/*": "is what MLflow's own pages ask: Loopline has pages of its own, and programs use /api",
    "/graphql": "is what MLflow's own pages ask: the same is told below /api",
    "/get-artifact": "is what MLflow's own pages ask: files are below /api/2.0/mlflow-artifacts/artifacts",
    "/model-versions/*": "is what MLflow's own pages ask: files are below /api/2.0/mlflow-artifacts/artifacts",
    "/static-files/*": "is a part of MLflow's own pages: Loopline has pages of its own",
    "/build/*": "is a part of MLflow's own pages: Loopline has pages of its own",
    "/signup": "makes a password, and there are none here: `loopline issue` makes tokens",
    "/gateway/*": "calls language models: Loopline passes no questions on to other services",
    "/api/3.0/mlflow/gateway/*": "belongs to the AI gateway: Loopline passes no questions on to other services",
    "/api/3.0/mlflow/label-schemas/*": "belongs to label schemas, which Loopline does not have",
    "/api/3.0/mlflow/review-queues/*": "belongs to review queues, which Loopline does not have",
    "/api/3.0/mlflow/issues": "belongs to issues of traces, which Loopline does not have: see `loopline incident`",
    "/api/3.0/mlflow/issues/*": "belongs to issues of traces, which Loopline does not have: see `loopline incident`",
    "/api/3.0/mlflow/prompt-optimization/*": "belongs to the optimization of prompts, which Loopline does not have",
    "/api/3.0/mlflow/mcp-servers": "belongs to the registry of MCP servers, which Loopline does not have",
    "/api/3.0/mlflow/mcp-servers/*": "belongs to the registry of MCP servers, which Loopline does not have",
    "/api/3.0/mlflow/scorers/*": "belongs to scorers that a server runs: Loopline runs checks (`loopline check`)",
    "/api/3.0/mlflow/datasets/*": "belongs to evaluation datasets of traces: data are assets here (`loopline add`)",
    "/api/3.0/mlflow/traces/calculate-filter-correlation": "is what MLflow's own pages ask",
    "/api/3.0/mlflow/traces/metrics": "is what MLflow's own pages draw: search traces, and add up what they say",
    "GET /api/2.0/mlflow/traces/{}": "is a preview of 2.22: GET /api/3.0/mlflow/traces/ID",
    "/api/2.0/mlflow/traces/{}/assessments": "is a preview of 2.22: they are below /api/3.0/mlflow/traces",
    "/api/2.0/mlflow/traces/{}/assessments/{}": "is a preview of 2.22: they are below /api/3.0/mlflow/traces",
    "/api/2.0/mlflow/experiments/permissions/*": "is how 2.x gives a permission on one experiment: a role is for a project",
    "/api/2.0/mlflow/registered-models/permissions/*": "is how 2.x gives a permission on one model: a role is for a project",
    "/api/2.0/mlflow/get-online-trace-details": "is of Databricks: no server of MLflow has it",
    "/api/2.0/mlflow/unified-traces": "is of Databricks: search with POST /api/3.0/mlflow/traces/search",
    "/api/2.0/mlflow/users/create-ui": "makes a password, and there are none here: `loopline issue` makes tokens",
}
"""Addresses, some with a method, and what is to be said of them. `*` is all that is left, `{}` a name."""


def unserved(method: str, path: str) -> Fault | None:
    """Say that an address is MLflow's and not served here; None where it is nobody's."""
    asked = (path, f"{method} {path}")
    found = next((said for pattern, said in UNSERVED.items() if any(_fits(pattern, one) for one in asked)), "")
    return Fault("NOT_IMPLEMENTED", f"{method[:20]} {path[:500]} {found}.") if found else None


def _fits(pattern: str, path: str) -> bool:
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1])
    words, parts = pattern.split("/"), path.split("/")
    return len(words) == len(parts) and all(word in (part, "{}") for word, part in zip(words, parts, strict=True))
