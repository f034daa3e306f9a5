"""asking: work put into a queue, for a worker to do; shared by the faces that take work and by who sees to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.nouns.ids import brief
from loopline.nouns.task import Task, queue_named
from loopline.verbs import BY_NAME

if TYPE_CHECKING:
    from loopline.ledger.ledger import Writing
    from loopline.loop import Loop

DEFAULT: Final = "default"


def ask(loop: Loop, verb: str, words: Mapping[str, Any], *, queue: str = DEFAULT) -> Task:
    """Ask for a verb of the class *work*: a worker does it later, as this loop's actor in its project.

    `words` are what the verb is asked, in plain form, and were read once already: a worker finds nothing wrong with them. What
    the caller's token covers is kept with the task, so that a worker can do no more.
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        added = put(tx, loop, verb, words, queue=queue)
        tx.say("task.queued", added.id, verb=verb, queue=queue)
    return added


def put(tx: Writing, loop: Loop, verb: str, words: Mapping[str, Any], *, queue: str = DEFAULT) -> Task:
    """Put work into a queue inside of a transaction that says so itself; the rest is as `ask` has it."""
    queue_named(queue)
    actor, caller = loop.actor, loop.caller
    task = Task(
        loop.ids.new(), loop.project, verb, str(actor), queue=queue, words=words, verified=actor.verified,
        run=loop.ids.new() if begins_run(verb, words) else None,
    )  # fmt: skip
    return tx.tasks.add(task, scopes=None if caller is None or caller.open else caller.scopes)


def begins_run(verb: str, words: Mapping[str, Any]) -> bool:
    """Tell whether work begins exactly one run, so that it has an id before it begins. Checks begin several, or none."""
    return BY_NAME[verb].begins_run and not (words.get("plan") or words.get("explain"))


def tell_end(tx: Writing, loop: Loop, task: Task) -> None:
    """Say in a transaction that a task is over, and of the checks that it has announced and not made that they give no answer."""
    from loopline.verbs.burying import give_up
    from loopline.verbs.declaring import left_by

    there = replace(loop, project=task.project)
    left = left_by(tx, there, task)
    give_up(tx, there, left, f"its task {brief(task.id)} ended without an answer ({task.state})")
    facts: dict[str, Any] = {"unanswered": [one.check for one in left]} if left else {}
    if task.error and task.error.get("kind"):
        facts["error"] = task.error["kind"]
    tx.say("task.ended", task.id, verb=task.verb, state=str(task.state), **facts)


def stop(tx: Writing, loop: Loop, task: str, *, why: str) -> Task:
    """Ask a task to stop in a transaction, and say what came of it: it is over now, a worker will hear of it, or it was over."""
    before = tx.tasks.get(task)
    after = tx.tasks.cancel(task)
    if after.state.over and not before.state.over:
        tell_end(tx, loop, after)
        tx.payload["why"] = why
    else:
        tx.say("task.cancelled", after.id, verb=after.verb, state=str(after.state), why=why)
    return after


def lose(loop: Loop, task: Task) -> Task:
    """Take a task away from a worker that is gone: it waits again or is over. Raise Conflict kind="lease-lost"."""
    with loop.ledger.write(task.project, loop.actor) as tx:
        after = tx.tasks.lose(task.id, task.fence)
        if after.state.over:
            tell_end(tx, loop, after)
        else:
            tx.say("task.queued", task.id, verb=task.verb, queue=task.queue, tries=task.attempts)
    return after
