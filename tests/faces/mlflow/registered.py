"""Models that are logged, registered and guarded, as tests of the registry want them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loopline.checks.document import Document, dump_document
from loopline.nouns.actor import parse_actor
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs.policy import policy

if TYPE_CHECKING:
    from tests.faces.mlflow.conftest import Tracker

ROOT = "/api/2.0/mlflow-artifacts/artifacts"
MLMODEL = b"""flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    code: null
    serialization_format: skops
    sklearn_version: 1.9.1
signature:
  inputs: '[{"type": "double", "name": "km", "required": true}]'
  outputs: null
"""
PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


def put(tracker: Tracker, place: str, body: bytes) -> None:
    """Write a file of a run or a model."""
    tracker.say("PUT", f"{ROOT}/{place}", body)


def logged(tracker: Tracker, body: bytes = b"model", *, run: str = "", name: str = "model", ready: bool = True) -> str:
    """Log a model with two files, finish it, and give its id."""
    said = tracker.post("logged-models", experiment_id="0", name=name, source_run_id=run or None)["model"]["info"]
    for path, data in (("MLmodel", MLMODEL), ("data/model.bin", body)):
        put(tracker, f"{said['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{path}", data)
    if ready:
        tracker.say("PATCH", f"logged-models/{said['model_id']}", {"status": "LOGGED_MODEL_READY"})
    return str(said["model_id"])


def model(tracker: Tracker, name: str = "delay", versions: int = 0) -> None:
    """Register a model with so many versions, each of other bytes."""
    tracker.post("registered-models/create", name=name)
    for number in range(versions):
        version(tracker, f"models:/{logged(tracker, b'%d' % number)}", name)


def version(tracker: Tracker, source: str, name: str = "delay", **more: Any) -> dict[str, Any]:
    """Register a version, and give it."""
    found: dict[str, Any] = tracker.post("model-versions/create", name=name, source=source, **more)["model_version"]
    return found


def guard(tracker: Tracker, *refs: str) -> None:
    """Put a policy into force that wants an approval of somebody else."""
    loop = replace(tracker.served.loop, actor=parse_actor("ann"))
    asked = (Policy("models", refs, approvals=Approvals(count=1, not_author=True)),) if refs else ()
    policy(loop, document=dump_document(Document(asked, ())).decode(), why="test")


def aliases(tracker: Tracker, name: str = "delay") -> dict[str, str]:
    """Give the aliases of a model with the versions where they stand."""
    said = tracker.get("registered-models/get", name=name)["registered_model"]["aliases"]
    return {one["alias"]: one["version"] for one in said}


def stages(tracker: Tracker, name: str = "delay") -> dict[str, str]:
    """Give the stage of every version of a model."""
    said = tracker.get("model-versions/search", filter=f"name = '{name}'")["model_versions"]
    return {one["version"]: one["current_stage"] for one in said}
