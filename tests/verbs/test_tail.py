from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Never

import pytest

from loopline.errors import NotFound
from loopline.nouns.run import RunState
from loopline.store.blobs import Blobs
from loopline.store.local import LocalBlobs

from .conftest import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(world: World, tmp_path: Path) -> World:
    """Give the world with a folder for logs of its own."""
    return World(replace(world.loop, work=tmp_path))


def printed(world: World, text: str, name: str = "train", **about: Any) -> str:
    """Record a step that is over and what it printed."""
    run: str = world.do("start", name, kind="step", **about).id
    label(world, run, log=world.loop.blobs.put(text.encode()))
    world.do("finish", run)
    return run


def label(world: World, run: str, **tags: str) -> None:
    """Write tags that nobody may ask for, as what runs pipelines does."""
    with world.loop.ledger.write(world.loop.project, world.loop.actor) as tx:
        tx.runs.annotate(run, tags=tags)
        tx.say("test", run)


def growing(world: World, text: bytes) -> str:
    """Record a run that prints now."""
    run: str = world.do("start", "train").id
    folder = world.loop.work / "logs"
    folder.mkdir(exist_ok=True)
    (folder / f"{run}.log").write_bytes(text)
    return run


def test_a_log_is_read_from_its_end(here: World) -> None:
    """Without an offset the last piece comes; whole where it is small."""
    run = printed(here, "one\ntwo\n")
    found = here.do("tail", run)
    assert (found.text, found.offset, found.next, found.size, found.over) == ("one\ntwo\n", 0, 8, 8, True)
    assert here.do("tail", run, offset=-4).text == "two\n"
    assert here.do("tail", run, offset=4, limit=2).text == "tw"
    assert here.do("tail", run, offset=99).text == ""


def test_pieces_put_together_are_the_whole(here: World) -> None:
    """Asking from `next` on loses nothing and cuts no character in two, whatever the size of a piece."""
    text = "grün 雪 🚀 end\n" * 3
    run = printed(here, text)
    for limit in range(4, 20):
        parts, at = [], 0
        while True:
            found = here.do("tail", run, offset=at, limit=limit)
            parts.append(found.text)
            at = found.next
            if found.over:
                break
        assert "".join(parts) == text, limit


def test_a_growing_log_is_followed(here: World) -> None:
    """What comes later is read from where the last answer ended; a character that is half there waits."""
    run = growing(here, "start\nfür".encode()[:-1] + b"")
    path = here.loop.work / "logs" / f"{run}.log"
    path.write_bytes("start\nfü".encode()[:-1])
    first = here.do("tail", run)
    assert (first.text, first.over) == ("start\nf", False)
    path.write_bytes("start\nfür\n".encode())
    second = here.do("tail", run, offset=first.next)
    assert second.text == "ür\n"
    assert here.do("tail", run, offset=second.next).text == ""


def test_a_run_without_a_log_says_nothing(here: World) -> None:
    """It runs elsewhere, or printed nothing."""
    run = here.do("start", "train").id
    assert (here.do("tail", run).text, here.do("tail", run).over) == ("", False)
    here.do("finish", run)
    assert here.do("tail", run).over


def test_of_a_pipeline_the_step_that_matters(here: World) -> None:
    """The one that failed; else the one that runs; else the last; or the one that is named."""
    outer = here.do("start", "train", kind="pipeline").id
    printed(here, "a", "load", parent=outer)
    last = printed(here, "b", "fit", parent=outer)
    assert here.do("tail", outer).run == last
    assert here.do("tail", outer, step="load").text == "a"
    running = here.do("start", "judge", kind="step", parent=outer).id
    assert here.do("tail", outer).run == running
    here.do("finish", running, state=RunState.FAILED, error="no")
    printed(here, "d", "more", parent=outer)
    assert here.do("tail", outer).run == running
    with pytest.raises(NotFound) as raised:
        here.do("tail", outer, step="nope")
    assert raised.value.kind == "no-step"


def test_a_cached_step_shows_what_it_printed_when_it_ran(here: World) -> None:
    """Nothing ran, so the origin's log is the one."""
    origin = printed(here, "from the first time")
    cached = here.do("start", "train", kind="step").id
    with here.loop.ledger.database.write() as rows:
        rows.do("UPDATE runs SET state = 'cached', origin = ? WHERE id = ?", origin, cached)
    found = here.do("tail", cached)
    assert (found.run, found.text) == (origin, "from the first time")


@pytest.mark.parametrize("kept", ["sha256:../../../../etc/passwd", "none", "sha256:" + "0" * 63])
def test_a_log_that_is_no_digest_is_none(here: World, kept: str) -> None:
    """A tag that an older server let somebody write opens no file."""
    run = here.do("start", "train").id
    label(here, run, log=kept)
    assert (here.do("tail", run).text, here.do("tail", run).size) == ("", 0)


@pytest.mark.parametrize("far", [False, True], ids=["a folder", "far away"])
def test_only_the_piece_that_is_asked_for_is_read(here: World, tmp_path: Path, far: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    """However large a log is, no more of it comes into memory than a piece, or what streams at a time."""
    blobs: Blobs = here.loop.blobs if far else LocalBlobs(tmp_path / "store")
    whole = b"".join(b"%07d\n" % number for number in range(500_000))
    digest = blobs.put(whole)

    def never(digest: object) -> Never:
        raise AssertionError(digest)

    blobs.read = never  # type: ignore[method-assign]
    if far:
        pieces = [whole[at : at + 1000] for at in range(0, len(whole), 1000)]
        blobs.get = lambda digest: iter(pieces)  # type: ignore[method-assign] # noqa: ARG005 (the port's signature)
    world = World(replace(here.loop, blobs=blobs))
    run = world.do("start", "train").id
    label(world, run, log=digest)
    world.do("finish", run)
    found = world.do("tail", run, offset=8 * 123_456, limit=16)
    assert (found.text, found.size) == ("0123456\n0123457\n", len(whole))
    assert world.do("tail", run, offset=-8).text == "0499999\n"
