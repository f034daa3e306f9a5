"""asking: work put into a queue, for a worker to do; shared by the faces that take work and by who sees to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid
from loopline.nouns.task import Task

if TYPE_CHECKING:
    from loopline.ledger.ledger import Writing
    from loopline.loop import Loop

DEFAULT: Final = "default"
_QUEUE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")


def ask(loop: Loop, verb: str, words: Mapping[str, Any], *, queue: str = DEFAULT) -> Task:
    """Ask for a verb of the class *work*: a worker does it later, as this loop's actor in its project.

    `words` are what the verb is asked, in plain form, and were read once already: a worker finds nothing wrong with them.
    """
    queue_named(queue)
    actor = loop.actor
    task = Task(loop.ids.new(), loop.project, verb, str(actor), queue=queue, words=words, verified=actor.verified)
    with loop.ledger.write(loop.project, actor) as tx:
        tx.projects.ensure(loop.project)
        added = tx.tasks.add(task)
        tx.say("task.queued", task.id, verb=verb, queue=queue)
    return added


def queue_named(text: str) -> str:
    """Give the name of a queue as it is. Raise Invalid for what is none."""
    if not _QUEUE.match(text):
        raise Invalid(
            f"{text[:100]!r} names no queue", kind="bad-queue", hint="small letters, digits, dots and dashes: gpu-large",
            queue=text[:100],
        )  # fmt: skip
    return text


def tell_end(tx: Writing, task: Task) -> None:
    """Say in a transaction that a task is over."""
    kind = (task.error or {}).get("kind")
    tx.say("task.ended", task.id, verb=task.verb, state=str(task.state), **({"error": kind} if kind else {}))


def lose(loop: Loop, task: Task) -> Task:
    """Take a task away from a worker that is gone: it waits again or is over. Raise Conflict kind="lease-lost"."""
    with loop.ledger.write(task.project, loop.actor) as tx:
        after = tx.tasks.lose(task.id, task.fence)
        if after.state.over:
            tell_end(tx, after)
        else:
            tx.say("task.queued", task.id, verb=task.verb, queue=task.queue, tries=task.attempts)
    return after
