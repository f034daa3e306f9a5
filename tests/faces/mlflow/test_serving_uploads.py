"""Files that come in parts, and addresses that hold for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from loopline.store.local import LocalBlobs
from tests.faces.mlflow.conftest import Tracker
from tests.server.serving import Served

if TYPE_CHECKING:
    import httpx

ROOT = "/api/2.0/mlflow-artifacts"


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    """Give a server that can sign."""
    made = Tracker(Served(tmp_path, key=lambda: b"k" * 32))
    yield made
    made.served.close()


def at(tracker: Tracker, url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> httpx.Response:
    """Send a request to an address as a program does that knows nothing else."""
    parts = urlsplit(url)
    sent: dict[str, Any] = {"content": body} if body is not None else {}
    return tracker.served.ask(method, f"{parts.path}?{parts.query}", headers=headers, **sent)


def begin(tracker: Tracker, folder: str, parts: int = 2, path: str = "/data/big file.bin", **headers: str) -> Any:
    """Begin an upload."""
    return tracker.say("POST", f"{ROOT}/mpu/create/{folder}", {"path": path, "num_parts": parts}, **headers)


def send(tracker: Tracker, begun: Any, *bodies: bytes) -> list[dict[str, Any]]:
    """Bring parts, and give what a client says of them at the end."""
    said = []
    for one, body in zip(begun["credentials"], bodies, strict=False):
        answer = at(tracker, one["url"], "PUT", body, **one["headers"])
        assert answer.status_code == 200, answer.text
        said.append({"part_number": one["part_number"], "etag": answer.headers["etag"], "url": one["url"]})
    return said


def end(begun: Any, parts: Any, path: str = "/data/big file.bin") -> dict[str, Any]:
    """Make the document that ends an upload."""
    return {"path": path, "upload_id": begun["upload_id"], "parts": parts}


def test_parts_become_one_file(tracker: Tracker) -> None:
    """Called as at home, in the folder that was named; nothing is there before the end, and ending again is no error."""
    run = tracker.run()
    folder = f"0/{run}/artifacts/some%20dir"
    begun = begin(tracker, folder)
    parts = send(tracker, begun, b"a" * 2_000_000, b"end")
    place = f"{ROOT}/artifacts/{folder}/big%20file.bin"
    assert tracker.refused("GET", place)[0] == 404
    for _ in range(2):
        tracker.say("POST", f"{ROOT}/mpu/complete/{folder}", end(begun, parts))
    assert tracker.ask("GET", place).content == b"a" * 2_000_000 + b"end"
    assert at(tracker, begun["credentials"][0]["url"], "PUT", b"late").status_code == 404


def test_a_part_that_is_sent_again_counts_as_it_came_last(tracker: Tracker) -> None:
    """And a path of Windows names a file, too."""
    run = tracker.run()
    begun = begin(tracker, f"0/{run}/artifacts", 1, "C:\\data\\x.bin")
    send(tracker, begun, b"first")
    parts = send(tracker, begun, b"second")
    tracker.say("POST", f"{ROOT}/mpu/complete/0/{run}/artifacts", end(begun, parts, "C:\\data\\x.bin"))
    assert tracker.ask("GET", f"{ROOT}/artifacts/0/{run}/artifacts/x.bin").content == b"second"


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts[:0], lambda parts: parts[::-1], lambda parts: [*parts, parts[-1]],
        lambda parts: [*parts, {"part_number": 9, "etag": ""}], lambda parts: [{**parts[0], "etag": '"other"'}],
    ],
)  # fmt: skip
def test_only_what_came_is_joined(tracker: Tracker, change: Any) -> None:
    """None, in another order, twice, one that never came, or another one: refused, and no file is there."""
    run = tracker.run()
    begun = begin(tracker, f"0/{run}/artifacts")
    parts = send(tracker, begun, b"a", b"b")
    said = tracker.refused("POST", f"{ROOT}/mpu/complete/0/{run}/artifacts", end(begun, change(parts)))
    assert said[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert tracker.say("GET", f"{ROOT}/artifacts", {"path": f"0/{run}/artifacts"}) == {"files": []}


def test_an_upload_is_aborted(tracker: Tracker) -> None:
    """Once or again; afterwards it takes no part, and nothing is made of it."""
    run = tracker.run()
    begun = begin(tracker, f"0/{run}/artifacts")
    parts = send(tracker, begun, b"a", b"b")
    for _ in range(2):
        tracker.say("POST", f"{ROOT}/mpu/abort/0/{run}/artifacts", end(begun, []))
    assert at(tracker, begun["credentials"][0]["url"], "PUT", b"late").status_code == 404
    assert tracker.refused("POST", f"{ROOT}/mpu/complete/0/{run}/artifacts", end(begun, parts))[0] == 404


def test_an_upload_belongs_to_its_file(tracker: Tracker) -> None:
    """Not to another name, run or project; and a sealed model takes none."""
    run, other = tracker.run(), tracker.run()
    begun = begin(tracker, f"0/{run}/artifacts")
    parts = send(tracker, begun, b"a", b"b")
    for folder, path in (
        (f"0/{other}/artifacts", "big file.bin"),
        (f"0/{run}/artifacts", "else"),
        (f"0/{run}/artifacts/x", "big file.bin"),
    ):
        assert tracker.refused("POST", f"{ROOT}/mpu/complete/{folder}", end(begun, parts, path))[0] == 404
    model = tracker.post("logged-models", experiment_id="0")["model"]["info"]["model_id"]
    tracker.say("PUT", f"{ROOT}/artifacts/0/models/{model}/artifacts/a", b"a")
    late = begin(tracker, f"0/models/{model}/artifacts")
    sent = send(tracker, late, b"a", b"b")
    tracker.say("PATCH", f"logged-models/{model}", {"status": "LOGGED_MODEL_READY"})
    assert (
        tracker.refused("POST", f"{ROOT}/mpu/create/0/models/{model}/artifacts", {"path": "x", "num_parts": 1})[0]
        == 409
    )
    assert tracker.refused("POST", f"{ROOT}/mpu/complete/0/models/{model}/artifacts", end(late, sent))[0] == 409
    assert tracker.refused("POST", "artifacts/presigned-upload-url", {"model_id": model, "path": "x"})[0] == 409


@pytest.mark.parametrize(
    "body",
    [
        {"num_parts": 1}, {"path": "", "num_parts": 1}, {"path": "x", "num_parts": 0}, {"path": "x", "num_parts": 10_001},
        {"path": ".."}, {"path": "a/"}, {"path": "x#y"},
    ],
)  # fmt: skip
def test_what_no_upload_is_is_refused(tracker: Tracker, body: dict[str, Any]) -> None:
    """Without a name, with one that leads elsewhere, and with more parts than there may be."""
    run = tracker.run()
    assert tracker.refused("POST", f"{ROOT}/mpu/create/0/{run}/artifacts", body)[0] == 400


def test_an_address_holds_for_what_it_was_signed_for(tracker: Tracker) -> None:
    """A file is read there and written there, each at its own address; ranges can be asked of it."""
    run = tracker.run()
    up = tracker.say("POST", "artifacts/presigned-upload-url", {"run_id": run, "path": "x/y z.txt"})
    assert at(tracker, up["presigned_url"], "PUT", b"hello", **up["headers"]).status_code == 200
    down = tracker.say("POST", "artifacts/presigned-download-url", {"run_id": run, "path": "x/y z.txt"})
    assert down["file_size"] == 5
    assert at(tracker, down["presigned_url"], **down["headers"]).content == b"hello"
    short = tracker.say("GET", f"{ROOT}/presigned/0/{run}/artifacts/x/y%20z.txt")
    assert (short["file_size"], at(tracker, short["url"], Range="bytes=1-2").content) == (5, b"el")
    for url, method in (
        (up["presigned_url"], "GET"),
        (down["presigned_url"], "PUT"),
        (down["presigned_url"], "DELETE"),
    ):
        assert at(tracker, url, method, b"x" if method == "PUT" else None).status_code == 401
    for wrong in (
        down["presigned_url"].replace("y%20z", "other"), down["presigned_url"].replace("loopline-until=", "loopline-until=9"),
        down["presigned_url"] + "&more=1", down["presigned_url"].replace("flights", "other"), down["presigned_url"][:-1],
        f"{ROOT}/artifacts/0/{run}/artifacts/x?loopline-signature=", f"{ROOT}/artifacts/0/{run}/artifacts/x?a=b",
    ):  # fmt: skip
        assert at(tracker, wrong).status_code in (400, 401), wrong


def test_an_address_ends(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """After as many seconds as were asked for, which are not too many."""
    run = tracker.run()
    tracker.say("PUT", f"{ROOT}/artifacts/0/{run}/artifacts/a", b"a")
    url = tracker.say("POST", "artifacts/presigned-download-url", {"run_id": run, "path": "a", "expiration": 60})[
        "presigned_url"
    ]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 50)
    assert at(tracker, url).content == b"a"
    monkeypatch.setattr(time, "time", lambda: now + 70)
    assert at(tracker, url).status_code == 401
    for wrong in (0, 604_801, -1):
        assert (
            tracker.refused(
                "POST", "artifacts/presigned-download-url", {"run_id": run, "path": "a", "expiration": wrong}
            )[0]
            == 400
        )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "a"}, 400), ({"run_id": "RUN", "model_id": "m-1", "path": "a"}, 400), ({"run_id": "RUN"}, 400),
        ({"run_id": "RUN", "path": "../x"}, 400), ({"run_id": "0" * 32, "path": "a"}, 404),
        ({"model_id": "m-none", "path": "a"}, 404),
    ],
)  # fmt: skip
def test_what_is_presigned_has_an_owner_and_a_path(tracker: Tracker, body: dict[str, Any], status: int) -> None:
    """One of them, and one that is there."""
    run = tracker.run()
    asked = {name: run if value == "RUN" else value for name, value in body.items()}
    assert tracker.refused("POST", "artifacts/presigned-upload-url", asked)[0] == status
    assert tracker.refused("POST", "artifacts/presigned-download-url", {"run_id": run, "path": "none"})[0] == 404


def test_on_a_closed_server_an_address_is_its_tokens(tracker: Tracker) -> None:
    """It opens what the token opens, without a header, and ends with it; what an open server gave opens nothing."""
    run = tracker.run()
    before = tracker.say("POST", "artifacts/presigned-upload-url", {"run_id": run, "path": "a"})["presigned_url"]
    tracker.served.token("boss", "admin", everywhere=True)
    issued = tracker.served.token("con", "contributor")
    begun = begin(tracker, f"0/{run}/artifacts", authorization=f"Bearer {issued.secret}")
    outside: dict[str, Any] = {"client": "10.0.0.9"}
    for one in begun["credentials"]:
        parts = urlsplit(one["url"])
        assert tracker.served.ask("PUT", f"{parts.path}?{parts.query}", content=b"x", **outside).status_code == 200
        assert tracker.served.ask("PUT", parts.path, content=b"x", **outside).status_code == 401
    parts = urlsplit(before)
    assert tracker.served.ask("PUT", f"{parts.path}?{parts.query}", content=b"x", **outside).status_code == 401
    with tracker.served.loop.ledger.telemetry() as tx:
        tx.tokens.revoke(issued.token.id)
    parts = urlsplit(begun["credentials"][0]["url"])
    assert tracker.served.ask("PUT", f"{parts.path}?{parts.query}", content=b"x", **outside).status_code == 401


def test_an_address_of_an_open_server_ends_when_that_closes(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was signed for anybody, and anybody is nobody once there is an admin with a token: reading and writing alike."""
    monkeypatch.setattr("loopline.server.auth._FRESH_S", -1.0)
    run = tracker.run()
    up = tracker.say("POST", "artifacts/presigned-upload-url", {"run_id": run, "path": "x"})["presigned_url"]
    assert at(tracker, up, "PUT", b"hello").status_code == 200
    down = tracker.say("POST", "artifacts/presigned-download-url", {"run_id": run, "path": "x"})["presigned_url"]
    assert at(tracker, down).content == b"hello"
    secret = tracker.served.token("root", "admin", everywhere=True).secret
    assert at(tracker, down).status_code == 401
    assert at(tracker, up, "PUT", b"other").status_code == 401
    assert at(tracker, down, authorization=f"Bearer {secret}").content == b"hello"


def test_a_server_without_a_key_has_files_sent_whole(tmp_path: Path) -> None:
    """In the words by which clients know to do so."""
    bare = Tracker(Served(tmp_path, blobs=LocalBlobs(tmp_path)))
    run = bare.run()
    said = bare.refused("POST", f"{ROOT}/mpu/create/0/{run}/artifacts", {"path": "x", "num_parts": 1})
    assert said[:2] == (501, "NOT_IMPLEMENTED")
    assert said[2].startswith("Multipart upload is not supported for the current artifact repository")
    bare.served.close()
