"""triggers: `[triggers.NAME]` of a project's file: what follows what."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Final

from loopline.errors import Invalid
from loopline.nouns.severity import SEVERITIES, Severity
from loopline.nouns.task import queue_named
from loopline.nouns.trigger import AtMost, Do, On, OnAlert, OnMissing, OnMoved, OnTime, Trigger
from loopline.settings.declared import glob_at
from loopline.settings.table import Table, duration_of, near
from loopline.triggers.moments import parse_cron
from loopline.triggers.sound import bounded, name_of, own_ref, title_of

ON: Final = ("alert", "moved", "schedule", "expect")
"""What a trigger can wait for: one of these."""
_KIND: Final = re.compile(r"[a-z*?]+(\.[a-z*?-]+)?\Z")
_PER: Final = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


def triggers(table: Table, *, zone: str) -> tuple[Trigger, ...]:
    """Take `[triggers.NAME]`; `zone` is that of the project, where a trigger names none."""
    found = []
    outer = table.inner("triggers")
    for name, one in table.named("triggers"):
        try:
            name_of(name)
        except Invalid as error:
            (outer or table).fail(name, error.message, kind=error.kind, hint=error.hint)
        one.needed("on")
        one.needed("do")
        on = _on(one, zone)
        found.append(bounded(Trigger(name, on, _do(one, on), _at_most(one))))
        one.done()
    return tuple(sorted(found, key=lambda one: one.name))


def _on(outer: Table, zone: str) -> On:
    table = _inner(outer, "on")
    given = [key for key in ON if key in table]
    if len(given) != 1:
        said = f"{' and '.join(given)} in one trigger" if given else "it waits for nothing"
        wrong = next(iter(table), "")
        hint = (not given and near(wrong, ON)) or f"write one of {', '.join(ON)}; several causes are several triggers"
        table.source.fail(table.path, said, kind="bad-trigger", hint=hint)
    found: On
    match given[0]:
        case "alert":
            found = OnAlert(_monitors(table), _severity(table, "low"))
        case "moved":
            found = OnMoved(glob_at(table, (*table.path, "moved"), table.text("moved")))
        case "schedule":
            found = OnTime(_cron(table, "schedule"), _zone(table, zone))
        case _:
            table.needed("by")
            within = table.duration("within", timedelta(days=1))
            if within <= timedelta(0):
                table.fail("within", "within is no time at all", kind="bad-duration", hint='write within = "24h"')
            found = OnMissing(_expected(table), _cron(table, "by"), _zone(table, zone), within)
    _known(table, ("alert", "severity"), ("moved",), ("schedule", "timezone"), ("expect", "by", "timezone", "within"))
    table.done()
    return found


def _known(table: Table, *families: tuple[str, ...]) -> None:
    """Tell a key that is nearly one of those that may stand here, or one that belongs to another cause."""
    mine = next(family for family in families if family[0] in table)
    for key in table:
        if key not in mine:
            hint = near(key, mine) or f"beside {mine[0]} may stand {', '.join(mine[1:]) or 'nothing'}"
            table.fail(key, f"unknown key {key!r} beside {mine[0]}", kind="unknown-key", hint=hint, word=key)


def _monitors(table: Table) -> str:
    text = table.text("alert")
    kind, _, rest = text.partition("/")
    if text != "*" and not (rest and (kind == "service" or set(kind) & set("*?["))):
        hint = near(kind, ("service",)) or "write service/NAME@REF/MONITOR, which may hold *"
        table.fail("alert", f"{text!r} matches no monitor", kind="bad-glob", hint=hint, text=text)
    return text


def _expected(table: Table) -> str:
    text = table.text("expect")
    if "/" in text:
        return glob_at(table, (*table.path, "expect"), text)
    if not _KIND.match(text):
        hint = "write a ref, as in data/flights@main, or a kind of event, as in run.finished"
        table.fail("expect", f"{text!r} is neither a ref nor a kind of event", kind="bad-glob", hint=hint, text=text)
    return text


def _cron(table: Table, key: str) -> str:
    text = table.text(key)
    try:
        return parse_cron(" ".join(text.split()))
    except Invalid as error:
        table.fail(key, error.message, kind=error.kind, hint=error.hint, text=text)


def _zone(table: Table, default: str) -> str:
    import zoneinfo

    zone = table.text("timezone", default)
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        hint = near(zone, sorted(zoneinfo.available_timezones())) or "write a name such as Europe/Berlin"
        table.fail("timezone", f"there is no time zone {zone!r}", kind="bad-timezone", hint=hint, text=zone)
    return zone


def _do(outer: Table, on: On) -> Do:
    table = _inner(outer, "do")
    found = Do(
        pipeline=table.text("run"), params=_params(table), queue=_queue(table), propose=_ref(table), to=_revision(table),
        incident=_title(table), severity=_severity(table, "medium"),
    )  # fmt: skip
    table.done()
    if not (found.pipeline or found.propose or found.incident):
        hint = "write run, propose or incident"
        table.source.fail(table.path, "nothing is to be done", kind="bad-trigger", hint=hint)
    for key, why, wrong in (
        ("to", "a run says itself what it made", bool(found.to and found.pipeline)),
        ("to", "nothing is proposed", bool(found.to and not found.propose)),
        ("params", "no pipeline is run", bool(found.params and not found.pipeline)),
        ("queue", "no pipeline is run", "queue" in table and not found.pipeline),
        ("severity", "no incident is opened", "severity" in table and not found.incident),
    ):
        if wrong:
            table.fail(key, f"{key} says nothing here: {why}", kind="bad-trigger", hint=f"remove {key}")
    if found.propose and not found.pipeline and not found.to:
        hint = f'write to = "latest", or run = "PIPELINE" that makes {found.propose.partition("@")[0]}'
        table.fail("propose", "nobody knows what to propose", kind="bad-trigger", hint=hint)
    if isinstance(on, OnMoved) and found.propose == on.ref:
        hint = "propose another ref, or wait for another"
        table.fail("propose", f"moving {on.ref} would set it off again", kind="bad-trigger", hint=hint)
    return found


def _params(table: Table) -> tuple[tuple[str, str], ...]:
    found = []
    inner = table.inner("params")
    for key in inner or ():
        value = inner.values[key] if inner else None
        if inner and not isinstance(value, (str, int, float, bool)):
            hint = "write a text, a number, true or false"
            inner.fail(key, f"{key} is no single value", kind="wrong-type", hint=hint)
        found.append((key, value if isinstance(value, str) else json.dumps(value)))
    return tuple(sorted(found))


def _queue(table: Table) -> str:
    text = table.text("queue", "default")
    try:
        return queue_named(text)
    except Invalid as error:
        table.fail("queue", error.message, kind=error.kind, hint=error.hint)


def _title(table: Table) -> str:
    text = table.text("incident").strip()
    try:
        return title_of(text) if text else ""
    except Invalid as error:
        table.fail("incident", error.message, kind=error.kind, hint=error.hint)


def _ref(table: Table) -> str:
    text = table.text("propose")
    if not text:
        return ""
    try:
        return str(own_ref(text))
    except Invalid as error:
        table.fail("propose", error.message, kind=error.kind, hint=error.hint, **error.facts)


def _revision(table: Table) -> str:
    from loopline.nouns.name import parse_revision

    text = table.text("to")
    try:
        if text:
            parse_revision(text)
    except Invalid as error:
        table.fail("to", error.message, kind=error.kind, hint=error.hint, **error.facts)
    return text


def _at_most(table: Table) -> AtMost | None:
    if "at_most" not in table:
        table.text("at_most")  # known, so that a key that is nearly it is told
        return None
    text = table.text("at_most")
    count, _, per = text.replace(" ", "").partition("/")
    length = _PER.get(per) or duration_of(per)
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= 1_000_000 and length):
        hint = near(per, _PER) if length is None else ""
        table.fail(
            "at_most", f"at_most = {text!r} is no bound", kind="bad-value", text=text,
            hint=hint or "write for example 1/day, 10/hour or 1/6h",
        )  # fmt: skip
    return AtMost(int(count), length)


def _severity(table: Table, default: Severity) -> Severity:
    return table.choice("severity", SEVERITIES, default)


def _inner(outer: Table, key: str) -> Table:
    found = outer.inner(key)
    if found is None:  # `needed` was asked before
        raise AssertionError(key)
    return found
