"""Small things under names, in a folder and in an object store."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Unavailable
from loopline.store.local import LocalBlobs
from loopline.store.named import LocalNamed, Named, ObjectNamed, quoted
from loopline.store.objects import ObjectBlobs
from tests.store.conftest import Between


@pytest.fixture(params=["folder", "memory", "s3"])
def named(request: pytest.FixtureRequest, tmp_path: Path) -> Named:
    """Give an empty store."""
    if request.param == "folder":
        return LocalNamed(LocalBlobs(tmp_path / "store"))
    if request.param == "memory":
        from obstore.store import MemoryStore

        return ObjectNamed(ObjectBlobs("memory://", store=MemoryStore()))
    return ObjectNamed(ObjectBlobs(request.getfixturevalue("bucket")))


def test_what_is_put_is_found(named: Named) -> None:
    """A name gives what was put there last, and nothing before and after."""
    assert named.find("assets/data/a=2Fb/main.json") is None
    named.put("assets/data/a=2Fb/main.json", b"1")
    named.put("assets/data/a=2Fb/main.json", b"2")
    assert named.find("assets/data/a=2Fb/main.json") == b"2"
    assert named.delete("assets/data/a=2Fb/main.json")
    assert not named.delete("assets/data/a=2Fb/main.json")
    assert named.find("assets/data/a=2Fb/main.json") is None


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    """A pipe that somebody has put in the place of a name is an error: who opens it to read would wait for ever."""
    (tmp_path / "store" / "assets").mkdir(parents=True)
    os.mkfifo(tmp_path / "store" / "assets" / "main.json")
    with pytest.raises(Unavailable) as caught:
        LocalNamed(LocalBlobs(tmp_path / "store")).find("assets/main.json")
    assert caught.value.kind == "store-broken"


def test_names_of_a_folder_are_listed(named: Named) -> None:
    """Listed are the last parts of what lies in a folder; of one that is not there, none."""
    for name in ("roots/a", "roots/b", "other/c"):
        named.put(name, b"1")
    assert sorted(named.list("roots")) == ["a", "b"]
    assert list(named.list("nothing")) == []
    named.put("roots/deep/er/d", b"1")
    assert sorted(named.walk("roots")) == ["roots/a", "roots/b", "roots/deep/er/d"]
    assert list(named.walk("nothing")) == []


def test_a_swap_compares(named: Named) -> None:
    """What is there is replaced by who saw it, and by nobody else."""
    assert not named.swap("refs/main", b"1", b"2")
    assert named.swap("refs/main", None, b"1")
    assert not named.swap("refs/main", None, b"2")
    assert named.swap("refs/main", b"1", b"2")
    assert not named.swap("refs/main", b"1", b"3")
    assert named.find("refs/main") == b"2"


def test_one_of_many_swaps_wins(named: Named) -> None:
    """Of several who saw the same and write at once, one is told that it did."""
    named.put("refs/main", b"0")
    won: list[int] = []

    def swap(number: int) -> None:
        if named.swap("refs/main", b"0", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(1, 7)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == 1
    assert named.find("refs/main") == b"%d" % won[0]


def test_a_swap_whose_answer_was_lost_has_happened(between: Between, bucket: str) -> None:
    """Where the object was written and nobody heard of it, the next try finds its own bytes there, and says so."""
    named = ObjectNamed(ObjectBlobs(bucket))
    named.put("refs/main", b"1")
    other, lost = ObjectNamed(ObjectBlobs(bucket)), [True]

    def wrong(method: str, _path: str) -> tuple[int, bytes] | None:
        if method != "PUT" or not lost:
            return None
        lost.clear()
        other.put("refs/main", b"2")
        return 500, b""

    between.wrong = wrong
    assert named.swap("refs/main", b"1", b"2")
    assert not named.swap("refs/main", b"1", b"3")


def test_a_bucket_that_is_not_there_is_told(bucket: str) -> None:
    """Neither reading nor writing takes a missing bucket for an empty one."""
    named = ObjectNamed(ObjectBlobs("s3://loopline-nowhere/x"))
    for ask in (lambda: named.find("roots/a"), lambda: named.put("roots/a", b""), lambda: list(named.list("roots"))):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.kind == "store-missing"


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_any_text_becomes_a_part_of_its_own(a: str, b: str) -> None:
    """Different texts have different parts, none of which leaves its folder or is too long for a file system."""
    a, b = (one.encode("utf-8", "ignore").decode() or "x" for one in (a, b))
    assert (quoted(a) == quoted(b)) == (a == b)
    assert "/" not in quoted(a)
    assert quoted(a).strip(".")
    assert len(quoted(a)) < 200
