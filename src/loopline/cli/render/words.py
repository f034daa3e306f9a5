"""words: names, states and times, written the same in every drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.cli.text import ago, clean, moment
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopline.cli.screen import Screen

TONES: Mapping[str, str] = {
    "applied": "good", "approved": "good", "finished": "good", "cached": "good", "pass": "good", "ok": "good",
    "approve": "good", "resolved": "good", "done": "good", "ready": "good", "good": "good", "firing": "bad",
    "proposed": "wait", "rolling": "wait", "pending": "wait", "running": "wait", "warn": "wait", "open": "wait",
    "fail": "bad", "failed": "bad", "crashed": "bad", "error": "bad", "stopped": "bad", "reject": "bad",
    "dead": "bad", "paused": "bad", "failing": "bad", "delivered": "good", "redelivered": "good",
    "withdrawn": "dim", "cancelled": "dim",
    "made": "good", "forward": "good", "nothing": "dim", "clashing": "bad", "abandoned": "dim",
    "waiting": "wait", "starting": "wait", "degraded": "bad", "stopping": "wait",
    "bad": "bad", "undecided": "dim", "stable": "good", "drift": "bad",
    "too few rows": "dim", "worse": "bad", "not-worse": "good", "no reference": "dim",
}  # fmt: skip
"""How every status word of a noun sounds."""

DAY = 86_400_000_000


def status(word: str, screen: Screen) -> str:
    """Write a status with its sign and colour: `✓ applied`."""
    return screen.mark(TONES.get(str(word), "wait"), clean(str(word)))


def short_id(text: str) -> str:
    """Write a run's or change's id so that a command understands it."""
    return clean(brief(text))


def who(actor: str) -> str:
    """Write an actor: a person by name alone, everybody else with their kind."""
    return clean(actor.removeprefix("person:"))


def when(then: int | None, screen: Screen) -> str:
    """Write a time: how long ago within a day, the date before; both with -v."""
    if not then:
        return "–"
    if screen.verbose:
        return f"{moment(then, screen.zone)} ({ago(then, screen.now)})"
    if abs(screen.now - then) < DAY:
        return ago(then, screen.now)
    return moment(then, screen.zone)


def target(number: int | None) -> str:
    """Write the version that a ref points at: `@3`, or `–` where there is none."""
    return "–" if number is None else f"@{number}"


def name(value: Any, screen: Screen) -> str:
    """Write a name, with its project only where that is another one."""
    project = getattr(value, "project", None) or value.asset.project
    text = str(value) if project == screen.project else f"{project}:{value}"
    return screen.paint("name", clean(text))
