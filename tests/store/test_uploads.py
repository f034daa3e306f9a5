"""Large objects in parts, of which a killed process leaves what another one goes on with."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import digest_of
from loopline.store import uploads
from loopline.store.far import FarBlobs
from loopline.store.files import locked
from loopline.store.objects import ObjectBlobs
from loopline.store.s3calls import Calls
from loopline.testing.clock import FakeClock
from tests.store.conftest import Between

SIZE: Final = (16 << 20) + 7
BIG: Final = os.urandom(SIZE)
DIGEST: Final = digest_of(BIG)
REQUESTS: Final = 5
"""Begin, three parts, complete; each may be the last one."""


class Killed(BaseException):
    """The process ends here."""


class Line:
    """Counts what goes over the line, and cuts it at one request: before the store gets it, or before its answer comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent = 0
        self.parts = 0
        self.kill: tuple[int, bool] | None = None
        self.number = 0
        real = Calls._once

        def once(calls: Calls, method: str, key: str | None, query: Any, body: bytes = b"") -> Any:
            self.number += 1
            at, after = self.kill or (0, False)
            if self.number == at and not after:
                raise Killed
            answer = real(calls, method, key, query, body)
            if "partNumber" in query:
                self.sent += len(body)
                self.parts += 1
            if self.number == at:
                raise Killed
            return answer

        monkeypatch.setattr(Calls, "_once", once)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """Listen to the line."""
    return Line(monkeypatch)


def opened(bucket: str, folder: Path) -> ObjectBlobs:
    """Open the store as another process does."""
    return ObjectBlobs(bucket, journal=folder / "uploads")


@contextlib.contextmanager
def dying(line: Line, at: int, *, after: bool) -> Iterator[None]:
    """Be killed at one request of a block."""
    line.kill, line.number = (at, after), 0
    with pytest.raises(Killed):
        yield
    line.kill = None


KILLS = [(at, after) for at in range(1, REQUESTS + 1) for after in (False, True)]


@pytest.mark.parametrize(
    ("at", "after"),
    [pytest.param(*one, marks=[] if one in ((3, False), (5, True)) else pytest.mark.long) for one in KILLS],
)
def test_whoever_was_killed_goes_on(bucket: str, line: Line, tmp_path: Path, at: int, *, after: bool) -> None:
    """Killed at any request, the next process sends what the store has not: no more than one part twice; no upload is left."""
    with dying(line, at, after=after):
        opened(bucket, tmp_path).put(BIG)
    blobs = opened(bucket, tmp_path)
    assert blobs.put(BIG) == DIGEST
    assert line.sent <= SIZE + uploads.PART
    assert blobs.read(DIGEST) == BIG
    assert list((tmp_path / "uploads").iterdir()) == []
    assert blobs.uploads is not None
    lost = at == 1 and after
    """Whose beginning was not heard of: a later sweep takes care of it."""
    assert blobs.uploads.sweep(older=0) == lost


@pytest.mark.parametrize(("at", "after"), [(4, True), pytest.param(6, False, marks=pytest.mark.long)])
def test_a_pack_goes_on_under_its_own_name(
    bucket: str, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool
) -> None:
    """Killed among its parts, or before its index is there, the same blobs are the same pack, and are not sent twice."""
    items = [os.urandom(100_000) for _ in range(180)]
    lacking = [(digest_of(data), data) for data in items]
    if at == 6:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr("loopline.store.named.ObjectNamed.put", _killed)
            list(FarBlobs(opened(bucket, tmp_path)).put_lacking(lacking))
        line.sent = line.parts = 0
    else:
        with dying(line, at, after=after):
            list(FarBlobs(opened(bucket, tmp_path)).put_lacking(lacking))
    blobs = FarBlobs(opened(bucket, tmp_path))
    list(blobs.put_lacking(lacking))
    assert line.parts == (0 if at == 6 else 3)
    assert sorted(name.rpartition(".")[2] for name in blobs.named.list("packs")) == ["idx", "pack"]
    assert dict(blobs.read_all(one for one, _ in lacking)) == dict(lacking)


def _killed(*_: object) -> None:
    raise Killed


def test_what_was_left_is_aborted(bucket: str, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uploads that are old are aborted by who sends later, also those whose notes are elsewhere; young ones stay."""
    monkeypatch.setattr("loopline.store.s3calls._seconds", lambda _: time.time() - 1)  # moto gives the same time to all
    for folder in (tmp_path, tmp_path / "other"):
        with dying(line, 3, after=True):
            opened(bucket, folder).put(BIG)
    found = opened(bucket, tmp_path).uploads
    assert found is not None
    assert found.sweep() == 0
    assert found.sweep(older=0) == 2
    assert found.sweep(older=0) == 0
    assert opened(bucket, tmp_path / "other").put(BIG) == DIGEST, "what was aborted is begun anew"


@pytest.mark.parametrize("note", ["damaged", "old"])
def test_a_note_that_is_no_good_is_no_obstacle(
    bucket: str, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: str
) -> None:
    """A note that a loss of power has spoiled costs what it noted; with an upload that others sweep, nobody goes on."""
    with dying(line, 3 if note == "damaged" else 5, after=False):
        opened(bucket, tmp_path).put(BIG)
    (file,) = (tmp_path / "uploads").iterdir()
    if note == "damaged":
        file.write_bytes(file.read_bytes() + b"\0\0\0\n7\n")
    else:
        now = uploads._CLOCK.now() + int(uploads.LEFT_S * 1e6)
        monkeypatch.setattr(uploads, "_CLOCK", FakeClock(now))
    line.sent = 0
    assert opened(bucket, tmp_path).put(BIG) == DIGEST
    assert line.sent == (SIZE - uploads.PART if note == "damaged" else SIZE)
    assert opened(bucket, tmp_path).read(DIGEST) == BIG


@pytest.mark.long
def test_an_upload_that_somebody_holds_is_left_to_them(bucket: str, line: Line, tmp_path: Path) -> None:
    """Two that send the same at once do not share an upload."""
    blobs = opened(bucket, tmp_path)
    assert blobs.uploads is not None
    (tmp_path / "uploads").mkdir()
    with locked(blobs.uploads._file(DIGEST), make=True):
        blobs.put(BIG)
    assert (blobs.read(DIGEST), line.parts) == (BIG, 0)


@pytest.mark.long
def test_several_parts_at_once(bucket: str, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large object goes several parts at once; killed, it goes on with all that have arrived."""
    monkeypatch.setattr(uploads, "_ALONE", 0)
    with dying(line, 4, after=True):
        opened(bucket, tmp_path).put(BIG)
    assert opened(bucket, tmp_path).put(BIG) == DIGEST
    assert line.sent <= SIZE + uploads.PART


def test_a_store_that_goes_away_is_waited_for_and_gone_on_with(
    between: Between, bucket: str, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not come back, what has arrived stays, and the next call sends the rest."""
    monkeypatch.setattr("loopline.store.s3calls.time.sleep", lambda _: None)
    passed: list[str] = []

    def wrong(method: str, path: str) -> tuple[int, bytes] | None:
        if "partNumber=" not in path or method != "PUT":
            return None
        passed.append(path.partition("partNumber=")[2][:1])
        return None if passed[-1] == "1" else (503, b"<Error><Code>SlowDown</Code></Error>")

    between.wrong = wrong
    with pytest.raises(Unavailable) as caught:
        opened(bucket, tmp_path).put(BIG)
    assert (caught.value.kind, passed) == ("store-unreachable", ["1", *"2222222"])
    between.wrong = lambda _method, _path: None
    line.sent = 0
    assert opened(bucket, tmp_path).put(BIG) == DIGEST
    assert line.sent == SIZE - uploads.PART


def test_what_is_refused_is_taken_back(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a store refuses a part for good, nothing is left of the upload, there or here."""

    def refused(*_: object) -> str:
        raise Unavailable("no", kind="store-refused", hint="ask")

    monkeypatch.setattr(Calls, "put_part", refused)
    with pytest.raises(Unavailable):
        opened(bucket, tmp_path).put(BIG)
    blobs = opened(bucket, tmp_path)
    assert blobs.uploads is not None
    assert blobs.uploads.sweep(older=0) == 0
    assert [file.stat().st_size for file in (tmp_path / "uploads").iterdir()] in ([], [0])
