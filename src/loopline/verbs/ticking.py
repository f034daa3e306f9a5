"""ticking: triggers look at what has happened since they last looked; what the ticker and `loopline tick` do.

What is read may be old by the time it is written: a cause that somebody else has met meanwhile is refused by the ledger, and is
passed over. A schedule that was missed fires once, by its last time, however late it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from loopline.checks.document import load_document
from loopline.errors import Conflict, LooplineError, NotFound
from loopline.loop import declared_here
from loopline.nouns.digest import digest_of
from loopline.nouns.event import canonical
from loopline.nouns.firing import Firing, Mark
from loopline.nouns.ids import brief
from loopline.nouns.trigger import OnAlert, OnMissing, OnMoved, OnTime, Trigger, write
from loopline.triggers.causes import is_alert, is_move, loops
from loopline.triggers.sound import bounded
from loopline.verbs.firing import Cause, as_trigger, chain_of, fire, go_on

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop

PAGE: Final = 200
"""Events, or changes, that a trigger looks at in one tick; it goes on from there in the next."""
_document = lru_cache(maxsize=64)(load_document)
Seen = tuple[Cause | None, Mark]
"""Something that happened, None where it is not waited for, and how far one has looked with it."""


def declared_triggers(tx: Tables, loop: Loop) -> tuple[Trigger, ...]:
    """Give a project's triggers: those of the document in force, or, while there is none, of its own file at hand."""
    here = tx.policies.in_force(loop.project)
    declared = _document(here[1]).triggers if here else declared_here(loop, loop.triggers)
    return tuple(bounded(one) for one in declared)


def no_trigger(name: str, declared: Iterable[str]) -> NotFound:
    """Say that nobody has declared a trigger of that name."""
    from difflib import get_close_matches

    near = get_close_matches(name, declared, 1)
    return NotFound(
        f"there is no trigger {name[:100]}", kind="no-trigger",
        hint=f"did you mean {near[0]}?" if near else "loopline triggers", trigger=name[:100],
    )  # fmt: skip


def tick(loop: Loop) -> tuple[Firing, ...]:
    """Let every trigger of a project look once, and go on with what was begun. Give what was fired or has gone on.

    Repeating and doing it twice at once are harmless. One that cannot look keeps none of the others waiting: its error is raised
    at the end.
    """
    with loop.ledger.read() as tx:
        declared, marks = declared_triggers(tx, loop), tx.firings.marks(loop.project)
        begun = tx.firings.unfinished(loop.project)
    gone = marks.keys() - {one.name for one in declared}
    if gone:
        with loop.ledger.telemetry() as tables:
            tables.firings.forget(loop.project, gone)
    done, wrong = list[Firing](), list[LooplineError]()
    for one in begun:
        try:
            after = go_on(loop, one)
        except LooplineError as error:
            wrong.append(error)
        else:
            done += [after] if after else []
    for trigger in declared:
        try:
            done += _look(loop, trigger, marks.get(trigger.name))
        except LooplineError as error:
            wrong.append(error)
    if wrong:
        raise wrong[0]
    return tuple(done)


def waits_for(trigger: Trigger) -> str:
    """Name what a trigger waits for, so that one which waits for something else begins anew."""
    return digest_of(canonical(write(trigger)["on"]))


def _look(loop: Loop, trigger: Trigger, mark: Mark | None) -> list[Firing]:
    """Meet what has happened since a trigger has looked. One that was not there before looks from now on."""
    with loop.ledger.read() as tx:
        head, now = tx.feed.head(loop.project).seq, tx.now
        if mark is None or mark.declared != waits_for(trigger):
            seen: list[Seen] = [(None, Mark(trigger.name, waits_for(trigger), head, now))]
        elif mark.looked_at > now:  # the clock was put back, and is believed: times that have fired are met
            seen = [(None, replace(mark, looked_at=now))]
        elif head > mark.position or isinstance(trigger.on, (OnTime, OnMissing)):
            seen = list(_seen(tx, loop, trigger, mark))
        else:
            seen = []
    found, kept = list[Firing](), mark
    for cause, after in seen:
        if cause is not None:
            fired = _meet(loop, trigger, cause, after)
            found += [fired] if fired else []
            kept = after
    last = seen[-1][1] if seen else mark
    if last is not None and last != kept:
        with loop.ledger.telemetry() as tables:
            tables.firings.mark(loop.project, last)
    return found


def _meet(loop: Loop, trigger: Trigger, cause: Cause, after: Mark) -> Firing | None:
    """Fire, unless the cause was met, or a bound or the trigger's own trace says no; and keep how far it has looked."""
    me, held = as_trigger(loop, trigger.name), ""
    try:
        with loop.ledger.write(loop.project, me.actor) as tx:
            if tx.firings.met(loop.project, trigger.name, cause.key):
                raise _met(cause)
            tx.firings.mark(loop.project, after)
            held = loops(cause.chain, trigger.name) or _too_many(tx, trigger)
            if not held:
                return fire(tx, loop, trigger, cause)
            if tx.firings.hold(loop.project, trigger.name, held) > 1:
                raise _Held
            tx.say("trigger.held", trigger.name, cause=cause.key, why=held, met=cause.why)
    except _Held:  # of a storm the first is an event, the rest is a number
        with loop.ledger.telemetry() as tables:
            tables.firings.mark(loop.project, after)
            tables.firings.hold(loop.project, trigger.name, held)
    except Conflict as error:
        if error.kind != "fired-already":
            raise
        with loop.ledger.telemetry() as tables:
            tables.firings.mark(loop.project, after)
    return None


class _Held(Exception):  # noqa: N818 (no error: it undoes a transaction that has nothing to tell)
    pass


def _met(cause: Cause) -> Conflict:
    return Conflict(f"{cause.key} was met already", kind="fired-already", hint="nothing is to be done", cause=cause.key)


def _too_many(tx: Writing, trigger: Trigger) -> str:
    most = trigger.at_most
    if most is None:
        return ""
    since = tx.now - round(most.per.total_seconds() * 1e6)
    return f"it fires at most {most}" if tx.firings.since(tx.project, trigger.name, since) >= most.count else ""


def _seen(tx: Tables, loop: Loop, trigger: Trigger, mark: Mark) -> Iterator[Seen]:
    """Give what has happened that a trigger may wait for, oldest first."""
    on = trigger.on
    match on:
        case OnAlert():
            for event in tx.feed.search(loop.project, after=mark.position, kind="alert.opened", limit=PAGE):
                told = event.payload or {}
                cause = None
                if is_alert(on, told):
                    why = f"alert {brief(event.subject)} of {told['service']}/{told['monitor']}: {told.get('summary', '')}"
                    cause = Cause(f"alert:{event.subject}", why, change=str(told.get("change") or ""))
                yield cause, replace(mark, position=event.seq)
        case OnMoved():
            for moved in tx.changes.moved(loop.project, after=mark.position, limit=PAGE):
                cause = None
                if is_move(on, str(moved.ref)):
                    chain = chain_of(tx, tx.changes.get(moved.change))
                    old, new = ("–" if number is None else number for number in (moved.old, moved.new))
                    why = f"{moved.ref} moved {old} → {new} by change {brief(moved.change)} of {moved.author}"
                    cause = Cause(f"change:{moved.change}", why, chain, moved.change)
                yield cause, replace(mark, position=moved.seq)
        case OnTime() | OnMissing():
            yield from _times(tx, loop, on, mark)


def _times(tx: Tables, loop: Loop, on: OnTime | OnMissing, mark: Mark) -> Iterator[Seen]:
    from loopline.triggers.moments import newest, said

    moment = newest(on.cron, on.zone, after=mark.looked_at, until=tx.now)
    if moment is None:
        return
    after = replace(mark, looked_at=tx.now)
    if isinstance(on, OnTime):
        yield Cause(f"time:{moment}", f"{said(moment, on.zone)} of schedule {on.cron}"), after
    elif _came(tx, loop, on, moment):
        yield None, after
    else:
        yield Cause(f"missed:{moment}", f"{on.expect} has not come by {said(moment, on.zone)}"), after


def _came(tx: Tables, loop: Loop, on: OnMissing, moment: int) -> bool:
    since = moment - round(on.within.total_seconds() * 1e6)
    if "/" not in on.expect:
        return tx.feed.came(loop.project, on.expect, after=since, until=moment)
    after = 0
    while moves := tx.changes.moved(loop.project, after=after, between=(since, moment), limit=PAGE):
        if any(is_move(on, str(moved.ref)) for moved in moves):
            return True
        after = moves[-1].seq
    return False
