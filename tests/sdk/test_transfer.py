"""Blobs of a server keep the promises of any store; only what is missing is sent, and a cut costs only what was on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loopline.datasets.build import build_folder
from loopline.datasets.index import Index
from loopline.errors import NotFound, Refused, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.progress import Progress
from loopline.sdk import transfer
from loopline.sdk.files import materialise
from loopline.sdk.transfer import RemoteBlobs
from loopline.sdk.wire import Pace, Wire
from loopline.store.blobs import Blobs
from loopline.store.cached import Cached
from loopline.store.local import LocalBlobs
from loopline.testing.blobs import ABSENT, BlobsSuite
from tests.sdk.scripted import Heard, Say, Scripted, problem, scripted
from tests.started import Served, serving

FAST = Pace(tries=3, pause=0.01, patience=5.0, connect=1.0, read=2.0)
LARGE = os.urandom(transfer.LARGE + 12_345)


class Whole(RemoteBlobs):
    """With the two things that no route offers done in the server's own folder, so that the whole suite can run."""

    kept: LocalBlobs

    def delete(self, digest: Digest) -> bool:
        return self.kept.delete(digest)

    def iter(self) -> Iterator[Digest]:
        return self.kept.iter()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without tokens."""
    with serving(tmp_path_factory.mktemp("server"), "--no-worker") as served:
        yield served


class TestRemoteBlobs(BlobsSuite):
    """A server's blobs behind a folder of copies, as a client has them."""

    tried = 10

    @pytest.fixture
    def blobs(self, server: Served, tmp_path: Path) -> Blobs:
        far = Whole(Wire(server.url), "flights")
        far.kept = LocalBlobs(server.blobs.parent.parent)
        for left in list(far.kept.iter()):
            far.kept.delete(left)
        return Cached(far, tmp_path / "copies", limit=1 << 30)

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        assert isinstance(blobs, Cached)
        assert isinstance(blobs.far, Whole)
        blobs.near.delete(digest)
        path = blobs.far.kept.path(digest)
        assert path is not None
        path.chmod(0o644)
        path.write_bytes(data)


class Store:
    """A server's blob routes of a few lines, with what was sent and what is to go wrong."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.partial = b""
        self.faults: list[Say] = []
        self.cut_at: list[int] = []

    def __call__(self, heard: Heard) -> Say:
        if self.faults and heard.path != "/api/v1/blobs/missing":
            return self.faults.pop(0)
        if heard.path == "/api/v1/blobs/missing":
            return _json({"missing": [one for one in heard.json["digests"] if one not in self.kept]})
        if heard.path == "/api/v1/blobs/pack":
            return _json({"digests": [self._keep(one) for one in unframed(heard.body)]})
        if heard.path == "/api/v1/blobs/fetch":
            data = [self.kept[one] for one in heard.json["digests"]]
            framed = b"".join(len(one).to_bytes(8, "big") + one for one in data)
            return Say(200, framed, {"Content-Type": "application/octet-stream"})
        if heard.path == "/api/v1/uploads":
            self.wanted, self.partial = heard.json, b""
            return Say(201, b"{}", {"Location": "/api/v1/uploads/7", "Content-Type": "application/json"})
        if heard.path == "/api/v1/uploads/7":
            return self._upload(heard)
        digest = heard.path.rpartition("/")[2]
        if heard.method == "PUT":
            return _json({"digest": self._keep(heard.body)})
        return self._get(heard, digest)

    def _upload(self, heard: Heard) -> Say:
        if heard.method == "PATCH":
            if heard.headers["upload-offset"] != str(len(self.partial)):
                return problem("Conflict", 409, "offset-moved")
            if self.cut_at:
                self.partial += heard.body[: self.cut_at.pop(0)]
                return Say(cut=-1)
            self.partial += heard.body
            if len(self.partial) == self.wanted["size"]:
                self._keep(self.partial)
        return Say(200 if heard.method == "HEAD" else 204, b"", {"Upload-Offset": str(len(self.partial))})

    def _get(self, heard: Heard, digest: str) -> Say:
        if digest not in self.kept:
            return problem("NotFound", 404, "blob-missing", digest=digest)
        data, start, stop = self.kept[digest], 0, ""
        if "range" in heard.headers:
            first, _, stop = heard.headers["range"].removeprefix("bytes=").partition("-")
            start = int(first)
        cut = self.cut_at.pop(0) + 100 if self.cut_at and heard.method == "GET" else None
        status = 206 if start else 200
        return Say(
            status, data[start : int(stop) + 1 if stop else None], {"Content-Type": "application/octet-stream"}, cut=cut
        )

    def _keep(self, data: bytes) -> str:
        self.kept[digest_of(data)] = data
        return digest_of(data)


def _json(value: object) -> Say:
    return Say(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def unframed(body: bytes) -> Iterator[bytes]:
    """Take a pack apart."""
    while body:
        size = int.from_bytes(body[:8], "big")
        yield body[8 : 8 + size]
        body = body[8 + size :]


@pytest.fixture
def store() -> Store:
    """An empty store."""
    return Store()


@pytest.fixture
def there(store: Store) -> Iterator[Scripted]:
    """A server with that store."""
    with scripted(store) as server:
        yield server


@pytest.fixture
def blobs(there: Scripted) -> RemoteBlobs:
    """Its blobs, asked with little patience."""
    return RemoteBlobs(Wire(there.url, pace=FAST), "flights")


def sent(there: Scripted, method: str, start: str) -> list[Heard]:
    """Requests of a kind."""
    return [one for one in there.heard if one.method == method and one.path.startswith(start)]


def test_only_what_is_missing_is_sent(there: Scripted, store: Store, blobs: RemoteBlobs) -> None:
    """Blobs that the project holds are named, not sent."""
    old = [bytes([number]) * 3000 for number in range(50)]
    new = [bytes([number]) * 3000 for number in range(50, 60)]
    blobs.put_all(old)
    there.heard.clear()
    assert blobs.put_all(old + new) == [digest_of(one) for one in old + new]
    alone = [one.body for one in sent(there, "PUT", "/api/v1/blobs/")]
    packed = [data for one in sent(there, "POST", "/api/v1/blobs/pack") for data in unframed(one.body)]
    assert sorted(alone + packed) == new
    assert set(store.kept) == {digest_of(one) for one in old + new}


def test_small_blobs_share_requests(there: Scripted, blobs: RemoteBlobs) -> None:
    """A thousand small blobs cost a handful of requests."""
    blobs.put_all([str(number).encode() * 50 for number in range(1000)])
    assert len(there.heard) <= 6


def test_the_same_file_is_not_sent_twice(there: Scripted, blobs: RemoteBlobs, tmp_path: Path) -> None:
    """A file that is there costs one question."""
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    assert blobs.put_file(path) == (digest_of(LARGE), len(LARGE))
    there.heard.clear()
    blobs.put_file(path)
    assert [one.path for one in there.heard] == ["/api/v1/blobs/missing"]


@pytest.mark.parametrize("fault", [Say(cut=-1), Say(503, b""), Say(cut=10)], ids=["reset", "503", "cut"])
def test_a_fault_on_the_way_is_mended(there: Scripted, store: Store, blobs: RemoteBlobs, fault: Say) -> None:
    """Packs and single blobs are sent again after a fault, and read again."""
    store.faults = [fault]
    items = [b"a" * 3000, b"b" * 3000, b"c" * (transfer.SMALL + 1)]
    digests = blobs.put_all(items)
    store.faults = [fault]
    assert [blobs.read(one) for one in digests] == items


def test_an_upload_goes_on_where_it_was_cut(there: Scripted, store: Store, blobs: RemoteBlobs, tmp_path: Path) -> None:
    """After a cut only the bytes that did not arrive are sent again, and the progress is true."""
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    store.cut_at = [5_000_000, 0, 1_000_000]
    seen: list[Progress] = []
    RemoteBlobs(Wire(there.url, pace=FAST), "flights", report=seen.append).put_file(path)
    pieces = [int(one.headers["upload-offset"]) for one in sent(there, "PATCH", "/api/v1/uploads/7")]
    assert pieces == [0, 5_000_000, 5_000_000, 6_000_000]
    assert store.kept[digest_of(LARGE)] == LARGE
    assert (seen[-1].done, seen[-1].total) == (len(LARGE), len(LARGE))
    assert [one.done for one in seen].count(len(LARGE)) == 1


def test_a_download_goes_on_where_it_was_cut(there: Scripted, store: Store, blobs: RemoteBlobs) -> None:
    """After a cut the rest is asked for by its range."""
    digest = Digest(store._keep(LARGE))
    store.cut_at = [3_000_000, 2_000_000]
    assert b"".join(blobs.get(digest)) == LARGE
    assert len(sent(there, "GET", "/api/v1/blobs/")) == 3
    assert [one.headers.get("range") is not None for one in sent(there, "GET", "/api/v1/blobs/")] == [False, True, True]


def test_a_part_comes_by_its_range_and_goes_on_where_it_was_cut(
    there: Scripted, store: Store, blobs: RemoteBlobs
) -> None:
    """Only the bytes that are asked for travel, also after a cut."""
    digest = Digest(store._keep(LARGE))
    store.cut_at = [100_000]
    assert b"".join(blobs.range(digest, 2_000_000, 500_000)) == LARGE[2_000_000:2_500_000]
    asked = [one.headers.get("range") for one in sent(there, "GET", "/api/v1/blobs/")]
    assert (asked[0], len(asked)) == ("bytes=2000000-2499999", 2)
    assert list(blobs.range(digest, len(LARGE), 5)) == []


def test_a_server_that_has_no_sums(there: Scripted, store: Store, blobs: RemoteBlobs, tmp_path: Path) -> None:
    """Where parts cannot be verified all of it is fetched first, once; what is too large to be kept is given as it comes."""
    digest = Digest(store._keep(LARGE))
    cached = Cached(blobs, tmp_path / "copies", limit=1 << 30)
    assert b"".join(cached.range(digest, 9, 3)) == LARGE[9:12]
    there.heard.clear()
    assert b"".join(cached.range(digest, 5_000_000, 3)) == LARGE[5_000_000:5_000_003]
    assert there.heard == []
    small = Cached(blobs, tmp_path / "few", limit=1 << 20)
    assert b"".join(small.range(digest, 9, 3)) == LARGE[9:12]
    store.kept[digest] = LARGE[:-1] + bytes([LARGE[-1] ^ 1])
    with pytest.raises(Unavailable):
        list(Cached(blobs, tmp_path / "others", limit=1 << 30).range(digest, 9, 3))


def test_a_part_of_a_large_blob_costs_its_pieces(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's sums verify each piece; what was fetched stays here for every process, until it is the least used."""
    digest = LocalBlobs(server.blobs.parent.parent).put(LARGE)
    far = RemoteBlobs(Wire(server.url), "flights")
    far.put(LARGE)
    plain, asked = RemoteBlobs.range, list[tuple[int, int]]()

    def counted(self: RemoteBlobs, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        asked.append((start, length))
        return plain(self, digest, start, length)

    monkeypatch.setattr(RemoteBlobs, "range", counted)
    cached = Cached(far, tmp_path / "copies", limit=1 << 30)
    for _ in range(2):
        assert b"".join(cached.range(digest, 3_500_000, 10)) == LARGE[3_500_000:3_500_010]
    assert asked == [(3 << 20, 1 << 20)]
    assert cached._trim() < 2 << 20
    assert cached.path(digest) is not None
    assert list((tmp_path / "copies" / "partial").iterdir()) == []
    small = Cached(far, tmp_path / "few", limit=1 << 20, grace=0.0)
    assert b"".join(small.range(digest, 0, 4 << 20)) == LARGE[: 4 << 20]
    assert list((tmp_path / "few" / "partial").iterdir()) == []


def test_bytes_that_are_not_those_of_the_name(store: Store, blobs: RemoteBlobs) -> None:
    """A server that sends other bytes is not believed, streamed or whole."""
    store.kept[ABSENT] = LARGE
    asks: list[Callable[[], object]] = [
        lambda: blobs.read(ABSENT),
        lambda: list(blobs.get(ABSENT)),
        lambda: blobs.verify(ABSENT),
    ]
    for ask in asks:
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.kind == "blob-corrupt"


def test_an_upload_that_makes_no_way_ends(store: Store, blobs: RemoteBlobs, tmp_path: Path) -> None:
    """A server that takes nothing at all is given up."""
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    store.cut_at = [0] * 30
    with pytest.raises(Unavailable) as caught:
        blobs.put_file(path)
    assert caught.value.kind == "server-unreachable"


def test_an_upload_that_the_server_forgot_begins_again(
    there: Scripted, store: Store, blobs: RemoteBlobs, tmp_path: Path
) -> None:
    """Where an upload is gone after a cut, all of it is sent to a new one."""
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    store.cut_at = [1000]
    plain = store._upload

    def forgetful(heard: Heard) -> Say:
        if heard.method == "HEAD":
            return Say(404, b"", {"Content-Type": "application/problem+json"})
        return plain(heard)

    store._upload = forgetful  # type: ignore[method-assign]
    blobs.put_file(path)
    assert len(sent(there, "POST", "/api/v1/uploads")) == 2
    assert store.kept[digest_of(LARGE)] == LARGE


def test_a_folder_of_many_files_comes_in_few_requests(there: Scripted, blobs: RemoteBlobs, tmp_path: Path) -> None:
    """A tree of two thousand small files is put into the cache with some dozen requests, and each file is right."""
    source = tmp_path / "in"
    source.mkdir()
    for number in range(2000):
        (source / f"{number}.txt").write_text(str(number) * 9)
    cached = Cached(blobs, tmp_path / "copies", limit=1 << 30)
    root = build_folder(cached, source, Index(tmp_path / "index")).root
    empty = Cached(blobs, tmp_path / "others", limit=1 << 30)
    there.heard.clear()
    out = materialise(empty, root, tmp_path / "trees")
    assert {one.name: one.read_text() for one in out.iterdir()} == {f"{n}.txt": str(n) * 9 for n in range(2000)}
    assert len(there.heard) < 40


def test_what_no_route_offers(blobs: RemoteBlobs) -> None:
    """Listing and deleting are refused in words, before anything is sent."""
    for ask in (blobs.iter, lambda: blobs.delete(ABSENT), blobs.writer):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.kind == "not-over-the-wire"


def test_what_is_missing_is_missing(blobs: RemoteBlobs) -> None:
    """A blob that the project does not hold has no size, and reading it says which one it is."""
    assert blobs.size(ABSENT) is None
    with pytest.raises(NotFound) as caught:
        blobs.read(ABSENT)
    assert (caught.value.kind, caught.value.facts) == ("blob-missing", {"digest": ABSENT})
