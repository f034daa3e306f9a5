"""text: columns, ages, sizes and numbers, as people read them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import tzinfo

_AGES = ((31_536_000, "y"), (2_592_000, "mo"), (604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_UNITS = ("KiB", "MiB", "GiB", "TiB")
_MICROS = 1_000_000


def clean(text: str) -> str:
    """Escape what a terminal would act upon: names and messages come from anywhere."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def columns_of(text: str) -> int:
    """Count the terminal columns of a text, colours aside (Unicode TR11: wide and full-width take two)."""
    if "\x1b" in text:
        text = _without_color(text)
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill up with blanks, in front for numbers."""
    blanks = " " * (width - columns_of(text))
    return blanks + text if right else text + blanks


def cut(text: str, width: int) -> str:
    """Shorten to `width` columns with an ellipsis. Coloured text is left alone."""
    if columns_of(text) <= width or "\x1b" in text or width < 1:
        return text
    while columns_of(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def aligned(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), width: int = 10_000) -> Iterator[str]:
    """Write rows in columns two blanks apart; the last column is cut at `width`."""
    if not rows:
        return
    widths = [max(columns_of(row[i]) for row in rows if i < len(row)) for i in range(max(len(row) for row in rows))]
    for row in rows:
        cells = [pad(cell, widths[i], right=i in right) for i, cell in enumerate(row[:-1])]
        used = sum(widths[i] + 2 for i in range(len(row) - 1))
        last = len(row) - 1
        tail = cut(pad(row[-1], widths[last], right=True) if last in right else row[-1], max(width - used, 8))
        yield _trimmed("  ".join([*cells, tail]))


def facts(pairs: Sequence[tuple[str, str]], *, indent: str = "") -> Iterator[str]:
    """Write `name  value` lines; a value of several lines is indented."""
    wide = max((columns_of(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *more = value.split("\n")
        yield _trimmed(f"{indent}{pad(name, wide)}  {first}")
        for line in more:
            yield _trimmed(f"{indent}{' ' * wide}  {line}")


def span(micros: float) -> str:
    """Say how long: `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `4 d 3 h`."""
    from itertools import pairwise

    if not isfinite(micros):
        return "∞" if micros > 0 else "–"
    seconds = micros / _MICROS
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for (above, word), (smaller, below) in pairwise(_AGES[3:]):
        if whole >= above:
            count, rest = divmod(whole, above)
            return f"{count} {word} {rest // smaller} {below}" if rest >= smaller else f"{count} {word}"
    return f"{whole} s"


def ago(then: int, now: int) -> str:
    """Say how long since: `just now`, `3 min ago`, `in 2 h`."""
    seconds = abs(now - then) // _MICROS
    for length, word in _AGES:
        if seconds >= length:
            text = f"{seconds // length} {word}"
            return f"{text} ago" if then <= now else f"in {text}"
    return "just now"


def moment(then: int, zone: tzinfo | None = None) -> str:
    """Write the time of day: `2026-01-02 10:04:05Z`, or in the zone with its offset."""
    from datetime import UTC, datetime, timedelta

    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=then)
        if zone is not None:
            when = when.astimezone(zone)
    except OverflowError:
        return f"{then} us"
    text = when.strftime("%Y-%m-%d %H:%M:%S%z")
    return text.removesuffix("+0000") + "Z" if text.endswith("+0000") else text


def size(count: int) -> str:
    """Write bytes in steps of 1024: `912 B`, `3.4 KiB`, `1.2 GiB`."""
    if count < 1024:
        return f"{count} B"
    power = min((count.bit_length() - 1) // 10, 4)
    return f"{count / 1024**power:.1f} {_UNITS[power - 1]}"


def number(value: float) -> str:
    """Write a metric: four digits that mean something, whole numbers whole."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def plural(count: int, word: str) -> str:
    """Write `1 version`, `3 versions`, `2 entries`."""
    if count == 1:
        return f"1 {word}"
    return f"{count} {word[:-1]}ies" if word.endswith("y") and word[-2] not in "aeiou" else f"{count} {word}s"


def _trimmed(line: str) -> str:
    """Leave out the blanks at the end, also those that have a colour: a line ends alike with colours and without."""
    line = line.rstrip()
    if not line.endswith("m") or "\x1b[" not in line:
        return line
    front, _, code = line.rpartition("\x1b[")
    if code.partition("m")[2]:
        return line
    return f"{_trimmed(front)}\x1b[{code}"


def _without_color(text: str) -> str:
    parts = text.split("\x1b[")
    return parts[0] + "".join(part.partition("m")[2] for part in parts[1:])
