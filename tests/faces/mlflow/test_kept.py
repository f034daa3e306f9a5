"""Files of versions are listed and read where their address says, and never written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.datasets.tree import build
from loopline.nouns.artifact import MODEL
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.verbs.put import put as publish
from tests.faces.mlflow.registered import MLMODEL, PROMPT, ROOT, model, version

if TYPE_CHECKING:
    from tests.faces.mlflow.conftest import Tracker


def address(tracker: Tracker, name: str = "delay", number: str = "1") -> str:
    """Give where a version's files are."""
    said: str = tracker.get("model-versions/get-download-uri", name=name, version=number)["artifact_uri"]
    assert said.startswith("mlflow-artifacts:/versions/")
    return said.removeprefix("mlflow-artifacts:/")


def files(tracker: Tracker, path: str) -> object:
    """List a folder."""
    return tracker.say("GET", ROOT, {"path": path})["files"]


def test_files_of_a_version_are_listed_and_read(tracker: Tracker) -> None:
    """Folder by folder, with sizes, as those of a run are."""
    model(tracker, versions=1)
    at = address(tracker)
    assert files(tracker, at) == [
        {"path": "MLmodel", "is_dir": False, "file_size": len(MLMODEL)},
        {"path": "data", "is_dir": True},
    ]
    assert files(tracker, f"{at}/data/") == [{"path": "model.bin", "is_dir": False, "file_size": 1}]
    answer = tracker.ask("GET", f"{ROOT}/{at}/data/model.bin")
    assert (answer.content, answer.headers["content-disposition"]) == (b"0", 'attachment; filename="model.bin"')
    assert tracker.ask("GET", f"{ROOT}/{at}/MLmodel", Range="bytes=0-6").content == b"flavors"


def test_what_a_pipeline_has_published_is_read_there_too(tracker: Tracker) -> None:
    """A tree, and a version that is one file."""
    loop = tracker.served.loop
    root = build(loop.blobs, [Entry("model.json", loop.blobs.put(b"{}"), 2)])
    publish(loop, AssetName(loop.project, "model", "a/b#c"), digest=root, media_type=MODEL)
    publish(loop, AssetName(loop.project, "model", "single"), digest=loop.blobs.put(b"one"))
    assert tracker.ask("GET", f"{ROOT}/{address(tracker, 'a/b#c')}/model.json").content == b"{}"
    assert tracker.ask("GET", f"{ROOT}/{address(tracker, 'single')}/file").content == b"one"
    tracker.post("registered-models/create", name="p", tags=[PROMPT])
    version(tracker, "prompt-template", "p", tags=[PROMPT, {"key": "mlflow.prompt.text", "value": "hi"}])
    assert files(tracker, address(tracker, "p")) == [{"path": "prompt.txt", "is_dir": False, "file_size": 2}]


def test_a_version_is_never_written(tracker: Tracker) -> None:
    """409 with the reason, for files and folders, there or not."""
    model(tracker, versions=1)
    at = address(tracker)
    for method, path in (("PUT", "MLmodel"), ("PUT", "new"), ("DELETE", "MLmodel"), ("DELETE", "data")):
        status, code, message = tracker.refused(method, f"{ROOT}/{at}/{path}", b"x" if method == "PUT" else None)
        assert (status, code) == (409, "RESOURCE_CONFLICT")
        assert "never changes" in message


def test_what_is_not_there_is_not_found(tracker: Tracker) -> None:
    """Nor is what is no address, in any spelling, and nobody reaches another project's."""
    model(tracker, versions=1)
    at = address(tracker)
    for path, status in (
        (f"{at}/none", 404), (f"{at}/data", 404), ("versions/99/1/MLmodel", 404), (f"{at[:-1]}9/MLmodel", 404),
        ("versions/x/1/MLmodel", 400), ("versions/1", 400), (f"{at}/..%2fMLmodel", 400), (f"{at}/%252e%252e/x", 400),
        (at, 404),
    ):  # fmt: skip
        assert tracker.refused("GET", f"{ROOT}/{path}")[0] == status, path
    other = tracker.ask("GET", f"{ROOT}/{at}/MLmodel", x_mlflow_workspace="other")
    assert other.status_code == 404
    loop = tracker.served.loop
    token = tracker.served.token("eve", "viewer", scopes=(f"*:{loop.project}:model/other",)).secret
    for path in (f"{at}/MLmodel", "versions/99/1/MLmodel"):
        assert tracker.ask("GET", f"{ROOT}/{path}", Authorization=f"Bearer {token}").status_code == 403
    mine = tracker.served.token("eva", "viewer", scopes=(f"*:{loop.project}:model/delay",)).secret
    assert tracker.ask("GET", f"{ROOT}/{at}/MLmodel", Authorization=f"Bearer {mine}").status_code == 200
