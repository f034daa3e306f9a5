from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Unavailable
from loopline.faces.native import uploads
from loopline.nouns.actor import Actor
from loopline.nouns.digest import digest_of

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

    from .conftest import Face

BODY = os.urandom(3 << 20)
DIGEST = digest_of(BODY)


def begin(face: Face, digest: str = DIGEST, size: int = len(BODY)) -> str:
    """Begin an upload and give its path."""
    answer = face.post("/uploads", {"digest": digest, "size": size})
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "0"), answer.text
    return answer.headers["location"].removeprefix("/api/v1")


def send(face: Face, place: str, offset: int, piece: bytes) -> httpx.Response:
    """Send the bytes from `offset` on."""
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return face.ask("PATCH", place, content=piece, headers=headers)


def offset_of(face: Face, place: str) -> int:
    """Ask how far it is."""
    return int(face.ask("HEAD", place).headers["upload-offset"])


def spooled(face: Face) -> list[str]:
    """List what the server has put aside."""
    return sorted(path.name for path in (face.loop.work / "uploads").glob("*"))


def test_an_upload_goes_on_where_it_was(face: Face) -> None:
    """Pieces join to the blob; the offset says how far it is; afterwards only a note is left, for whoever did not hear it."""
    place = begin(face)
    assert send(face, place, 0, BODY[:1000]).headers["upload-offset"] == "1000"
    assert offset_of(face, place) == 1000
    assert face.get(f"/blobs/{DIGEST}").status_code == 404
    answer = send(face, place, 1000, BODY[1000:])
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(len(BODY)))
    assert face.get(f"/blobs/{DIGEST}").content == BODY
    assert [name.rpartition(".")[2] for name in spooled(face)] == ["json"]
    assert offset_of(face, place) == len(BODY)
    assert send(face, place, len(BODY), b"").status_code == 204


def test_a_piece_at_the_wrong_place_is_refused(face: Face) -> None:
    """A piece goes where the upload stands and nowhere else; the answer says where that is."""
    place = begin(face)
    send(face, place, 0, BODY[:10])
    for offset in (0, 5, 11, -1):
        answer = send(face, place, offset, b"x")
        assert (answer.status_code, answer.json()["kind"], answer.json()["facts"]["offset"]) == (
            409,
            "offset-moved",
            10,
        )
    assert offset_of(face, place) == 10


def test_a_cut_costs_only_what_was_on_the_way(face: Face) -> None:
    """What came before a connection was lost stays; the rest is sent from there."""
    place = begin(face)

    headers = {"upload_offset": "0", "content_type": "application/offset+octet-stream"}
    pieces = [BODY[at : at + 65536] for at in range(0, 20 * 65536, 65536)]
    assert face.raw("PATCH", f"/api/v1{place}", *pieces, cut=True, **headers) == (0, b"")
    there = offset_of(face, place)
    assert there == 20 * 65536
    assert send(face, place, there, BODY[there:]).status_code == 204
    assert face.get(f"/blobs/{DIGEST}").content == BODY


def test_more_than_was_promised_is_refused(face: Face) -> None:
    """Bytes beyond the size are a 413, whether they are announced or not, and the upload stays where it was."""
    place = begin(face, size=100)
    assert send(face, place, 0, bytes(101)).status_code == 413

    async def more() -> Any:
        yield bytes(101)

    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert face.ask("PATCH", place, content=more(), headers=headers).status_code == 413
    assert offset_of(face, place) == 0


def test_other_bytes_end_the_upload(face: Face) -> None:
    """Where the whole is not what its digest says there is no blob, and the upload begins anew."""
    place = begin(face)
    answer = send(face, place, 0, bytes(len(BODY)))
    assert (answer.status_code, answer.json()["kind"]) == (400, "digest-mismatch")
    assert spooled(face) == []
    assert list(face.loop.blobs.iter()) == []
    assert face.ask("HEAD", place).status_code == 404


def test_a_full_disk_is_waited_for(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a 507; with space again the upload goes on where the disk was full, without a restart."""
    place = begin(face)
    write, room = os.write, [1000]

    def full(file: int, data: bytes) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        took = write(file, bytes(data[: room[0]]))
        room[0] -= took
        return took

    monkeypatch.setattr(os, "write", full)
    answer = send(face, place, 0, BODY)
    assert (answer.status_code, answer.json()["kind"]) == (507, "disk-full")
    monkeypatch.undo()
    there = offset_of(face, place)
    assert there == 1000
    assert send(face, place, there, BODY[there:]).status_code == 204
    assert face.get(f"/blobs/{DIGEST}").content == BODY


def test_a_full_store_is_waited_for(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything has come and only the store is full, asking again ends it without another byte."""
    place = begin(face)

    def full(_: object) -> None:
        raise Unavailable("the disk is full", kind="disk-full", hint="wait")

    monkeypatch.setattr(face.loop.blobs, "put_file", full)
    assert send(face, place, 0, BODY).status_code == 507
    assert face.ask("HEAD", place).status_code == 507
    monkeypatch.undo()
    assert offset_of(face, place) == len(BODY)
    assert face.get(f"/blobs/{DIGEST}").content == BODY


def test_an_upload_is_its_owners(face: Face) -> None:
    """Another actor, another project and a made-up name find nothing; nothing outside of the folder is looked at."""
    place = begin(face)
    assert face.ask("HEAD", f"{place}?project=other").status_code == 404
    for name in ("0" * 32, "../x", "..%2f..%2fledger.db", "x" * 5000):
        assert face.ask("HEAD", f"/uploads/{name}").status_code in (404, 405)
    assert face.caller
    face.caller = replace(face.caller, actor=Actor("person", "bob"))
    assert face.ask("HEAD", place).status_code == 404
    assert send(face, place, 0, BODY).status_code == 404


def test_an_upload_can_be_taken_back(face: Face) -> None:
    """A DELETE forgets what has come."""
    place = begin(face)
    send(face, place, 0, b"x")
    assert face.ask("DELETE", place).status_code == 204
    assert spooled(face) == []
    assert face.ask("HEAD", place).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"digest": DIGEST}, {"digest": DIGEST, "size": -1}, {"digest": DIGEST, "size": True}, {"digest": "x", "size": 1},
     {"digest": DIGEST, "size": 1, "x": 1}, {"digest": DIGEST, "size": 1.5}],
)  # fmt: skip
def test_what_is_no_upload_is_refused(face: Face, body: Any) -> None:
    """A digest and a size begin an upload, nothing else does."""
    assert face.post("/uploads", body).status_code == 400
    assert spooled(face) == []


def test_a_piece_says_what_it_is(face: Face) -> None:
    """A piece with another content type is a 415."""
    answer = face.ask("PATCH", begin(face), content=b"x", headers={"Upload-Offset": "0"})
    assert answer.status_code == 415


def test_what_nobody_goes_on_with_is_swept(face: Face) -> None:
    """An upload without a byte for a day goes with all its files, also a stray one; a younger one stays."""
    old, young = begin(face), begin(face)
    folder = face.loop.work / "uploads"
    stray = folder / ("f" * 32 + ".part")
    stray.write_bytes(b"x")
    for path in [*folder.glob(f"{old.rpartition('/')[2]}*"), stray]:
        os.utime(path, (0, 0))
    assert uploads.sweep(face.loop.work) == 1
    assert face.ask("HEAD", old).status_code == 404
    assert offset_of(face, young) == 0
    assert not stray.exists()
    assert uploads.sweep(face.loop.work / "nowhere") == 0


HOLD = """
import fcntl, sys
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_at_the_same_upload_is_waited_for(face: Face) -> None:
    """Of several processes one at a time writes to an upload; the others are told so, and nothing of theirs gets in between."""
    place = begin(face)
    spool = face.loop.work / "uploads" / f"{place.rpartition('/')[2]}.part"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(spool)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        for answer in (send(face, place, 0, BODY), face.ask("DELETE", place), face.ask("HEAD", place)):
            assert answer.status_code == 409
        assert send(face, place, 0, BODY).json()["kind"] == "upload-busy"
        assert spool.stat().st_size == 0
        other.stdin.close()
        other.wait(10)
    assert send(face, place, 0, BODY).status_code == 204
    assert face.get(f"/blobs/{DIGEST}").content == BODY


def test_who_looked_before_the_end_writes_nothing_after_it(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that found the upload unfinished, and came to its file when it was done, is told to ask again."""
    place = begin(face)
    known = uploads._known

    def slow(request: Request) -> Any:
        found = known(request)
        monkeypatch.undo()
        assert send(face, place, 0, BODY).status_code == 204
        return found

    monkeypatch.setattr(uploads, "_known", slow)
    assert send(face, place, 0, BODY).json()["kind"] == "upload-busy"
    assert (send(face, place, len(BODY), b"").status_code, face.get(f"/blobs/{DIGEST}").content) == (204, BODY)


def test_a_request_that_is_cut_off_keeps_its_file_until_its_thread_is_done(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile nobody else appends; afterwards what was written counts, and the upload goes on there."""
    place = begin(face)
    write, begun, go_on = os.write, threading.Event(), threading.Event()

    def slow(file: int, data: bytes) -> int:
        begun.set()
        assert go_on.wait(20)
        return write(file, data)

    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}

    async def cut() -> tuple[str, bool]:
        task = asyncio.ensure_future(face._ask("PATCH", place, content=BODY[: 1 << 20], headers=headers))
        await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        await asyncio.sleep(0.05)
        busy = await face._ask("PATCH", place, content=BODY, headers=headers)
        ended = task.done()
        go_on.set()
        with suppress(asyncio.CancelledError):
            await task
        return busy.json()["kind"], ended

    monkeypatch.setattr(os, "write", slow)
    assert asyncio.run(cut()) == ("upload-busy", False)
    monkeypatch.undo()
    spool = face.loop.work / "uploads" / f"{place.rpartition('/')[2]}.part"
    assert spool.read_bytes() == BODY[: 1 << 20]
    assert send(face, place, 1 << 20, BODY[1 << 20 :]).status_code == 204


def test_the_file_is_opened_on_a_thread(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is opened and locked on a thread of the desk, and a full disk there is a 507, too."""
    place = begin(face)
    names: set[str] = set()
    opened = os.open

    def full(path: Any, *args: Any, **asked: Any) -> int:
        if str(path).endswith(".part"):
            names.add(threading.current_thread().name.rpartition("_")[0])
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return opened(path, *args, **asked)

    monkeypatch.setattr(os, "open", full)
    assert send(face, place, 0, BODY).status_code == 507
    monkeypatch.undo()
    assert names == {"loopline-verb"}
    assert send(face, place, 0, BODY).status_code == 204
