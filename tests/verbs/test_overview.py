from __future__ import annotations

import io
from typing import TYPE_CHECKING

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.nouns.deployment import Deployment
from loopline.nouns.name import Numbered, RefName
from loopline.nouns.run import RunState
from loopline.verbs.watching import watch

from .conftest import ANN, BOB, MODEL, PROJECT, TRIGGER
from .records import HOUR, PROD, Records, deploy
from .test_watching import ERRORS

if TYPE_CHECKING:
    from .conftest import World


def test_refs_come_by_tier_with_mover_and_reason(guarded: World) -> None:
    """Deployments first, production before staging, then what moved last; each with version, mover and reason."""
    guarded.do("propose", RefName(MODEL, "stage"), to=Numbered(1), why="try", tier="staging")
    guarded.do("propose", RefName(MODEL, "prod"), to=Numbered(2), why="serve it", tier="production", by=BOB)
    found = guarded.do("overview")
    assert [str(one.ref.name) for one in found.refs[:2]] == ["model/delay@prod", "model/delay@stage"]
    first = found.refs[0]
    assert (first.ref.target, first.moved.author, first.moved.reason) == (2, "person:bob", "serve it")
    assert first.version.number == 2
    assert {str(one.ref.name) for one in found.refs[2:]} == {"policy/flights@main", "data/flights@main"}


def test_an_open_change_tells_what_it_lacks_now(guarded: World) -> None:
    """The policy is asked at this moment, not read from when it was proposed."""
    change = guarded.propose(1)
    (waiting,) = guarded.do("overview", by=BOB).changes
    assert waiting.change.id == change.id
    assert [one.text for one in waiting.lacks] == ["1 approval, not the author, people only"]
    guarded.do("approve", change.id, by=BOB)
    (waiting,) = guarded.do("overview", by=BOB).changes
    assert (waiting.lacks, waiting.held) == ((), 1)


def test_what_waits_for_me_is_what_my_answer_would_help(guarded: World) -> None:
    """Not for the author, not for a trigger, not for whoever has answered, not where nothing is lacking."""
    change = guarded.propose(1)
    mine = {who: [one.mine for one in guarded.do("overview", by=who).changes] for who in (ANN, BOB, TRIGGER)}
    assert mine == {ANN: [False], BOB: [True], TRIGGER: [False]}
    guarded.do("approve", change.id, reject=True, by=BOB)
    assert [one.mine for one in guarded.do("overview", by=BOB).changes] == [False]


def test_what_waits_for_me_comes_first(guarded: World) -> None:
    """Newer changes that need nothing of mine stand behind."""
    first = guarded.propose(1)
    guarded.do("propose", RefName(MODEL, "champion"), to=Numbered(2), why="mine", by=BOB)
    found = guarded.do("overview", by=BOB)
    assert (found.changes[0].change.id, found.changes[0].mine, found.changes[1].mine) == (first.id, True, False)


def test_a_failure_that_was_made_good_is_not_told(world: World) -> None:
    """One line for each name that has not worked since; runs that go on stand apart."""
    for name in ("mended", "broken", "broken"):
        run = world.do("start", name)
        world.do("finish", run.id, state=RunState.FAILED, error="no")
    world.do("finish", world.do("start", "mended").id)
    going = world.do("start", "broken")
    found = world.do("overview")
    assert [one.name for one in found.failed] == ["broken"]
    assert [one.id for one in found.running] == [going.id]
    assert found.runs == 5


def test_an_old_failure_is_not_told(world: World) -> None:
    """After a week nobody waits for it."""
    run = world.do("start", "broken")
    world.do("finish", run.id, state=RunState.CRASHED)
    assert len(world.do("overview").failed) == 1
    world.loop.clock.advance(seconds=8 * 86_400)  # type: ignore[attr-defined]
    assert world.do("overview").failed == ()


def test_services_that_are_not_well_and_open_alerts_are_told(world: World) -> None:
    """One that nobody serves, and what its monitors see; one that answers as it should is only current."""
    deploy(world, ERRORS)
    Records(world).ask(world.loop.clock.now() // HOUR * HOUR - 1, requests=10, errors=5)
    watch(world.loop)
    found = world.do("overview")
    assert [(one.ref, one.state) for one in found.deployments] == [(str(PROD), "waiting")]
    assert [(one.service, one.monitor) for one in found.alerts] == [(str(PROD), "errors")]
    text = "\n".join(draw(found, Screen(io.StringIO(), io.StringIO(), environ={})))
    assert "no host has taken it" in text
    assert "errors 50.00%" in text
    with world.loop.ledger.telemetry() as tx:
        tx.deployments.say(PROJECT, Deployment(str(PROD), None, state="ready", serving=1))
    assert world.do("overview").deployments == ()


def test_an_empty_project_has_an_overview(world: World) -> None:
    """Another project is told nothing of this one."""
    found = world.abroad().do("overview")
    assert (found.project, found.refs, found.changes, found.runs, found.assets) == ("secret", (), (), 0, 0)
    assert world.do("overview", limit=1).more_refs == 0


def test_refs_beyond_the_limit_are_counted(guarded: World) -> None:
    """A page shows the first of many and says how many there are."""
    found = guarded.do("overview", limit=1)
    assert (len(found.refs), found.more_refs) == (1, 1)
