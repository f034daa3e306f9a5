"""watching: monitors go on by the looks that are due, and open and end alerts; what `server/watching.py` runs.

A look and what comes of it are one transaction, held against where the monitor stood before: of two who watch, one gets on, and
whoever is killed in between has done all of it or nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, LooplineError
from loopline.nouns.alert import Alert
from loopline.nouns.look import Look, Watch
from loopline.nouns.service import Monitor
from loopline.signals.labels import changed_at
from loopline.signals.monitors import read, step, write
from loopline.verbs.looking import Deployed, deployed, look, newest_event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop

BEHIND: Final = 50
"""Looks that are made up for. A monitor that is further behind goes on from there."""


def watch(loop: Loop) -> tuple[Look, ...]:
    """Take every look of a project that is due, by the clock of what is looked at. Give them.

    A service that cannot be looked at keeps none of the others waiting: its error is raised at the end.
    """
    with loop.ledger.read() as tx:
        refs = [one.name for one in tx.refs.of_kind("service", project=loop.project)]
        standing = tx.alerts.list(loop.project, open_only=True, limit=1_000)
    looks, wrong, known = list[Look](), list[LooplineError](), set[tuple[str, str]]()
    for ref in refs:
        try:
            with loop.ledger.read() as tx:
                here = deployed(tx, loop, ref)
            known.update((str(ref), monitor.name) for monitor in here.service.monitors)
            newest = newest_event(here, loop.clock.now()) if here.service.monitors else None
            for monitor in here.service.monitors:
                clock = loop.clock.now() if monitor.kind == "service" else newest
                looks.extend(_go_on(loop, here, monitor, clock) if clock is not None else ())
        except LooplineError as error:
            known.update((one.service, one.monitor) for one in standing if one.service == str(ref))
            wrong.append(error)
    for alert in standing:
        if (alert.service, alert.monitor) not in known:
            with loop.ledger.write(loop.project, loop.actor) as writing:
                _resolve(writing, alert, "nobody watches it any more")
    if wrong:
        raise wrong[0]
    return tuple(looks)


def _go_on(loop: Loop, here: Deployed, monitor: Monitor, clock: int) -> Iterable[Look]:
    """Take the looks of one monitor whose windows have ended by its clock."""
    every = round(monitor.every.total_seconds() * 1e6)
    place = (loop.project, str(here.ref), monitor.name)
    with loop.ledger.read() as tx:
        stood, when = tx.monitors.find(*place), tx.monitors.looked_when(*place)
    old = stood[0] if stood else None
    newest = clock // every * every
    if old is None or (old == newest and stood and _knows_more(here, monitor, read(stood[1]), when)):
        first = newest - (monitor.rise - 1) * every  # it looks back as far as it takes to know
    else:
        first = max(old // every * every + every, newest - (BEHIND - 1) * every)
    for end in range(first, newest + 1, every):
        seen = look(loop, here, monitor, end)
        try:
            _keep(loop, here, monitor, seen, old=old)
        except Conflict as error:
            if error.kind == "monitor-moved":
                return
            raise
        old = end
        yield seen


def _knows_more(here: Deployed, monitor: Monitor, watch: Watch, when: int) -> bool:
    """Tell whether labels have come since a monitor of quality has looked and could decide nothing."""
    if monitor.kind != "quality" or watch.last is None or watch.last.seen != "undecided":
        return False
    return changed_at(here.folder) > when


def _keep(loop: Loop, here: Deployed, monitor: Monitor, seen: Look, *, old: int | None) -> None:
    """Write a look down, and the alert that it opens or ends: an event only where there is one."""
    place = (loop.project, str(here.ref), monitor.name)
    with loop.ledger.read() as tx:
        before = _watch(tx, place)
    after, turn = step(before, seen, monitor, number=here.number)
    if turn == "stay":
        with loop.ledger.telemetry() as tables:
            tables.monitors.move(place, old=old, new=seen.end, state=write(after))
            alert = tables.alerts.standing(*place)
            if alert is not None and seen.seen == "bad":
                tables.alerts.update(alert, summary=seen.summary, facts=seen.facts)
        return
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.monitors.move(place, old=old, new=seen.end, state=write(after))
        alert = tx.alerts.standing(*place)
        if turn == "rise" and alert is None:
            made = Alert(
                loop.ids.new(), loop.project, str(here.ref), monitor.name, monitor.kind, monitor.severity, seen.summary,
                tx.now, after.since, here.change, seen.facts,
            )  # fmt: skip
            _say(tx, "alert.opened", tx.alerts.open(made))
        elif turn == "clear" and alert is not None:
            _resolve(tx, alert, seen.summary)
        else:
            tx.say("alert.unchanged", f"{here.ref}/{monitor.name}", service=str(here.ref), silenced=True)


def _watch(tx: Tables, place: tuple[str, str, str]) -> Watch:
    found = tx.monitors.find(*place)
    return read(found[1]) if found else Watch()


def _resolve(tx: Writing, alert: Alert, why: str) -> None:
    over = tx.alerts.resolve(alert)
    silent = over.silenced or tx.alerts.silence_of(over.project, over.service, over.monitor) is not None
    _say(tx, "alert.resolved", replace(over, silenced=silent), why=why)


def _say(tx: Writing, kind: str, alert: Alert, **more: str) -> None:
    tx.event_time = alert.event_time
    tx.say(
        kind, alert.id, service=alert.service, monitor=alert.monitor, kind=alert.kind, severity=alert.severity,
        summary=alert.summary, change=alert.change, facts=dict(alert.facts), silenced=alert.silenced, **more,
    )  # fmt: skip
