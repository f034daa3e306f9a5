"""Data of a server are read and written as those of a ledger here are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

import loopline
from loopline.datasets.tree import build
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.run import Run
from loopline.sdk import filesystem
from loopline.sdk import session as sessions
from loopline.sdk.client import Client
from loopline.sdk.remote import Remote
from loopline.sdk.transfer import RemoteBlobs
from tests.started import Served, serving

pytestmark = pytest.mark.long
BIG = os.urandom((9 << 20) + 17)
FILES = {"big.bin": BIG, **{f"many/{number:03}.csv": f"a\n{number}\n".encode() for number in range(300)}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server without tokens."""
    with serving(tmp_path_factory.mktemp("server"), "--no-worker") as served:
        yield served


@pytest.fixture
def client(server: Served, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of it whose folder of copies is empty, where `data/flights` is on main."""
    monkeypatch.setenv("LOOPLINE_URL", server.url)
    here = sessions.session().client()
    assert isinstance(here, Remote)
    tree = build(here.blobs, [Entry(path, here.blobs.put(data), len(data)) for path, data in FILES.items()])
    here.do("add", "data/flights", tree=tree)
    sessions.session().close()
    for folder in ("remote", "parts", "files"):
        assert os.system(f"rm -rf {here.work / folder}") == 0
    yield sessions.session().client()
    filesystem._wrote.clear()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what travels from now on."""
    sizes: list[int] = []
    pieces, fetch = RemoteBlobs._pieces, RemoteBlobs._fetch

    def one(self: RemoteBlobs, digest: Digest, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        for piece in pieces(self, digest, start, stop):
            sizes.append(len(piece))
            yield piece

    def many(self: RemoteBlobs, digests: list[Digest]) -> list[bytes]:
        found = fetch(self, digests)
        sizes.extend(map(len, found))
        return found

    monkeypatch.setattr(RemoteBlobs, "_pieces", one)
    monkeypatch.setattr(RemoteBlobs, "_fetch", many)
    return sizes


def test_only_what_is_read_travels(client: Client, fetched: list[int]) -> None:
    """One small file costs its bytes and the tree's nodes on the way; a part of a large one its pieces, once for all."""
    files = loopline.data("flights@main")
    assert fetched == []
    assert files.open("many/007.csv").read() == b"a\n7\n"
    assert len(fetched) <= 4
    fetched.clear()
    for _ in range(2):
        file = loopline.data("flights@main").open("big.bin")
        file.seek(-20, os.SEEK_END)
        assert file.read() == BIG[-20:]
        assert sum(fetched) <= 2 << 20
    assert len(files.fetch("many/")) == 300
    fetched.clear()
    assert (files / "many/007.csv").read_text() == "a\n7\n"
    assert fetched == []
    assert (files / "big.bin").read_bytes() == BIG


def test_a_run_far_away_knows_what_was_opened(client: Client) -> None:
    """An input that was only opened is written down, once."""
    files = loopline.data("flights@main")
    with loopline.start("train") as run:
        files.open("many/001.csv").close()
        fsspec.open("loopline://flights@main/many/002.csv").open().close()
    found: Run = client.do("show", run.id)
    assert [(one.name, one.asset) for one in found.inputs] == [("flights", "data/flights")]


def test_writing_to_a_server(client: Client, said: Callable[[], list[str]]) -> None:
    """What is written is staged there, read again from there, and made a version."""
    fs = fsspec.filesystem("loopline", skip_instance_cache=True)
    fs.pipe({f"flights@main/new/{number}": str(number).encode() for number in range(20)})
    with fs.open("flights@main/new/large", "wb") as file:
        file.write(BIG)
    fs.mv("flights@main/many/000.csv", "flights@main/new/zero")
    assert len(fs.find("flights@main/new")) == 22
    assert fs.cat_file("flights@main/new/large", -5) == BIG[-5:]
    assert fs.cat_file("flights@main/new/zero") == b"a\n0\n"
    published = fs.commit("flights@main", "more")
    assert loopline.data(f"flights@{published.version.number}").find("many/000.csv") is None
    assert loopline.data("flights@main").open("new/7").read() == b"7"
