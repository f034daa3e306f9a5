"""alert: what monitors look at, what they saw, and what nobody is notified of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status, when, who
from loopline.cli.text import aligned, clean, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.alert import Alert, Silence
    from loopline.nouns.monitored import Monitored


def list_of_alert(values: Sequence[Alert], screen: Screen) -> Iterator[str]:
    """Draw one line an alert: how it stands, since when, who knows, under which change."""
    rows = [
        [
            screen.paint("name", short_id(one.id)), status(_state(one), screen), one.severity, when(one.opened_at, screen),
            f"{clean(one.service)}/{clean(one.monitor)}", clean(one.summary), _known(one),
            f"change {short_id(one.change)}" if one.change else "",
        ]
        for one in values
    ]  # fmt: skip
    yield from aligned(rows, width=screen.width)


def alert(value: Alert, screen: Screen) -> Iterator[str]:
    """Draw one."""
    yield from list_of_alert((value,), screen)


def list_of_monitored(values: Sequence[Monitored], screen: Screen) -> Iterator[str]:
    """Draw one line a monitor: how it stands, up to when it has looked, what it saw, and its alert."""
    rows = [
        [
            screen.paint("name", f"{clean(one.service)}/{clean(one.monitor.name)}"), status(one.stand, screen),
            clean(one.monitor.kind), when(one.looked_at, screen),
            clean(one.watch.last.summary) if one.watch and one.watch.last else "",
            f"alert {short_id(one.alert.id)}" if one.alert else "", "silenced" if one.silence else "",
        ]
        for one in values
    ]  # fmt: skip
    yield from aligned(rows, width=screen.width)


def list_of_silence(values: Sequence[Silence], screen: Screen) -> Iterator[str]:
    """Draw one line a silence: what it is about, how long it holds, why, by whom."""
    rows = [[clean(one.match), when(one.until, screen), clean(one.why), who(one.by)] for one in values]
    yield from aligned(rows, width=screen.width)


def silence(value: Silence, screen: Screen) -> Iterator[str]:
    """Say until when it is quiet, or that it no longer is."""
    if value.until <= value.created_at:
        yield f"{clean(value.match)} is heard of again"
    else:
        yield f"{clean(value.match)} is silent until {moment(value.until, screen.zone)}: {clean(value.why)}"


def _state(one: Alert) -> str:
    return "resolved" if one.resolved_at else "open"


def _known(one: Alert) -> str:
    said = f"acknowledged by {who(one.acknowledged_by)}" if one.acknowledged_by else ""
    return ", ".join(filter(None, (said, "silenced" if one.silenced else "")))
