"""The trash of an object store in which blobs lie in packs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.nouns.digest import Digest, digest_of
from loopline.store import fartrash
from loopline.store.cached import Cached
from loopline.store.far import FarBlobs
from loopline.store.objects import ObjectBlobs
from loopline.store.system import SystemClock
from loopline.testing.loop import loop
from loopline.verbs.condemning import Terms, collect, empty, restore

NOW = Terms(keep=0, after=0, trash=0, patience=0)
ITEMS = [b"%d" % number * 50 for number in range(40)]
NAMES = [digest_of(data) for data in ITEMS]
BOTH = dict(zip(NAMES, ITEMS, strict=True))


@pytest.fixture
def blobs() -> FarBlobs:
    """Give a store with one pack."""
    from obstore.store import MemoryStore

    made = FarBlobs(ObjectBlobs("memory://", store=MemoryStore()))
    assert made.put_all(ITEMS) == NAMES
    return made


def seen(blobs: FarBlobs) -> set[Digest]:
    """List the store as another process does."""
    return set(FarBlobs(blobs.objects).iter())


def ends(blobs: FarBlobs) -> list[str]:
    """Give the ends of the names of what packs are made of."""
    return sorted(name.rpartition(".")[2] for name in blobs.named.list("packs"))


@pytest.mark.parametrize("asks", ["read", "get", "size", "missing", "read_all"])
def test_who_asks_takes_it_back(blobs: FarBlobs, asks: str) -> None:
    """Who has looked before and who begins now find what was moved out of a pack; the others stay where they are."""
    for number, here in enumerate((FarBlobs(blobs.objects), FarBlobs(blobs.objects)), 1):
        if number == 1:
            here.missing(NAMES)
        assert blobs.trash.take(number, [NAMES[0]]) == (1, len(ITEMS[0]))
        assert seen(blobs) == set(NAMES[1:])
        match asks:
            case "missing":
                assert here.missing([NAMES[0], digest_of(b"x")]) == {digest_of(b"x")}
            case "get":
                assert b"".join(here.get(NAMES[0])) == ITEMS[0]
            case "read_all":
                assert dict(here.read_all(NAMES[:2])) == {name: BOTH[name] for name in NAMES[:2]}
            case _:
                assert getattr(here, asks)(NAMES[0]) in (len(ITEMS[0]), ITEMS[0])
        assert FarBlobs(blobs.objects).missing(NAMES) == set()
    assert blobs.trash.numbers() == [1, 2]


def test_of_many_that_are_asked_for_those_in_the_trash_come_back(blobs: FarBlobs) -> None:
    """Whoever is about to send a thousand blobs is told of all that need not be sent."""
    blobs.trash.take(1, NAMES[:5])
    others = [digest_of(b"new %d" % number) for number in range(100)]
    assert blobs.missing([*NAMES, *others]) == set(others)
    assert seen(blobs) == set(NAMES)


def test_a_pack_of_which_little_is_left_is_written_anew(blobs: FarBlobs) -> None:
    """The others are in a new one; who knows the old one reads them; of a pack with nothing left nothing stays."""
    knows = FarBlobs(blobs.objects)
    assert knows.missing(NAMES) == set()
    before = set(blobs.named.list("packs"))
    blobs.trash.take(1, NAMES[:10])
    assert ends(blobs) == ["gone", "idx", "pack"]
    blobs.trash.take(1, NAMES[10:30])
    assert ends(blobs) == ["idx", "pack"]
    assert before.isdisjoint(blobs.named.list("packs"))
    assert dict(knows.read_all(NAMES[30:])) == {name: BOTH[name] for name in NAMES[30:]}
    assert FarBlobs(blobs.objects).read(NAMES[39]) == ITEMS[39]
    blobs.trash.take(2, NAMES[30:])
    assert ends(blobs) == []
    assert set(blobs.trash.iter(1)) | set(blobs.trash.iter(2)) == set(NAMES)


def test_many_small_packs_are_written_together(blobs: FarBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in small portions lies in one pack after a reclaim that moves something."""
    monkeypatch.setattr(fartrash, "_FOLD", 3)
    for start in (100, 200, 300):
        blobs.put_all(b"%d" % number * 50 for number in range(start, start + 20))
    assert ends(blobs).count("pack") == 4
    every = seen(blobs)
    blobs.trash.take(1, NAMES[:1])
    assert ends(blobs) == ["idx", "pack"]
    assert seen(blobs) == every - {NAMES[0]}


def test_what_is_damaged_in_a_pack_stays_there(blobs: FarBlobs) -> None:
    """Nothing is taken for whole that is not; a whole object beside it goes, and the pack forgets it then."""
    import obstore

    name = next(name for name in blobs.named.list("packs") if name.endswith(".pack"))
    held = blobs.named.find(f"packs/{name}") or b""
    obstore.put(blobs.objects._store, f"packs/{name}", held.replace(ITEMS[7], b"?" * len(ITEMS[7]), 1))
    assert blobs.trash.take(1, NAMES[7:9]) == (1, len(ITEMS[8]))
    assert seen(blobs) == {*NAMES} - {NAMES[8]}
    assert blobs.trash.take(2, NAMES[9:]) == (len(NAMES) - 9, sum(map(len, ITEMS[9:])))
    assert seen(blobs) == set(NAMES[:8])
    blobs.put(ITEMS[7])
    assert blobs.trash.take(3, [NAMES[7]]) == (1, len(ITEMS[7]))
    assert seen(blobs) == set(NAMES[:7])
    assert blobs.read(NAMES[7]) == ITEMS[7]


def test_what_somebody_left_half_is_removed_a_week_later(blobs: FarBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack whose index was never written goes, once nobody may go on with its upload and still write one."""
    blobs.named.put("packs/half.pack", b"half")
    blobs.trash.take(1, NAMES[:1])
    assert blobs.named.find("packs/half.pack") == b"half"

    class Later(SystemClock):
        days = 7

        def now(self) -> int:
            return super().now() + timedelta(days=self.days) // timedelta(microseconds=1)

    monkeypatch.setattr(fartrash, "_CLOCK", Later())
    blobs.trash.take(1, NAMES[1:2])
    assert blobs.named.find("packs/half.pack") == b"half"
    monkeypatch.setattr(Later, "days", 9)
    blobs.trash.take(1, NAMES[1:2])
    assert blobs.named.find("packs/half.pack") is None
    assert blobs.read(NAMES[2]) == ITEMS[2]


def test_a_reclaim_goes_its_way(bucket: str, tmp_path: Path) -> None:
    """Noted, moved, taken back, moved again and gone, on a server that speaks S3."""
    far = FarBlobs(ObjectBlobs(bucket), tmp_path / "packs")
    blobs = Cached(far, tmp_path / "copies", limit=1 << 20)
    there = loop(blobs=blobs, work=tmp_path / "cache")
    blobs.put_all(ITEMS)
    assert collect(there, NOW).state == "noted"
    assert collect(there, NOW).moved == len(ITEMS)
    assert seen(far) == set()
    assert restore(there, None).moved == len(ITEMS)
    assert seen(far) == set(NAMES)
    collect(there, NOW)
    collect(there, NOW)
    assert empty(there, NOW).moved == len(ITEMS)
    assert FarBlobs(ObjectBlobs(bucket)).missing(NAMES) == set(NAMES)
    assert far.trash.numbers() == []


class Killed(BaseException):
    """A collector that dies."""


def test_killed_at_any_request_it_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it moves is here or in the trash, what it writes anew is there; the next one does the rest."""
    import obstore
    from obstore.store import MemoryStore

    for step in itertools.count():
        blobs = FarBlobs(ObjectBlobs("memory://", store=MemoryStore()))
        blobs.put_all(ITEMS[:16])
        left = itertools.count(step, -1)
        with monkeypatch.context() as patch, suppress(Killed):
            for name in ("put", "copy", "delete"):
                patch.setattr(obstore, name, dying(getattr(obstore, name), left))
            blobs.trash.take(1, NAMES[:9])
        after = FarBlobs(blobs.objects)
        assert {name: after.read(name) for name in NAMES[:16]} == {name: BOTH[name] for name in NAMES[:16]}, step
        after.trash.take(2, NAMES[:9])
        assert seen(after) == set(NAMES[9:16]), step
        if next(left) >= 0:
            break
    assert step > 15


def dying(work: Callable[..., Any], left: Iterator[int]) -> Callable[..., Any]:
    """Die in front of one of several calls, whatever they are."""

    def call(*words: Any, **more: Any) -> Any:
        if next(left) == 0:
            raise Killed
        return work(*words, **more)

    return call
