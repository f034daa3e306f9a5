from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import Refused
from loopline.nouns.caller import Caller
from loopline.nouns.check import Check
from loopline.nouns.expectation import Expectation
from loopline.nouns.name import AssetName, Named, Pointer, RefName
from loopline.nouns.policy import Policy
from loopline.nouns.token import Scope
from loopline.verbs.expecting import kept
from loopline.verbs.staging import stage, written

from .conftest import ANN, DATA, PROJECT, World

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.nouns.change import Change, Published

MAIN = RefName(DATA, "main")
MINUTES = Expectation(("delay",), type="whole", min=-120, max=1500)
ONCE = Expectation(("day", "flight"), unique=True)
PLANES = Expectation(("plane",), refers="data/planes@main")
GOOD = b"day,flight,delay\n1,7,12\n1,8,NA\n"
SECONDS = b"day,flight,delay\n1,7,0.2\n1,8,NA\n1,8,3\n"


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    """Give a project whose flights are guarded by expectations."""
    return govern(World(replace(world.loop, work=tmp_path)), MINUTES, ONCE)


def govern(world: World, *expect: Expectation) -> World:
    """Put a check of these into force, and a policy that asks for it."""
    check = Check("flights/rows", ("data/flights@*",), expect=expect, missing=("NA",))
    policy = Policy("flights", ("data/flights@main",), checks=("flights/rows",))
    world.do("policy", document=dump_document(Document((policy,), (check,))).decode(), why="test")
    return world


def checked(world: World, body: bytes) -> Change:
    """Add a table and check the change that waits for it."""
    published: Published = world.data(july_csv=body)
    assert published.change
    assert published.change.state == "proposed"
    change: Change = world.do("check", published.change.id)
    return change


def test_data_that_no_run_made_are_checked_by_what_is_expected_of_them(world: World) -> None:
    """What holds lets the branch move; the run that looked keeps what it found, and what it read."""
    change = checked(world, GOOD)
    (verdict,) = change.verdicts
    assert (str(verdict.result), verdict.summary, change.state) == ("pass", "3 hold", "approved")
    assert world.do("apply", change.id).state == "applied"
    run: Any = world.do("show", verdict.run or "")
    assert (run.kind, run.state, run.params) == (
        "check",
        "finished",
        {"candidate": "data/flights@2", "base": "data/flights@1"},
    )
    assert {(link.name, link.asset, link.number) for link in run.inputs} == {
        ("candidate", "data/flights", 2),
        ("base", "data/flights", 1),
    }
    assert kept(world.loop, run) == verdict.observations


def test_a_broken_version_is_refused_with_its_rows(world: World) -> None:
    """Which expectations fail, how many rows break each and some of them: told by the check and on the page of the change."""
    change = checked(world, SECONDS)
    (verdict,) = change.verdicts
    assert str(verdict.result) == "fail"
    bad = {one.demand: one for one in verdict.observations if not one.holds}
    assert {demand: one.broken for demand, one in bad.items()} == {
        "delay is a whole number": 1,
        "day, flight are together unique": 2,
    }
    (row,) = bad["delay is a whole number"].samples
    assert (row.file, row.row, row.cells) == ("july.csv", 1, {"delay": "0.2"})
    assert [one.row for one in bad["day, flight are together unique"].samples] == [2, 3]
    with pytest.raises(Refused):
        world.do("apply", change.id)
    review = world.do("review", change.id)
    assert review.change.verdicts[0].observations == verdict.observations


def test_a_verdict_is_about_one_head(world: World) -> None:
    """What was found of one version lets no other one through."""
    good = checked(world, GOOD)
    other = world.data(july_csv=SECONDS).change
    assert other
    assert other.head != good.head
    with pytest.raises(Refused):
        world.do("apply", other.id)


def test_a_merge_into_a_guarded_branch_waits_for_its_check(world: World) -> None:
    """What comes by a merge is held against the same expectations as what is added."""
    world.do("apply", checked(world, GOOD).id)
    world.do("branch", DATA, "fix")
    world.data("fix", july_csv=SECONDS)
    merged = world.do("merge", Pointer(DATA, Named("fix")), into=MAIN, message="July again")
    change = world.do("check", merged.change.id)
    assert [str(one.result) for one in change.verdicts] == ["fail"]
    assert world.do("show", str(MAIN)).target == 2


def test_a_commit_of_what_came_by_the_s3_door_waits_for_its_check(world: World) -> None:
    """What is staged becomes a version that the branch does not move to before its expectations hold."""
    stage(world.loop, MAIN, written("july.csv", world.loop.blobs.put(SECONDS), len(SECONDS)))
    published = world.do("commit", MAIN, message="July")
    assert published.change.state == "proposed"
    (verdict,) = world.do("check", published.change.id).verdicts
    assert str(verdict.result) == "fail"
    assert verdict.observations[0].observed == "no column delay in a.csv; 1 of 3 rows are not"
    assert [one.key for one in verdict.observations[0].samples] == ["1 7"]


def test_rows_are_found_in_data_that_are_referred_to(world: World) -> None:
    """Where those data are not there that is an error of the check, and never a pass."""
    govern(world, PLANES)
    body = b"plane\nA\nB\n"
    change = checked(world, body)
    assert [str(one.result) for one in change.verdicts] == ["error"]
    world.do("add", AssetName(PROJECT, "data", "planes"), tree=world.tree(all_csv=b"plane,seats\nA,2\n"))
    (verdict,) = world.do("check", change.id).verdicts
    assert str(verdict.result) == "fail"
    assert [one.cells for one in verdict.observations[0].samples] == [{"plane": "B"}]


def test_rows_are_counted_against_the_base(world: World) -> None:
    """The version that the branch stands at is the base."""
    world.do("apply", checked(world, GOOD).id)
    govern(world, Expectation(change_min=-0.1, change_max=0.5))
    (verdict,) = checked(world, GOOD + b"2,7,1\n2,8,1\n").verdicts
    assert str(verdict.result) == "fail"
    assert verdict.observations[0].observed == "2 → 4 rows, +100.0 %"


def test_one_may_read_what_is_referred_to(world: World) -> None:
    """Whoever is kept to some assets learns nothing of others by referring to them."""
    world.do("add", AssetName(PROJECT, "data", "planes"), tree=world.tree(all_csv=b"plane\nA\n"))
    govern(world, PLANES)
    change = world.data(july_csv=b"plane\nA\n").change
    assert change
    caller = Caller(ANN, {PROJECT: "contributor"}, (Scope(("*",), PROJECT, "data/flights"),))
    kept_to = World(replace(world.loop, caller=caller))
    (verdict,) = kept_to.do("check", change.id).verdicts
    assert (str(verdict.result), verdict.observations) == ("error", ())
    with pytest.raises(Refused) as raised:
        kept_to.do("expect", Pointer(DATA, Named("main")))
    assert raised.value.kind == "not-allowed"


def test_a_server_opens_files_in_a_process_of_its_own(world: World) -> None:
    """What it finds there is what is found here, of the candidate, its base and the data that are referred to."""
    world.do("add", AssetName(PROJECT, "data", "planes"), tree=world.tree(all_csv=b"plane\nA\n"))
    govern(world, PLANES, Expectation(change_min=0.0, like_base=True), ONCE)
    world.do("add", DATA, tree=world.tree(a_csv=b"plane,day,flight\nA,1,2\n"), branch="other")
    pointer = Pointer(DATA, Named("other"))
    served = World(replace(world.loop, caller=Caller(ANN, open=True)))
    assert served.do("expect", pointer, base=pointer) == world.do("expect", pointer, base=pointer)
