"""Versions go by way of object storage, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Unavailable
from loopline.loop import silent
from loopline.nouns.name import parse_pointer
from loopline.sdk.sharing import Sharing
from loopline.wiring import store_at
from tests.datasets.test_sending import many
from tests.sdk.test_sharing import Project
from tests.store.conftest import Between, between

__all__ = ["between"]
FILES = many(3000) | {"large": os.urandom(3 << 20), "middle": os.urandom(300_000)}
POINTER = parse_pointer("data/flights", project="flights")


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Project]:
    """A project with one version."""
    project = Project("flights", tmp_path / "ann", "ann")
    project.add(FILES)
    yield project
    project.client.close()


def sharing(project: Project, bucket: str, home: Path) -> Sharing:
    return Sharing(project.client, store_at(bucket, home, new=True), report=silent)


def test_there_and_back(ann: Project, bucket: str, between: Between, tmp_path: Path) -> None:
    """A version arrives in another project; its small files take few requests, and pushing again takes two."""
    sent = sharing(ann, bucket, tmp_path).push(POINTER)
    assert sent.blobs > 1500
    assert len([1 for method, _ in between.seen if method in {"PUT", "POST"}]) < 12
    between.seen.clear()
    assert sharing(ann, bucket, tmp_path).push(POINTER).blobs == 0
    assert [method for method, _ in between.seen] == ["GET", "GET"]
    bo = Project("trains", tmp_path / "bo", "bo")
    between.seen.clear()
    sharing(bo, bucket, tmp_path / "home").pull(parse_pointer("data/flights", project="trains"))
    assert len(between.seen) < 30
    assert bo.files() == FILES
    ann.add(FILES | {"new": b"by ann"})
    assert sharing(ann, bucket, tmp_path).push(POINTER).blobs == 3
    between.seen.clear()
    sharing(bo, bucket, tmp_path / "home").pull(parse_pointer("data/flights", project="trains"))
    assert bo.files()["new"] == b"by ann"
    bo.client.close()


def test_a_store_that_goes_away_is_gone_on_with(ann: Project, bucket: str, between: Between, tmp_path: Path) -> None:
    """Where the store refuses in the middle, no mark says that all is there, and what arrived is not sent again."""
    between.wrong = lambda method, path: (403, b"") if method in {"PUT", "POST"} and "/blobs/" in path else None
    with pytest.raises(Unavailable) as caught:
        sharing(ann, bucket, tmp_path).push(POINTER)
    assert caught.value.kind == "store-refused"
    assert "very-secret" not in f"{caught.value} {caught.value.facts} {caught.value.hint}"
    between.wrong = lambda _method, _path: None
    assert list(store_at(bucket, tmp_path, new=False).named.list("roots")) == []
    arrived = set(store_at(bucket, tmp_path, new=False).blobs.iter())
    between.seen.clear()
    sent = sharing(ann, bucket, tmp_path).push(POINTER)
    assert sent.blobs == len(set(store_at(bucket, tmp_path, new=False).blobs.iter()) - arrived) >= 2, (
        "the two large ones, at least"
    )
    other = store_at(bucket, tmp_path, new=False)
    entries = list(Tree(other.blobs, sent.root).iter())
    held = dict(other.blobs.read_all(entry.digest for entry in entries))
    assert {entry.path: held[entry.digest] for entry in entries} == FILES


def test_packs_that_arrived_are_not_sent_again(
    bucket: str, between: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the store refuses after some packs, the next push sends the others only."""
    monkeypatch.setattr("loopline.store.far.PACK", 20_000)
    ann = Project("flights", tmp_path / "ann", "ann")
    ann.add({f"f{number:03d}": os.urandom(1000) for number in range(400)})
    packs: list[str] = []

    def wrong(method: str, path: str) -> tuple[int, bytes] | None:
        if method == "PUT" and path.split("?", maxsplit=1)[0].endswith(".pack"):
            packs.append(path)
        return (403, b"") if len(packs) > 8 else None

    between.wrong = wrong
    with pytest.raises(Unavailable):
        sharing(ann, bucket, tmp_path).push(POINTER)
    between.wrong = lambda _method, _path: None
    sent = sharing(ann, bucket, tmp_path).push(POINTER)
    assert 100 < sent.blobs < 350
    ann.client.close()


def test_a_damaged_pack_names_the_file(bucket: str, tmp_path: Path) -> None:
    """Who pulls is told which file is damaged there, and gets no version until somebody has mended it."""
    files = {f"f{number:03d}": os.urandom(1000) for number in range(40)}
    ann, bo = Project("flights", tmp_path / "ann", "ann"), Project("trains", tmp_path / "bo", "bo")
    ann.add(files)
    sharing(ann, bucket, tmp_path).push(POINTER)
    named = store_at(bucket, tmp_path, new=False).named
    (pack,) = (name for name in named.list("packs") if name.endswith(".pack"))
    held = named.find(f"packs/{pack}")
    assert held is not None
    named.put(f"packs/{pack}", held.replace(files["f007"], b"?" * 1000))
    with pytest.raises(Unavailable) as caught:
        sharing(bo, bucket, tmp_path / "home").pull(parse_pointer("data/flights", project="trains"))
    assert (caught.value.kind, caught.value.facts["path"]) == ("blob-corrupt", "f007")
    assert bo.client.do("ls") == ()
    assert sharing(ann, bucket, tmp_path).push(POINTER, deep=True).blobs == 1
    sharing(bo, bucket, tmp_path / "home").pull(parse_pointer("data/flights", project="trains"))
    assert bo.files() == files
    for one in (ann, bo):
        one.client.close()
