"""trigger: what a project wants done when something happens, or does not happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Final, assert_never

from loopline.nouns.severity import Severity
from loopline.nouns.token import Role

TRIGGERED: Final[Role] = "contributor"
"""The role of a trigger in its project."""


@dataclass(frozen=True, slots=True)
class OnAlert:
    """An alert is opened that is not silenced."""

    match: str
    """Glob over `service/NAME@REF/MONITOR`, or over the service alone."""
    severity: Severity = "low"
    """The least that counts."""

    def __str__(self) -> str:
        """Write it for people."""
        return f"alert of {self.match}" + (f", {self.severity} or more" if self.severity != "low" else "")


@dataclass(frozen=True, slots=True)
class OnMoved:
    """A ref moves."""

    ref: str
    """Glob over `kind/name@ref`."""

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.ref} moves"


@dataclass(frozen=True, slots=True)
class OnTime:
    """A time comes."""

    cron: str
    zone: str = "UTC"

    def __str__(self) -> str:
        """Write it for people."""
        return f"schedule {self.cron} {self.zone}"


@dataclass(frozen=True, slots=True)
class OnMissing:
    """A time comes, and what was expected has not."""

    expect: str
    """Glob over `kind/name@ref` that should have moved, or, without a slash, over kinds of events: `run.finished`."""
    cron: str
    zone: str = "UTC"
    within: timedelta = timedelta(days=1)
    """How long before that time it may have come."""

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.expect} missing by {self.cron} {self.zone}"


On = OnAlert | OnMoved | OnTime | OnMissing


@dataclass(frozen=True, slots=True)
class Do:
    """What follows: a run, a proposal of what it made, an incident; any of them."""

    pipeline: str = ""
    params: tuple[tuple[str, str], ...] = ()
    queue: str = "default"
    propose: str = ""
    """`model/delay@champion`: the ref that is to move to what the run made, or to `to`."""
    to: str = ""
    """A revision, where no run makes the version."""
    incident: str = ""
    """Title of an incident to open."""
    severity: Severity = "medium"
    """Of the incident."""

    def __str__(self) -> str:
        """Write it for people."""
        params = "".join(f" {key}={value}" for key, value in self.params)
        parts = (
            f"run {self.pipeline}{params}" if self.pipeline else "",
            f"propose {self.propose}{f' to {self.to}' if self.to else ''}" if self.propose else "",
            f"open an incident ({self.severity}): {self.incident}" if self.incident else "",
        )
        return ", ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class AtMost:
    """How often a trigger may fire: what bounds a storm."""

    count: int
    per: timedelta

    def __str__(self) -> str:
        """Write it as in a project's file: `1/1d`."""
        return f"{self.count}/{_span(self.per)}"


@dataclass(frozen=True, slots=True)
class Trigger:
    """`[triggers.NAME]` of a project file."""

    name: str
    on: On
    do: Do
    at_most: AtMost | None = None


def write(trigger: Trigger) -> dict[str, Any]:
    """Give it as JSON values; `read` makes it again."""
    do = trigger.do
    found: dict[str, Any] = {
        "name": trigger.name, "on": _awaited(trigger.on),
        "do": {
            "run": do.pipeline, "params": dict(do.params), "queue": do.queue, "propose": do.propose, "to": do.to,
            "incident": do.incident, "severity": do.severity,
        },
    }  # fmt: skip
    if trigger.at_most:
        found["at_most"] = {"count": trigger.at_most.count, "per": _micros(trigger.at_most.per)}
    return found


def _awaited(on: On) -> dict[str, Any]:
    match on:
        case OnAlert():
            return {"alert": on.match, "severity": on.severity}
        case OnMoved():
            return {"moved": on.ref}
        case OnTime():
            return {"schedule": on.cron, "timezone": on.zone}
        case OnMissing():
            return {"expect": on.expect, "by": on.cron, "timezone": on.zone, "within": _micros(on.within)}
        case _:
            assert_never(on)


def read(found: Mapping[str, Any]) -> Trigger:
    """Make it of what `write` gave. Raise KeyError, TypeError or ValueError for anything else, unknown keys included."""
    row = dict(found)
    name, on, do, most = row.pop("name"), dict(row.pop("on")), dict(row.pop("do")), row.pop("at_most", None)
    _nothing_left(row)
    cause = _cause(on)
    _nothing_left(on)
    params = tuple(sorted((str(key), str(value)) for key, value in do.pop("params").items()))
    effect = Do(
        do.pop("run"), params, do.pop("queue"), do.pop("propose"), do.pop("to"), do.pop("incident"), do.pop("severity")
    )
    _nothing_left(do)
    texts = (name, *(getattr(each, one.name) for each in (cause, effect) for one in fields(each)))
    if any(not isinstance(text, (str, tuple, timedelta)) for text in texts):
        raise TypeError("what should be a text is none")
    return Trigger(name, cause, effect, AtMost(most["count"], timedelta(microseconds=most["per"])) if most else None)


def _cause(on: dict[str, Any]) -> On:
    if "alert" in on:
        return OnAlert(on.pop("alert"), on.pop("severity"))
    if "moved" in on:
        return OnMoved(on.pop("moved"))
    if "schedule" in on:
        return OnTime(on.pop("schedule"), on.pop("timezone"))
    within = timedelta(microseconds=on.pop("within"))
    return OnMissing(on.pop("expect"), on.pop("by"), on.pop("timezone"), within)


def _nothing_left(row: Mapping[str, Any]) -> None:
    if row:
        raise ValueError(f"unknown key {min(row)!r} of a trigger")


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
