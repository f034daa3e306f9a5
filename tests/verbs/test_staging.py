from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loopline.datasets.overlay import NOTHING
from loopline.datasets.tree import build
from loopline.errors import Conflict, Invalid, NotFound
from loopline.ledger.schema import prepare
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.testing.loop import loop as new_loop
from loopline.verbs import staging
from loopline.verbs.commit import commit
from loopline.verbs.staging import gone, look, refold, remove_all, stage, version_view, written
from loopline.wiring import open_database

from .conftest import DATA, PROJECT

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.staged import Staged

    from .conftest import World

MAIN = RefName(DATA, "main")
BODY = digest_of(b"x")


def _row(path: str, body: bytes = b"x") -> Staged:
    return written(path, digest_of(body), len(body))


def _paths(loop: Loop, ref: RefName = MAIN) -> list[str]:
    return [found.path for found in look(loop, ref).overlay(loop).iter()]


def test_what_is_staged_is_read_at_once_and_is_no_event(world: World) -> None:
    """Whoever reads the branch with what is staged sees the newest word; the branch, its versions and the feed are as before."""
    before = len(world.events())
    stage(world.loop, MAIN, _row("b.csv"))
    stage(world.loop, MAIN, _row("empty/"))
    stage(world.loop, MAIN, gone("a.csv"))
    assert _paths(world.loop) == ["b.csv", "empty/"]
    assert world.target(MAIN) == 1
    assert len(world.events()) == before
    found = version_view(world.loop, Pointer(DATA, Numbered(1))).overlay(world.loop)
    assert [one.path for one in found.iter()] == ["a.csv"]


def test_a_thousand_rows_are_folded_by_whoever_meets_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are never many rows, and folding changes nothing that is seen; an empty branch can be staged on, too."""
    monkeypatch.setattr(staging, "MOST", 10)
    new = RefName(AssetName(PROJECT, "data", "new"), "main")
    with world.loop.ledger.telemetry() as tx:
        tx.assets.ensure(new.asset)
    for number in range(25):
        stage(world.loop, new, _row(f"{number:02}.csv"))
    with world.loop.ledger.read() as tx:
        assert len(tx.staging.list(new.key)) == 5
        assert tx.staging.working(new.key).folded == 20
    assert _paths(world.loop, new) == [f"{number:02}.csv" for number in range(25)]


def test_a_branch_that_moves_meanwhile_shows_through(world: World) -> None:
    """What was folded lies over the new version of its branch: what others added is there, what was staged stays."""
    stage(world.loop, MAIN, _row("staged.csv"))
    stage(world.loop, MAIN, gone("a.csv"))
    refold(world.loop, MAIN)
    world.data(a_csv=b"1\n", added_csv=b"2")
    stage(world.loop, MAIN, _row("late.csv"))
    assert _paths(world.loop) == ["added.csv", "late.csv", "staged.csv"]


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize(("staged", "added"), [("x/y", ["x"]), ("x", ["x/1", "x/y/z"])])
def test_what_is_staged_wins_over_a_folder_that_came_later(
    world: World, *, staged: str, added: list[str], folded: bool
) -> None:
    """Where the branch got a file in the place of a staged folder, or the other way round, what is staged is committed."""
    stage(world.loop, MAIN, _row(staged))
    if folded:
        refold(world.loop, MAIN)
    entries = [Entry("a.csv", BODY, 1), *(Entry(path, BODY, 1) for path in added)]
    world.do("add", DATA, tree=build(world.loop.blobs, entries))
    commit(world.loop, MAIN)
    assert _paths(world.loop) == ["a.csv", staged]


def test_a_file_cannot_be_a_folder_too(world: World) -> None:
    """A path above or below one that is there is refused whether that is staged, folded or committed; once it is gone it fits."""
    stage(world.loop, MAIN, _row("x/y"))
    for path in ("x", "x/y/z", "a.csv/b", "x/y/"):
        with pytest.raises(Invalid) as caught:
            stage(world.loop, MAIN, _row(path))
        assert caught.value.kind == "file-is-folder", path
    refold(world.loop, MAIN)
    with pytest.raises(Invalid):
        stage(world.loop, MAIN, _row("x"))
    stage(world.loop, MAIN, gone("x/y"))
    stage(world.loop, MAIN, _row("x"))
    assert _paths(world.loop) == ["a.csv", "x"]
    for path in ("", "a//b", "/a", "a/../b", "a//"):
        with pytest.raises(Invalid):
            stage(world.loop, MAIN, _row(path))


def test_what_can_be_nowhere_is_not_staged_as_gone(world: World) -> None:
    """To remove what no tree can hold changes nothing, and nothing that would keep the rest from being folded."""
    for path in ("a//b", "/a", "", "a//"):
        stage(world.loop, MAIN, gone(path))
    remove_all(world.loop, MAIN, ["a//b", "a.csv", "none/"])
    assert [one.path for one in world.do("staged", MAIN)] == ["a.csv"]
    with pytest.raises(NotFound):
        remove_all(world.loop, RefName(DATA, "units"), ["a.csv"])
    assert commit(world.loop, MAIN).version.number == 2


def test_nothing_is_staged_where_no_branch_is(world: World) -> None:
    """A branch that was never made is not made by writing to it; one that was removed takes with it what was staged."""
    with pytest.raises(NotFound):
        stage(world.loop, RefName(DATA, "units"), _row("b.csv"))
    with pytest.raises(NotFound):
        look(world.loop, RefName(AssetName(PROJECT, "data", "none"), "main"))
    world.do("branch", DATA, "units")
    stage(world.loop, RefName(DATA, "units"), _row("b.csv"))
    world.do("branch", DATA, "units", delete=True)
    world.do("branch", DATA, "units")
    assert _paths(world.loop, RefName(DATA, "units")) == ["a.csv"]


def test_who_folds_loses_nobody_s_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While threads write, fold and commit at once, every write is where it was acknowledged, and the newest word holds."""
    monkeypatch.setattr(staging, "MOST", 7)
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    prepare(database)
    loop = new_loop(database=database)
    ref = RefName(AssetName(PROJECT, "data", "raced"), "main")
    with loop.ledger.telemetry() as tx:
        tx.assets.ensure(ref.asset)

    def write(who: int) -> None:
        for number in range(20):
            stage(loop, ref, _row(f"{who}/{number % 15}", f"{who} {number}".encode()))
            if number % 9 == 8:
                commit(loop, ref)

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = {one.path: one.entry.digest for one in look(loop, ref).overlay(loop).iter()}
    last = {f"{who}/{number % 15}": digest_of(f"{who} {number}".encode()) for who in range(4) for number in range(20)}
    assert found == last
    database.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_of_two_writers_who_both_want_to_be_first_one_is(
    tmp_path: Path, request: pytest.FixtureRequest, dialect: str
) -> None:
    """A condition is decided in the transaction that stages, so of many threads exactly one creates a path."""
    sqlite = dialect == "sqlite"
    database = open_database(
        f"sqlite:///{tmp_path / 'ledger.db'}" if sqlite else request.getfixturevalue("postgres_ledger")
    )
    prepare(database)
    loop = new_loop(database=database)
    ref = RefName(AssetName(PROJECT, "data", "raced"), "main")
    with loop.ledger.telemetry() as tx:
        tx.assets.ensure(ref.asset)
    won: list[int] = []

    def first(tx: object, over: object, found: object) -> None:
        if found:
            raise Conflict("there is one", kind="ref-exists", hint="none")

    def write(number: int) -> None:
        for path in ("a", "b", "c"):
            try:
                stage(loop, ref, _row(path, str(number).encode()), condition=first)
            except Conflict:
                continue
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == 3
    assert NOTHING not in {found.entry.digest for found in look(loop, ref).overlay(loop).iter()}
    database.close()
