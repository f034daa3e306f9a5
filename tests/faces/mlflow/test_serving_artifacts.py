"""Files of runs: written, listed, read, taken away; and what must not work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from loopline.nouns.artifact import TREE
from loopline.store.local import LocalBlobs
from tests.faces.mlflow.conftest import Tracker

ROOT = "/api/2.0/mlflow-artifacts/artifacts"
MIB = 1 << 20


def put(tracker: Tracker, place: str, body: bytes = b"x", **headers: str) -> None:
    """Write a file."""
    tracker.say("PUT", f"{ROOT}/{place}", body, **headers)


def names(tracker: Tracker, path: str) -> list[str]:
    """List a folder, folders with a slash behind."""
    files = tracker.say("GET", ROOT, {"path": path})["files"]
    return [f"{one['path']}{'/' if one['is_dir'] else ''}" for one in files]


def outputs(tracker: Tracker, run: str) -> list[tuple[str, str, str]]:
    """Give the outputs of a run: name, digest, media type."""
    with tracker.served.loop.ledger.read() as tx:
        return [(one.name, one.digest, one.media_type) for one in tx.runs.get(run).outputs]


def test_a_file_that_was_put_is_listed_and_read(tracker: Tracker) -> None:
    """Bytes come back as they were, with a size; folders are there as soon as something lies in them."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/a/b/deep.txt", b"deep")
    put(tracker, f"0/{run}/artifacts/top.bin", bytes(range(256)))
    put(tracker, f"0/{run}/artifacts/empty", b"")
    assert tracker.say("GET", ROOT, {"path": f"0/{run}/artifacts"})["files"] == [
        {"path": "a", "is_dir": True},
        {"path": "empty", "is_dir": False, "file_size": 0},
        {"path": "top.bin", "is_dir": False, "file_size": 256},
    ]
    assert names(tracker, f"0/{run}/artifacts/a/") == ["b/"]
    assert names(tracker, f"0/{run}/artifacts/a/b") == ["deep.txt"]
    for nothing in ("none", "top.bin", "a/b/deep.txt"):
        assert names(tracker, f"0/{run}/artifacts/{nothing}") == []
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/top.bin").content == bytes(range(256))
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/empty").content == b""
    assert tracker.say("GET", "artifacts/list", {"run_id": run, "path": "a"}) == {
        "root_uri": f"mlflow-artifacts:/0/{run}/artifacts", "files": [{"path": "a/b", "is_dir": True}],
    }  # fmt: skip
    assert tracker.refused("GET", "artifacts/list", {"run_id": run, "page_token": "x"})[0] == 400
    assert tracker.say("GET", ROOT) == {"files": []}


def test_a_large_file_comes_and_goes_in_pieces(tracker: Tracker) -> None:
    """Of several MiB; parts of it can be asked for, and what lies outside is refused."""
    run = tracker.run()
    body = bytes(range(256)) * (3 * MIB // 256) + b"end"
    put(tracker, f"0/{run}/artifacts/big", body)
    place = f"{ROOT}/0/{run}/artifacts/big"
    answer = tracker.ask("GET", place)
    assert answer.content == body
    assert tracker.ask("HEAD", place).headers["content-length"] == str(len(body))
    part = tracker.ask("GET", place, range=f"bytes={MIB - 1}-{MIB}")
    assert (part.status_code, part.content) == (206, body[MIB - 1 : MIB + 1])
    assert part.headers["content-range"] == f"bytes {MIB - 1}-{MIB}/{len(body)}"
    assert tracker.ask("GET", place, range="bytes=-3").content == b"end"
    assert tracker.refused("GET", place, range=f"bytes={len(body)}-")[:2] == (416, "INVALID_PARAMETER_VALUE")
    again = tracker.ask("GET", place, if_none_match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MLmodel", "text/plain; charset=utf-8"), ("a.html", "text/plain; charset=utf-8"), ("a.SVG", "text/plain; charset=utf-8"),
        ("a.xml", "text/plain; charset=utf-8"), ("plot.png", "image/png"), ("model.pkl", "application/octet-stream"),
        ("none", "application/octet-stream"), (".html", "application/octet-stream"), ("a.js", "text/plain; charset=utf-8"),
    ],
)  # fmt: skip
def test_a_file_is_always_something_to_be_saved(tracker: Tracker, name: str, kind: str) -> None:
    """With a type by its name, whatever the client called it; as an attachment, in a sandbox, unsniffed."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/{name}", b"<script>alert(1)</script>", content_type="text/html")
    headers = tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/{name}").headers
    assert headers["content-type"] == kind
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == f'attachment; filename="{name}"'
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_name_that_no_header_can_say_is_said_otherwise(tracker: Tracker) -> None:
    """As RFC 6266 has it; quotes do not end the name."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/%C3%BC%22x.txt")
    said = tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/%C3%BC%22x.txt").headers["content-disposition"]
    assert said == "attachment; filename=\"__x.txt\"; filename*=UTF-8''%C3%BC%22x.txt"


def test_equal_files_are_stored_once(tracker: Tracker) -> None:
    """Whoever logs them; each has its digest in what the project holds."""
    first, second = tracker.run(), tracker.run()
    for run in (first, second):
        put(tracker, f"0/{run}/artifacts/{run}.bin", b"the same" * 10_000)
    loop = tracker.served.loop
    kept = list(loop.blobs.iter())
    assert len(kept) == 1
    with loop.ledger.read() as tx:
        assert tx.holdings.among("flights", kept) == set(kept)


def test_files_of_a_run_become_an_output_when_it_ends(tracker: Tracker) -> None:
    """One tree, in lineage under its digest; what comes later is read at once, and makes another tree."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/one.txt", b"1")
    assert outputs(tracker, run) == []
    tracker.post("runs/update", run_id=run, status="FINISHED", end_time=2)
    first = outputs(tracker, run)
    assert [(name, kind) for name, _, kind in first] == [("artifacts", TREE)]
    put(tracker, f"0/{run}/artifacts/two.txt", b"2")
    second = outputs(tracker, run)
    assert len(second) == 1
    assert second != first
    assert names(tracker, f"0/{run}/artifacts") == ["one.txt", "two.txt"]


def test_a_file_or_a_folder_is_taken_away(tracker: Tracker) -> None:
    """Once or again; the root with all below."""
    run = tracker.run()
    for name in ("a/1", "a/2", "b", "c"):
        put(tracker, f"0/{run}/artifacts/{name}")
    for gone in ("a", "b", "b"):
        tracker.say("DELETE", f"{ROOT}/0/{run}/artifacts/{gone}")
    assert names(tracker, f"0/{run}/artifacts") == ["c"]
    assert tracker.refused("GET", f"{ROOT}/0/{run}/artifacts/b")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    tracker.say("DELETE", f"{ROOT}/0/{run}/artifacts/")
    assert names(tracker, f"0/{run}/artifacts") == []


def test_a_deleted_run_is_read_and_not_written(tracker: Tracker) -> None:
    """Until it is restored."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/a", b"a")
    tracker.post("runs/delete", run_id=run)
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/a").content == b"a"
    for method in ("PUT", "DELETE"):
        assert tracker.refused(method, f"{ROOT}/0/{run}/artifacts/a", b"b")[:2] == (400, "INVALID_PARAMETER_VALUE")
    tracker.post("runs/restore", run_id=run)
    put(tracker, f"0/{run}/artifacts/b")
    assert names(tracker, f"0/{run}/artifacts") == ["a", "b"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content_length": "x"}, "number"),
        ({"content_encoding": "gzip"}, "Content-Encoding"),
        ({"content_length": "9" * 17}, "at most"),
    ],
)
def test_a_body_is_what_it_is_said_to_be(tracker: Tracker, headers: dict[str, str], said: str) -> None:
    """No other length than a number, nothing packed, and not more than the server takes: it is told how much that is."""
    run = tracker.run()
    status, code, message = tracker.refused("PUT", f"{ROOT}/0/{run}/artifacts/a", b"x", **headers)
    assert (status, code, said in message) == (400, "INVALID_PARAMETER_VALUE", True)
    assert list(tracker.served.loop.blobs.iter()) == []


def test_more_than_the_server_takes_leaves_nothing(tracker: Tracker) -> None:
    """Also where the length was not said; the answer says the limit."""
    run = tracker.run()
    tracker.served.app.state.desk = replace(tracker.served.desk, upload_limit=2 * MIB)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * MIB

    answer = sent(tracker, f"{ROOT}/0/{run}/artifacts/a", body())
    assert (answer.status_code, str(2 * MIB) in answer.text) == (400, True)
    assert list(tracker.served.loop.blobs.iter()) == []
    assert names(tracker, f"0/{run}/artifacts") == []


@pytest.mark.parametrize("sized", [10, 3 * MIB])
def test_a_body_that_ends_early_leaves_nothing(tracker: Tracker, sized: int) -> None:
    """The file that was there before is there still."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/a", b"before")
    before = set(tracker.served.loop.blobs.iter())
    asyncio.run(cut(tracker, f"{ROOT}/0/{run}/artifacts/a", sized))
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/a").content == b"before"
    assert set(tracker.served.loop.blobs.iter()) == before
    blobs = tracker.served.loop.blobs
    assert isinstance(blobs, LocalBlobs)
    assert [one for one in (blobs.folder / "tmp").glob("*") if one.is_file()] == []


async def cut(tracker: Tracker, path: str, sized: int) -> None:
    """Send the beginning of a body, and then go away."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"x" * sized, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(_: Any) -> None:
        pass

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "PUT", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", str(sized + 5).encode())],
    }  # fmt: skip
    try:
        await tracker.served.app(scope, receive, send)
    except Exception:  # noqa: BLE001 (nobody is there to be answered)
        return


def sent(tracker: Tracker, path: str, body: AsyncIterator[bytes]) -> httpx.Response:
    """Send a body whose length is not said."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=tracker.served.app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.put(path, content=body)

    return asyncio.run(go())


def test_who_may_only_look_writes_nothing(tracker: Tracker) -> None:
    """A viewer reads files, and puts and deletes none; a stranger sees none."""
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/a", b"a")
    tracker.served.token("boss", "admin", everywhere=True)
    viewer = f"Bearer {tracker.served.token('vic', 'viewer').secret}"
    place = f"{ROOT}/0/{run}/artifacts/a"
    assert tracker.ask("GET", place, authorization=viewer).content == b"a"
    for method in ("PUT", "DELETE"):
        assert tracker.refused(method, place, b"b", authorization=viewer)[:2] == (403, "PERMISSION_DENIED")
    assert tracker.served.ask("GET", place, client="10.0.0.9").status_code == 401
