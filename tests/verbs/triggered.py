"""Triggers in force, alerts that set them off, and a worker that does in this process what they ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loopline.checks.document import Document, dump_document
from loopline.nouns.actor import Actor
from loopline.nouns.alert import Alert
from loopline.nouns.task import TaskState
from loopline.server.doing import asker_of
from loopline.server.fenced import Fenced
from loopline.verbs import load
from loopline.verbs.permitting import may_ask
from loopline.verbs.plain import plain
from loopline.verbs.ticking import tick
from loopline.verbs.usage import read, usage_of

from .conftest import PROJECT

if TYPE_CHECKING:
    from loopline.nouns.firing import Firing
    from loopline.nouns.trigger import Trigger

    from .conftest import World

SERVICE = "service/delay@prod"
WATCHER = Actor("trigger", "watcher", verified=True)


def arm(world: World, *triggers: Trigger, **document: Any) -> None:
    """Put triggers into force, and let them look once: from now on they see what happens."""
    body = dump_document(Document(triggers=triggers, **document)).decode()
    world.do("policy", document=body, why="triggers")
    assert tick(world.loop) == ()


def alert(world: World, monitor: str = "features", *, severity: Any = "high", change: str = "") -> Alert:
    """Open an alert, as a monitor does."""
    with world.loop.ledger.write(PROJECT, WATCHER) as tx:
        made = tx.alerts.open(
            Alert(
                world.loop.ids.new(),
                PROJECT,
                SERVICE,
                monitor,
                "drift",
                severity,
                "temp moved (D 0.31)",
                0,
                tx.now,
                change,
            )
        )
        tx.say(
            "alert.opened", made.id, service=made.service, monitor=monitor, severity=severity, summary=made.summary,
            change=change, silenced=made.silenced,
        )  # fmt: skip
    return made


def work(world: World, queue: str = "default") -> int:
    """Do what waits in a queue, one task after the other; give how many there were."""
    number = 0
    while True:
        with world.loop.ledger.telemetry() as tables:
            task = tables.tasks.claim(queue, "w", lasting=10**12)
        if task is None:
            return number
        number += 1
        verb = load(task.verb)
        typed = read(usage_of(verb), {**task.words, "executor": "inline"}, project=PROJECT)
        ledger = Fenced(world.loop.ledger, task, clock=world.loop.clock, fits=lambda _: None)
        asker = asker_of(world.loop, task)
        loop = replace(world.loop, ledger=ledger, actor=asker.actor, caller=asker, run=task.run or "")
        may_ask(loop, task.verb, typed)
        result = plain(verb(loop, **typed), project=PROJECT)
        with world.loop.ledger.telemetry() as tables:
            tables.tasks.end(task.id, task.fence, TaskState.DONE, result=result)


def fired(world: World, trigger: str = "") -> list[Firing]:
    """Give firings, oldest first."""
    with world.loop.ledger.read() as tx:
        return list(reversed(tx.firings.list(PROJECT, trigger=trigger)))


def kinds(world: World) -> list[str]:
    """Give the kinds of events about triggers."""
    return [one.kind for one in world.events() if one.kind.startswith("trigger.")]
