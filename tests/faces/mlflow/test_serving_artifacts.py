"""Files of runs: written, listed, read, taken away; and what must not work."""

from __future__ import annotations

from tests.faces.mlflow.conftest import Tracker

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def put(tracker: Tracker, place: str, body: bytes = b"x", **headers: str) -> None:
    """Write a file."""
    tracker.say("PUT", f"{ROOT}/{place}", body, **headers)


def names(tracker: Tracker, path: str) -> list[str]:
    """List a folder, folders with a slash behind."""
    return [f"{one['path']}{'/' if one['is_dir'] else ''}" for one in tracker.say("GET", ROOT, {"path": path})["files"]]


def test_a_file_that_was_put_is_listed_and_read(tracker: Tracker) -> None:
    """Bytes come back as they were, with a size; folders are there as soon as something lies in them."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/a/b/deep.txt", b"deep")
    put(tracker, f"0/{run}/artifacts/top.bin", bytes(range(256)))
    assert tracker.say("GET", ROOT, {"path": f"0/{run}/artifacts"})["files"] == [
        {"path": "a", "is_dir": True},
        {"path": "top.bin", "is_dir": False, "file_size": 256},
    ]
    assert names(tracker, f"0/{run}/artifacts/a") == ["b/"]
    assert names(tracker, f"0/{run}/artifacts/a/b") == ["deep.txt"]
    assert names(tracker, f"0/{run}/artifacts/none") == []
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/top.bin").content == bytes(range(256))
    listed = tracker.say("GET", "artifacts/list", {"run_id": run, "path": "a"})
    assert listed == {
        "root_uri": f"mlflow-artifacts:/0/{run}/artifacts",
        "files": [{"path": "a/b", "is_dir": True}],
    }


def test_files_of_a_run_become_an_output_when_it_ends(tracker: Tracker) -> None:
    """One tree, in lineage under its digest; what comes later is read at once, and makes another tree."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/one.txt", b"1")
    tracker.post("runs/update", run_id=run, status="FINISHED", end_time=2)
    made = tracker.served.loop.ledger
    with made.read() as tx:
        first = tx.runs.get(run).outputs
    assert [(one.name, one.media_type) for one in first] == [("artifacts", "application/vnd.loopline.tree.v1")]
    put(tracker, f"0/{run}/artifacts/two.txt", b"2")
    with made.read() as tx:
        second = tx.runs.get(run).outputs
    assert len(second) == 1
    assert second[0].digest != first[0].digest
    assert names(tracker, f"0/{run}/artifacts") == ["one.txt", "two.txt"]
