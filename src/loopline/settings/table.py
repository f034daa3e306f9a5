"""table: a table of a configuration file, read key by key; every mistake is told with file and line.

A key is known because somebody takes it: `done` refuses what nobody took, so no list of keys can fall behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from loopline.errors import Invalid

T = TypeVar("T")
Word = TypeVar("Word", bound=str)
Path = tuple[str | int, ...]
"""Keys and, inside arrays, indexes from 0."""

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?\Z")
_LONGEST = timedelta(days=36_500)
_SIZE = re.compile(r"(\d{1,15})\s*(?:([kKMGTP])(i?)B|B)?\Z")


class Source:
    """One file that was read, and where things stand in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._positions: dict[Path, int] | None = None

    def line(self, path: Path) -> int:
        """Give the line of a key, or of the nearest thing around it. Positions are looked for at the first question."""
        if self._positions is None:
            from loopline.settings.positions import positions

            self._positions = positions(self.text)
        while path and path not in self._positions:
            path = path[:-1]
        return self._positions.get(path, 1)

    def fail(self, path: Path, why: str, *, kind: str, hint: str, **facts: Any) -> NoReturn:
        """Raise Invalid with file and line in front."""
        line = self.line(path)
        key = ".".join(str(one) for one in path)
        raise Invalid(
            f"{self.name}:{line}: {why}", kind=kind, hint=hint, file=self.name, line=line, **{"key": key, **facts}
        )


class Table:
    """Takes keys out of one table."""

    def __init__(self, source: Source, path: Path, values: Mapping[str, Any]) -> None:
        self.source = source
        self.path = path
        self.values = values
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def text(self, key: str, default: str = "") -> str:
        """Take a text."""
        found: str = self._take(key, default, lambda v: isinstance(v, str), 'a text, as in "…"')
        return found

    def whole(self, key: str, default: int, *, least: int = 0) -> int:
        """Take a whole number."""
        found: int = self._take(
            key, default, lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number"
        )
        if found < least:
            self.fail(key, f"{key} is {found}", kind="bad-value", hint=f"write a whole number from {least}")
        return found

    def number(self, key: str, default: float, *, least: float = 0.0, most: float = float("inf")) -> float:
        """Take a number, whole or not."""
        found: float = self._take(
            key, default, lambda v: isinstance(v, (int, float)) and not isinstance(v, bool), "a number"
        )
        if not least <= found <= most:  # not a number is in no range
            limit = f"from {least:g}" + ("" if most == float("inf") else f" to {most:g}")
            self.fail(key, f"{key} is {found}", kind="bad-value", hint=f"write a number {limit}")
        return float(found)

    def size(self, key: str, default: int) -> int:
        """Take a number of bytes, as in "32MiB"."""
        found = self._take(key, None, lambda v: isinstance(v, str), 'a size, as in "32MiB"')
        if found is None:
            return default
        size = size_of(found)
        if size is None:
            self.fail(
                key, f"{key} = {found!r} is no size", kind="bad-value", hint="write a size: 500MB, 10GiB", text=found
            )
        return size

    def flag(self, key: str, *, default: bool) -> bool:
        """Take true or false."""
        found: bool = self._take(key, default, lambda v: isinstance(v, bool), "true or false")
        return found

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Take an array of texts."""
        found = self._take(key, list(default), lambda v: isinstance(v, list), 'an array of texts, as in ["…"]')
        for index, one in enumerate(found):
            if not isinstance(one, str):
                self._wrong((*self.path, key, index), f"{key}[{index}]", one, "a text")
        return tuple(found)

    def duration(self, key: str, default: T) -> timedelta | T:
        """Take a length of time such as 30m, 24h, 7d or 1d12h."""
        found = self._take(key, None, lambda v: isinstance(v, str), 'a length of time, as in "24h"')
        if found is None:
            return default
        length = duration_of(found)
        if length is None:
            hint = "write for example 30m, 24h, 7d or 1d12h (w, d, h, m, s, ms)"
            self.fail(key, f"{key} = {found!r} is no length of time", kind="bad-duration", hint=hint, text=found)
        return length

    def positive(self, key: str, default: timedelta) -> timedelta:
        """Take a length of time that is one."""
        found = self.duration(key, default)
        if found <= timedelta():
            self.fail(key, f"{key} is no time at all", kind="bad-duration", hint="write for example 10s, 1h or 7d")
        return found

    def choice(self, key: str, options: tuple[Word, ...], default: Word) -> Word:
        """Take one of several words; the default may be another one."""
        found = self.text(key, default)
        one = next((one for one in (default, *options) if one == found), None)
        if one is None:
            hint = near(found, options) or f"write one of {', '.join(options)}"
            self.fail(key, f"{key} = {found!r} is not possible", kind="bad-value", hint=hint, text=found)
        return one

    def value(self, key: str, fits: Callable[[Any], bool], wanted: str) -> Any:
        """Take a value of several types; None where there is none."""
        return self._take(key, None, fits, wanted)

    def inner(self, key: str) -> Table | None:
        """Take a table; None where there is none."""
        found = self._take(key, None, lambda v: isinstance(v, dict), f"a table, as in [{key}] or {{…}}")
        return None if found is None else Table(self.source, (*self.path, key), found)

    def named(self, key: str) -> list[tuple[str, Table]]:
        """Take a table of tables, as in `[checks."eval/holdout"]`."""
        outer = self.inner(key)
        if outer is None:
            return []
        return [(name, one) for name in outer if (one := outer.inner(name)) is not None]

    def many(self, key: str) -> list[Table]:
        """Take an array of tables, as in `[[policies]]`."""
        found = self._take(key, [], lambda v: isinstance(v, list), f"an array of tables, as in [[{key}]]")
        tables = []
        for index, one in enumerate(found):
            path = (*self.path, key, index)
            if not isinstance(one, dict):
                self._wrong(path, f"{key}[{index}]", one, f"a table, as in [[{key}]]")
            tables.append(Table(self.source, path, one))
        return tables

    def needed(self, key: str) -> None:
        """Refuse a table without this key."""
        if key not in self.values:
            self.source.fail(
                self.path, f"{_said(self.path)} has no {key}", kind="missing-key", hint=f"add {key} = …", missing=key
            )

    def done(self) -> None:
        """Refuse keys that nobody took. Raise Invalid kind="unknown-key" for the first of them in the file."""
        unknown = [key for key in self.values if key not in self._asked]
        if unknown:
            first = min(unknown, key=lambda key: self.source.line((*self.path, key)))
            hint = near(first, self._asked) or f"known here are {', '.join(sorted(set(self._asked)))}"
            self.source.fail(
                (*self.path, first),
                f"unknown key {first!r}{' in ' + _said(self.path) if self.path else ''}",
                kind="unknown-key",
                hint=hint,
                word=first,
            )

    def fail(self, key: str, why: str, *, kind: str, hint: str, **facts: Any) -> NoReturn:
        """Raise Invalid at a key of this table."""
        self.source.fail((*self.path, key), why, kind=kind, hint=hint, **facts)

    def origin(self, key: str) -> str:
        """Say where a key stands: `/home/ann/flights/loopline.toml:3`."""
        return f"{self.source.name}:{self.source.line((*self.path, key))}"

    def _take(self, key: str, default: Any, fits: Callable[[Any], bool], wanted: str) -> Any:
        self._asked.append(key)
        if key not in self.values:
            return default
        found = self.values[key]
        if not fits(found):
            self._wrong((*self.path, key), key, found, wanted)
        return found

    def _wrong(self, path: Path, name: str, found: Any, wanted: str) -> NoReturn:
        words = {bool: "true or false", str: "a text", dict: "a table", list: "an array", int: "a whole number"}
        said = words.get(type(found), f"a {type(found).__name__}")
        self.source.fail(path, f"{name} is {said}", kind="wrong-type", hint=f"write {wanted}", wanted=wanted)


def duration_of(text: str) -> timedelta | None:
    """Read a length of time such as 30m or 1d12h, of at most a hundred years; None where it is none."""
    match = _DURATION.match(text.replace(" ", ""))
    if not match or not any(match.groups()) or any(len(one or "") > 9 for one in match.groups()):
        return None
    weeks, days, hours, minutes, seconds, thousandths = (int(one or 0) for one in match.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=thousandths)
    return length if length <= _LONGEST else None


def size_of(text: str) -> int | None:
    """Read a number of bytes such as 500MB (1000s) or 50GiB (1024s); None where it is none."""
    match = _SIZE.match(text.strip())
    if not match:
        return None
    number, unit, binary = match.groups()
    power = "KMGTP".index(unit.upper()) + 1 if unit else 0
    step: int = 1024 if binary else 1000
    return int(number) * int(step**power)


def near(word: str, known: Iterable[str]) -> str:
    """Ask whether somebody meant the most similar word; empty where none is similar."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), 1)
    return f"did you mean {found[0]}?" if found else ""


def _said(path: Path) -> str:
    words = [str(one) if isinstance(one, int) or one.isidentifier() else f'"{one}"' for one in path]
    return f"[{'.'.join(words)}]"
