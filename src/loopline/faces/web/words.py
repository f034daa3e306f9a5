"""words: times, sizes, numbers and states as a page writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

_MICROS: Final = 1_000_000
_AGES: Final = (
    (31_536_000, "year"), (2_592_000, "month"), (604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"),
)  # fmt: skip
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
TONES: Final = {
    "applied": "good",
    "approved": "good",
    "finished": "good",
    "ok": "good",
    "pass": "good",
    "approve": "good",
    "done": "good",
    "cached": "kept",
    "proposed": "wait",
    "rolling": "live",
    "paused": "wait",
    "worse": "bad",
    "not-worse": "good",
    "undecided": "off",
    "pending": "wait",
    "queued": "wait",
    "running": "live",
    "open": "wait",
    "fail": "bad",
    "failed": "bad",
    "crashed": "bad",
    "error": "bad",
    "stopped": "bad",
    "reject": "bad",
    "withdrawn": "off",
    "cancelled": "off",
    "ready": "good",
    "starting": "live",
    "degraded": "wait",
    "waiting": "wait",
    "failing": "bad",
    "stopping": "off",
    "firing": "bad",
    "resolved": "good",
    "good": "good",
    "bad": "wait",
    "drift": "bad",
    "stable": "good",
    "high": "bad",
    "medium": "wait",
    "low": "off",
}
"""State → how it looks: a colour and, so that colour is never alone, a sign."""


def moment(then: int) -> datetime:
    """Give a time of the ledger (microseconds since the epoch, UTC) as one of Python; the nearest that Python has."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=then)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if then > 0 else datetime.min.replace(tzinfo=UTC)


def zone_named(name: str) -> tzinfo:
    """Give a time zone by its name; UTC where nobody knows it."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def when(then: int | None, *, now: int, zone: tzinfo, full: bool = False) -> Markup:
    """Write a time as `<time>`: how long ago within a week, the day before that; whole in the title, or if it is asked for."""
    if not then:
        return Markup('<span class="none">–</span>')
    at = moment(then)
    try:
        local = at.astimezone(zone)
    except OverflowError:
        local = at
    whole = f"{local:%Y-%m-%d %H:%M:%S} {local.tzname() or 'UTC'}"
    text = whole if full else ago(then, now) if abs(now - then) < 7 * 86_400 * _MICROS else f"{local:%Y-%m-%d}"
    iso = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso, whole, text)


def ago(then: int, now: int) -> str:
    """Say how long since: `just now`, `3 minutes ago`, `in 2 hours`."""
    seconds = abs(now - then) // _MICROS
    for length, word in _AGES:
        if seconds >= length:
            text = plural(seconds // length, word)
            return f"{text} ago" if then <= now else f"in {text}"
    return "just now"


def span(micros: float | None) -> str:
    """Say how long: `40 ms`, `12.3 s`, `3 min 20 s`, `5 h 2 min`, `4 d 3 h`."""
    if micros is None:
        return "–"
    seconds = max(micros, 0) / _MICROS
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for above, below, large, small in ((86_400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if whole >= above:
            count, rest = divmod(whole, above)
            return f"{count} {large} {rest // below} {small}" if rest >= below else f"{count} {large}"
    return f"{whole} s"


def size(count: int) -> str:
    """Write bytes in steps of 1024: `912 B`, `3.4 KiB`."""
    power = min(max(count.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    return f"{count} B" if not power else f"{count / 1024**power:.1f} {_UNITS[power]}"


def number(value: float | None) -> str:
    """Write a metric: four digits that mean something, whole numbers whole, a real minus."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "\u2212∞"
    if value == int(value) and abs(value) < 1e15:
        text = f"{int(value):,}".replace(",", "\u202f")
    elif 1e-3 <= abs(value) < 1e6:
        text = f"{value:.4f}" if abs(value) < 1e3 else f"{value:,.1f}".replace(",", "\u202f")
    else:
        text = f"{value:.3e}"
    return text.replace("-", "\u2212")


def signed(value: float) -> str:
    """Write a difference with its sign: `+0.0123`, `−0.2`."""
    text = number(value)
    return f"+{text}" if value > 0 else text


def plural(count: int, word: str) -> str:
    """Write `1 version`, `3 versions`, `2 entries`."""
    if count == 1:
        return f"1 {word}"
    many = f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
    return f"{count:,}".replace(",", "\u202f") + f" {many}"


def who(actor: Any) -> str:
    """Write an actor: a person by name alone, everybody else with their kind."""
    return str(actor).removeprefix("person:")


def tone(state: Any) -> str:
    """Say how a state looks."""
    return TONES.get(str(state), "off")


def metrics_in(rules: Iterable[str]) -> set[str]:
    """Give the words of lines such as `slice(carrier).roc_auc >= base - 0.005`, among them the metrics that they name."""
    return {word for rule in rules for word in re.findall(r"[\w/-]+", rule)}


def breaks(text: str) -> Markup:
    """Let a long name wrap behind `/`, `_`, `.` and `@`."""
    written = escape(text)
    for sign in "/_.@":
        written = Markup(str(written).replace(sign, f"{sign}<wbr>"))  # noqa: S704 (escaped two lines above)
    return written
