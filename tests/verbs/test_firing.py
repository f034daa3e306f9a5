"""What follows a cause: the run, the proposal, the incident, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Refused
from loopline.nouns.actor import Actor
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.task import TaskState
from loopline.nouns.trigger import Do, OnAlert, Trigger
from loopline.server.doing import asker_of
from loopline.verbs.firing import Cause, as_trigger, chain_of, fire, go_on
from loopline.verbs.permitting import may_ask, may_read
from loopline.verbs.ticking import tick

from .conftest import BOB, CHAMPION, OTHER, PROJECT
from .test_check import SIZE, write
from .triggered import alert, arm, fired, kinds, work

if TYPE_CHECKING:
    from .conftest import World
    from .projects import Project

BEST = RefName(AssetName(PROJECT, "model", "total"), "best")
GUARD = Policy("best", ("model/*@best",), checks=("eval/size",), approvals=Approvals(count=1))


def retrain(**do: Any) -> Trigger:
    """Make a trigger that follows every alert."""
    return Trigger("retrain", OnAlert("*"), Do("train", **{"propose": "model/total@best", **do}))


def test_a_guarded_ref_waits_for_people_with_its_evidence(project: Project) -> None:
    """The change is proposed, its checks are asked of a worker, and its author, a trigger, approves nothing."""
    write(project)
    project.trained()
    arm(project, retrain(params=(("plus", "2"),)), policies=(GUARD,), checks=(SIZE,))
    alert(project)
    tick(project.loop)
    work(project)
    (one,) = tick(project.loop)
    assert work(project) == 1
    with project.loop.ledger.read() as tx:
        change = tx.changes.get(one.change)
    assert (str(change.state), change.author) == ("proposed", "trigger:retrain")
    assert {each.check: str(each.result) for each in change.verdicts} == {"eval/size": "pass"}
    assert project.do("approve", change.id).state == "approved"


def test_the_code_is_that_of_the_present_target(project: Project) -> None:
    """Whoever tried something since then has not chosen what is retrained; without a target it is the last good run."""
    first = project.trained()
    project.do("propose", BEST, to=Numbered(1), why="first")
    tiny = (project.loop.blobs, project.code)
    project.write(tiny=PLUS_ONE)
    second = project.trained()
    assert (tiny[1], first.run.code) != (project.code, second.run.code)
    arm(project, retrain(), Trigger("other", OnAlert("*"), Do("train")))
    alert(project)
    tick(project.loop)
    with project.loop.ledger.read() as tx:
        codes = {one.trigger: tx.tasks.get(one.task).words["code"] for one in fired(project)}
    assert codes == {"retrain": first.run.code, "other": second.run.code}


PLUS_ONE = """
    from loopline import Data, pipeline, step

    @step
    def total(data: Data) -> int:
        return 1

    @pipeline
    def train(data: Data = Data("data/flights"), plus: int = 0):
        return {"model/total": total(data)}
"""


def test_a_pipeline_that_nobody_has_run_is_said(project: Project) -> None:
    """The cause is met, what is missing is told, and it is not tried again for ever."""
    arm(project, retrain())
    alert(project)
    (one,) = tick(project.loop)
    assert (one.state, one.error) == ("failed", "nobody has run train here: its code is not known")
    assert tick(project.loop) == ()
    assert kinds(project) == ["trigger.fired"]


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ({"state": TaskState.FAILED, "error": {"message": "no memory", "kind": "x"}}, "no memory"),
        ({"state": TaskState.CANCELLED}, "its task is cancelled"),
        ({"state": TaskState.DONE, "result": {"run": {"state": "failed", "error": "ValueError: 7"}}}, "ValueError: 7"),
        ({"state": TaskState.DONE, "result": {"run": {"state": "finished"}, "published": []}}, "published no version"),
    ],
)
def test_a_run_that_brings_nothing_ends_the_firing(project: Project, end: dict[str, Any], told: str) -> None:
    """Failed, cancelled, or without the version that was to be proposed: that is an event, with the reason."""
    project.trained()
    arm(project, retrain())
    alert(project)
    (one,) = tick(project.loop)
    with project.loop.ledger.telemetry() as tables:
        task = tables.tasks.claim("default", "w", lasting=10**12)
        assert task is not None
        tables.tasks.end(task.id, task.fence, **end)
    (after,) = tick(project.loop)
    assert after.state == "failed"
    assert told in after.error
    assert go_on(project.loop, one) is None
    assert kinds(project) == ["trigger.fired", "trigger.ended"]


def test_who_fires_a_trigger_does_not_approve_what_it_proposes(project: Project) -> None:
    """They are an author of its change, also where its run has proposed it: their yes does not count, that of others does."""
    project.trained()
    arm(project, retrain(params=(("plus", "2"),)), policies=(replace(GUARD, checks=()),))
    project.do("fire", "retrain")
    work(project)
    (one,) = tick(project.loop)
    change = project.do("approve", one.change)
    assert (change.author, change.asker, str(change.state)) == ("trigger:retrain", "person:ann", "proposed")
    assert "person:ann has fired the trigger that is the author" in change.decision.results[0].observed
    by_run = replace(change, id="f" * 32, moves=(Move(replace(BEST, ref="best-too"), None, 2),))
    with project.loop.ledger.write(PROJECT, project.loop.actor) as tx:
        assert tx.changes.propose(by_run).asker == "person:ann"
        tx.say("test", "test")
    assert str(project.do("approve", change.id, by=BOB).state) == "approved"


def test_code_that_nobody_knows_is_not_taken_from_others(project: Project) -> None:
    """Where the proposed ref stands on what no run of the pipeline has made, the last good run of anybody does not count."""
    project.trained()
    project.do("put", BEST.asset, digest=project.loop.blobs.put(b"from elsewhere"))
    project.do("propose", BEST, to=Numbered(2), why="first")
    arm(project, retrain())
    alert(project)
    (one,) = tick(project.loop)
    assert one.state == "failed"
    assert one.error.startswith("model/total@best stands on 2, which no run of train is known to have made")


def test_nothing_of_another_project_is_read_for_a_trigger(world: World) -> None:
    """Also where a document is in force that nobody would be let put there now: neither its runs nor its refs are looked at."""
    for do in (Do("train", propose="secret:model/delay@best"), Do(propose="secret:model/delay@best", to="1")):
        with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
            one = fire(tx, world.loop, Trigger("far", OnAlert("*"), do), Cause(f"alert:{do}", "seen"))
        after = one if one.state == "failed" else go_on(world.loop, one)
        assert after
        assert "a trigger acts in its own" in after.error


def test_a_run_that_changes_nothing_is_no_failure(project: Project) -> None:
    """Where the run makes the very version that is there, nothing is proposed, and that is well."""
    project.trained()
    project.do("propose", BEST, to=Numbered(1), why="first")
    arm(project, retrain())
    alert(project)
    tick(project.loop)
    work(project)
    (one,) = tick(project.loop)
    assert (one.state, one.error, one.change) == ("done", "model/total@best is already at 1", "")


def test_a_version_in_quarantine_is_not_proposed(world: World) -> None:
    """No trigger lifts a quarantine."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    world.propose(2)
    world.do("rollback", CHAMPION, why="wrong")
    arm(world, Trigger("again", OnAlert("*"), Do(propose="model/delay@champion", to="2")))
    alert(world)
    assert [one.state for one in tick(world.loop)] == ["proposing"]
    (one,) = tick(world.loop)
    assert one.state == "failed"
    assert "quarantine" in one.error
    assert world.target() == 1


def test_an_incident_names_the_change_in_force(world: World) -> None:
    """It is opened by the trigger, says why, and blames, with half of its confidence, what was in force."""
    world.train(b"one")
    change = world.propose(1)
    arm(world, Trigger("page", OnAlert("*"), Do(incident="The model drifts", severity="high")))
    alert(world, change=change.id)
    (one,) = tick(world.loop)
    (found,) = world.do("find", "incidents")
    assert (found.id, found.severity, found.opened_by) == (one.incident, "high", "trigger:page")
    assert found.title.startswith("The model drifts (alert ")
    (blame,) = found.blames
    assert (blame.relation, blame.change, blame.source, blame.confidence) == ("caused_by", change.id, "monitor", 0.5)


def test_a_trigger_may_do_in_its_project_what_a_contributor_may(project: Project) -> None:
    """What it asks of a worker is held against that: no other project, no rules, no roles."""
    project.trained()
    arm(project, retrain())
    alert(project)
    (one,) = tick(project.loop)
    with project.loop.ledger.read() as tx:
        task = tx.tasks.get(one.task)
    caller = asker_of(project.loop, task)
    assert (caller.open, dict(caller.roles), str(caller.actor)) == (False, {PROJECT: "contributor"}, "trigger:retrain")
    loop = replace(project.loop, actor=caller.actor, caller=caller)
    may_ask(loop, "run", {})
    for verb in ("policy", "approve", "grant"):
        with pytest.raises(Refused):
            may_ask(loop, verb, {})
    with pytest.raises(Refused):
        may_read(loop, AssetName(OTHER, "data", "salaries"))
    with project.loop.ledger.telemetry() as tables:
        tables.people.disable("trigger:retrain")
    assert asker_of(project.loop, task).roles == {}


def test_a_cause_is_met_once_by_whoever_writes_it(world: World) -> None:
    """The ledger refuses the second firing with all that it did."""
    trigger, cause = Trigger("page", OnAlert("*"), Do(incident="Look")), Cause("alert:1", "seen")
    me = as_trigger(world.loop, "page")
    for number in range(2):
        try:
            with world.loop.ledger.write(PROJECT, me.actor) as tx:
                fire(tx, world.loop, trigger, cause)
        except Conflict as error:
            assert (number, error.kind) == (1, "fired-already")
    assert len(world.do("find", "incidents")) == 1


def test_a_change_tells_whose_effect_it_is(world: World) -> None:
    """By the firing that proposed it, by its author where that is a trigger, else nobody's."""
    world.train(b"one")
    world.train(b"two")
    mine = world.propose(1)
    theirs = world.propose(2, by=Actor("trigger", "nightly"))
    with world.loop.ledger.read() as tx:
        assert chain_of(tx, tx.changes.get(mine.id)) == ()
        assert chain_of(tx, tx.changes.get(theirs.id)) == ("nightly",)


def test_a_ref_on_which_something_rolls_is_waited_for(world: World) -> None:
    """What was made is not lost because somebody else is at work there: it is proposed when that is over."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    arm(world, Trigger("next", OnAlert("*"), Do(propose="model/delay@champion", to="2")))
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        rolls = tx.changes.propose(
            Change(
                world.loop.ids.new(),
                PROJECT,
                "person:ann",
                "rolls",
                "planned",
                ChangeState.PROPOSED,
                (Move(CHAMPION, 1, 2),),
                0,
            )
        )
        tx.changes.move(rolls, ChangeState.ROLLING)
        tx.say("change.rolling", rolls.id)
    alert(world)
    tick(world.loop)
    assert tick(world.loop) == ()
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tx.changes.move(tx.changes.get(rolls.id), ChangeState.STOPPED, seq=tx.seq)
        tx.say("change.stopped", rolls.id)
    assert [one.state for one in tick(world.loop)] == ["done"]
    assert world.target() == 2
