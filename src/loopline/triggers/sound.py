"""sound: whether a trigger can be carried out at all, whoever has written it down."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import replace
from datetime import timedelta
from typing import Final

from loopline.errors import Invalid
from loopline.nouns.name import RefName, parse_ref, parse_revision
from loopline.nouns.severity import SEVERITIES
from loopline.nouns.task import queue_named
from loopline.nouns.trigger import AtMost, OnAlert, OnMissing, OnMoved, OnTime, Trigger
from loopline.triggers.moments import parse_cron

TAKEN: Final = ("host", "login", "relay", "ticker", "watcher", "worker")
"""Names by which the server itself acts."""
USUAL: Final = AtMost(10, timedelta(hours=1))
"""What bounds a trigger that follows alerts or moves and says nothing itself. Time bounds the others."""
_MOST_TITLE: Final = 200
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")


def name_of(text: str) -> str:
    """Give the name of a trigger back. Raise Invalid for what is none, or is one of the server's own."""
    if text in TAKEN:
        raise Invalid(f"{text!r} is a name of the server itself", kind="bad-trigger", hint="rename it", name=text)
    if not _NAME.match(text):
        raise Invalid(
            f"{text[:100]!r} is no name of a trigger", kind="bad-trigger", hint="write small letters, digits and dashes",
            name=text[:100],
        )  # fmt: skip
    return text


def own_ref(text: str, *, project: str = "") -> RefName:
    """Take a ref that a trigger may propose to move. Raise Invalid for one of another project, as a trigger acts in its own.

    Where nobody knows yet which project that is, it is to be written without one.
    """
    ref = parse_ref(text, project=project)
    if ref.asset.project != project:
        raise Invalid(
            f"{text!r} names a project, and a trigger acts in its own", kind="bad-trigger",
            hint=f"write {ref}, or declare it there", text=text,
        )  # fmt: skip
    return ref


def title_of(text: str) -> str:
    """Give the title of an incident back. Raise Invalid for what is none."""
    if len(text) > _MOST_TITLE or not text.strip() or not text.isprintable():
        raise Invalid(
            f"{text[:40]!r} is no title of an incident", kind="bad-trigger",
            hint=f"write a line of up to {_MOST_TITLE} characters",
        )  # fmt: skip
    return text


def bounded(trigger: Trigger) -> Trigger:
    """Give a trigger with the usual bound, where it needs one and names none."""
    if trigger.at_most or not isinstance(trigger.on, (OnAlert, OnMoved)):
        return trigger
    return replace(trigger, at_most=USUAL)


def sound(trigger: Trigger) -> Trigger:
    """Give a trigger back that can be carried out. Raise Invalid: a file is told its line before, a document is told here."""
    name_of(trigger.name)
    on, do = trigger.on, trigger.do
    if isinstance(on, (OnTime, OnMissing)):
        parse_cron(on.cron)
        try:
            zoneinfo.ZoneInfo(on.zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise _bad(trigger, f"there is no time zone {on.zone!r}") from None
    if isinstance(on, OnMissing) and on.within <= timedelta(0):
        raise _bad(trigger, "it expects something within no time at all")
    severities = (do.severity, on.severity if isinstance(on, OnAlert) else "low")
    if any(one not in SEVERITIES for one in severities):
        raise _bad(trigger, f"a severity is one of {', '.join(SEVERITIES)}")
    if not (do.pipeline or do.propose or do.incident):
        raise _bad(trigger, "nothing is to be done")
    queue_named(do.queue)
    if do.incident:
        title_of(do.incident)
    if do.propose:
        own_ref(do.propose)
        if bool(do.pipeline) == bool(do.to):
            raise _bad(trigger, "what it proposes is either made by a run or named by to")
    if do.to:
        parse_revision(do.to)
    if trigger.at_most and (trigger.at_most.count < 1 or trigger.at_most.per <= timedelta(0)):
        raise _bad(trigger, f"at_most {trigger.at_most} is no bound")
    return trigger


def _bad(trigger: Trigger, why: str) -> Invalid:
    return Invalid(
        f"trigger {trigger.name}: {why}", kind="bad-trigger", hint="write it in loopline.toml, then loopline policy --push",
        trigger=trigger.name,
    )  # fmt: skip
