"""firing: a cause and its effect in one transaction, and what follows when the run has ended; shared by `fire` and by the tick.

Whoever is killed in between has done all of it or nothing; who comes second is refused by the ledger, because a trigger meets
each cause once. What a trigger does, it does as `trigger:NAME`, with the rights of a contributor in its own project alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.firing import Firing, FiringState
from loopline.nouns.ids import brief
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import Numbered, RefName, Revision, parse_ref, parse_revision
from loopline.nouns.task import TaskState
from loopline.nouns.trigger import TRIGGERED
from loopline.triggers.sound import own_ref
from loopline.verbs.asking import DEFAULT, put
from loopline.verbs.declaring import declared_for
from loopline.verbs.moving import Plan, aim, begin

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.change import Change
    from loopline.nouns.ref import Ref
    from loopline.nouns.run import Run
    from loopline.nouns.task import Task
    from loopline.nouns.trigger import Trigger

SURE: Final = 0.5
"""How much an alert says about the change in force: that it was in force."""


LATER: Final = ("firing-moved", "rolling", "ref-moved")
"""Kinds of errors after which one looks again: somebody is at work there."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that a trigger waits for."""

    key: str
    """Of a project's causes: `alert:ID`, `change:ID`, `time:MICROSECONDS`, `missed:MICROSECONDS`, `asked:ID:ACTOR`."""
    why: str
    chain: tuple[str, ...] = ()
    """Triggers whose effect it is, the first first."""
    change: str = ""
    """The change that was in force."""


def as_trigger(loop: Loop, name: str) -> Loop:
    """Give the loop of a trigger."""
    actor = Actor("trigger", name, verified=True)
    return replace(loop, actor=actor, caller=Caller(actor, {loop.project: TRIGGERED}))


def fire(tx: Writing, loop: Loop, trigger: Trigger, cause: Cause) -> Firing:
    """Do in a transaction what a trigger declares, and say so. Raise Conflict kind="fired-already".

    `loop` is that of the trigger, or of who asks. That a pipeline cannot be run is said, and is no reason to try again.
    """
    do, me = trigger.do, as_trigger(loop, trigger.name)
    tx.projects.ensure(loop.project)
    one = Firing(
        loop.ids.new(), loop.project, trigger.name, cause.key, cause.why, "done", chain=(*cause.chain, trigger.name),
        propose=do.propose, to=do.to,
    )  # fmt: skip
    if do.incident:
        blames = (Blame("caused_by", cause.change, "monitor", SURE),) if cause.change else ()
        title = f"{do.incident} ({cause.why})"
        made = tx.incidents.open(
            Incident(loop.ids.new(), loop.project, title, do.severity, str(me.actor), tx.now, blames=blames)
        )
        one = replace(one, incident=made.id)
    if do.pipeline:
        try:
            task = put(tx, me, "run", _words(tx, loop, trigger), queue=do.queue)
        except (Invalid, NotFound) as error:
            one = replace(one, state="failed", error=error.message)
        else:
            one = replace(one, state="running", task=task.id, run=task.run or "")
    elif do.propose:
        one = replace(one, state="proposing")
    one = tx.firings.add(one)
    tx.say("trigger.fired", trigger.name, do=str(do), **_told(one))
    return one


def go_on(loop: Loop, one: Firing) -> Firing | None:
    """Do the next thing of a firing that is not complete; None where that is not due, or somebody else has."""
    me = as_trigger(loop, one.trigger)
    task: Task | None = None
    to: Revision | None = None
    if one.state == "running":
        with loop.ledger.read() as tx:
            task = tx.tasks.find(one.task)
        if task is None or not task.state.over:
            return None
        one = replace(one, run=task.run or one.run)
        error = _wrong(task) or _lacking(task, one)
        if error or not one.propose:
            return _end(me, one, "failed" if error else "done", error)
    try:
        ref = own_ref(one.propose, project=loop.project)
        to = parse_revision(one.to) if task is None else Numbered(_made(task, ref) or 0)
        return _propose(me, one, ref, to, queue=task.queue if task else DEFAULT)
    except Unavailable:
        raise
    except LooplineError as error:
        if error.kind in LATER:
            return None
        return _end(me, one, "done" if error.kind == "nothing-to-move" else "failed", error.message)


def _propose(me: Loop, one: Firing, ref: RefName, to: Revision, *, queue: str) -> Firing:
    """Propose, and have a worker run the checks that are declared for it."""
    with me.ledger.write(me.project, me.actor) as tx:
        why = f"{one.trigger}: {one.why}"
        change = begin(tx, me, Plan((aim(tx, ref, to),), why, run=one.run or None))
        after = tx.firings.move(one, "done", run=one.run, change=change.id)
        tx.payload |= {"trigger": one.trigger, "firing": one.id, "cause": one.cause}
        if not change.state.over and any(declared_for(tx, me, move) for move in change.moves):
            tx.payload["task"] = put(tx, me, "check", {"change": change.id}, queue=queue).id
    return after


def _end(me: Loop, one: Firing, state: FiringState, error: str) -> Firing | None:
    try:
        with me.ledger.write(me.project, me.actor) as tx:
            after = tx.firings.move(one, state, run=one.run, error=error)
            tx.say("trigger.ended", one.trigger, **_told(after))
    except Conflict as conflict:
        if conflict.kind != "firing-moved":
            raise
        return None
    return after


def _words(tx: Tables, loop: Loop, trigger: Trigger) -> dict[str, Any]:
    """Say what a worker is to run: the pipeline with the code and the environment of its last good run.

    Of what is to be proposed that is the run that made the present target, so that nobody's experiment becomes the champion's
    successor; where nobody knows that run, none takes its place. Raise NotFound where there is none.
    """
    do = trigger.do
    here = tx.refs.find(own_ref(do.propose, project=loop.project)) if do.propose else None
    before = _maker(tx, here, do.pipeline) if here else _last(tx, loop, do.pipeline)
    if before is None and here:
        raise NotFound(
            f"{here.name} stands on {here.target}, which no run of {do.pipeline} is known to have made: whose code is to run?",
            kind="no-code", hint=f"loopline run {do.pipeline}, then propose what it made yourself", pipeline=do.pipeline,
            ref=str(here.name),
        )  # fmt: skip
    if before is None:
        raise NotFound(
            f"nobody has run {do.pipeline} here: its code is not known", kind="no-code", hint=f"loopline run {do.pipeline}",
            pipeline=do.pipeline,
        )  # fmt: skip
    return {
        "pipeline": do.pipeline, "params": dict(do.params), "code": before.code, "commit": before.commit,
        "modules": before.tags.get("modules", "").split(), "environment": before.environment, "experiment": before.experiment,
    }  # fmt: skip


def _maker(tx: Tables, here: Ref, pipeline: str) -> Run | None:
    version = tx.versions.find(here.name.asset, here.target)
    run = tx.runs.find(version.run) if version and version.run else None
    while run is not None and not (run.kind == "pipeline" and run.name == pipeline and run.code):
        run = tx.runs.around(run)
    return run


def _last(tx: Tables, loop: Loop, pipeline: str) -> Run | None:
    where = "r.project = ? AND r.kind = 'pipeline' AND r.name = ? AND r.state = 'finished' AND r.code IS NOT NULL"
    found = tx.runs.search(f"{where} AND r.deleted_at IS NULL", [loop.project, pipeline], order="r.id DESC", limit=1)
    return found[0] if found else None


def _wrong(task: Task) -> str:
    """Say why a task brought nothing; empty where it did."""
    if task.state is not TaskState.DONE:
        return str((task.error or {}).get("message") or f"its task is {task.state}")
    run = (task.result or {}).get("run") or {}
    return "" if run.get("state") == "finished" else str(run.get("error") or f"its run is {run.get('state')}")


def _lacking(task: Task, one: Firing) -> str:
    if not one.propose:
        return ""
    ref = parse_ref(one.propose, project=one.project)
    return "" if _made(task, ref) else f"run {brief(one.run)} published no version of {ref.asset}"


def _made(task: Task, ref: RefName) -> int | None:
    """Give the version that a run published of the asset of a ref."""
    published = (task.result or {}).get("published") or ()
    return next((int(row["number"]) for row in published if row.get("asset") == str(ref.asset)), None)


def _told(one: Firing) -> dict[str, Any]:
    facts = {
        "firing": one.id, "cause": one.cause, "why": one.why, "state": one.state, "chain": list(one.chain), "task": one.task,
        "run": one.run, "change": one.change, "incident": one.incident, "propose": one.propose, "error": one.error,
    }  # fmt: skip
    return {key: value for key, value in facts.items() if value}


def chain_of(tx: Tables, change: Change) -> tuple[str, ...]:
    """Give the triggers whose effect a change is, the first first: they proposed it, or a run of theirs did."""
    one = firing_behind(tx, change)
    if one is not None:
        return one.chain
    kind, _, name = change.author.partition(":")
    return (name,) if kind == "trigger" else ()


def firing_behind(tx: Tables, change: Change) -> Firing | None:
    """Find the firing whose effect a change is: it was proposed by it, or by a run that it has started."""
    one = tx.firings.of_change(change.id)
    run = tx.runs.find(change.run) if one is None and change.run else None
    return tx.firings.of_task(run.tags.get("task", "")) if run is not None else one
