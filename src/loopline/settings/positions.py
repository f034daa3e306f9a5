"""positions: where in a TOML text each key and each array member stands. `tomllib` reads values and forgets places."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]
"""Keys and, inside arrays, indexes from 0."""

_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]+")


def positions(text: str) -> dict[Path, int]:
    """Give the line (from 1) of every key and array member of a text that `tomllib` reads.

    A table that is only implied (`a` of `[a.b]`) stands where it is first named.
    """
    return _Scanner(text).document()


class _Scanner:
    """Walks over a valid document. What it cannot make sense of ends the walk: places are lost, values are not."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}
        """Members so far of each array of tables."""

    def document(self) -> dict[Path, int]:
        here: Path = ()
        while True:
            self._skip(_SPACE)
            start = self.at
            if self.at >= len(self.text):
                return self.found
            if self._take("[["):
                here = self._header(self._key(), member=True)
                self._skip(_BLANK)
                self._take("]]")
            elif self._take("["):
                here = self._header(self._key(), member=False)
                self._skip(_BLANK)
                self._take("]")
            else:
                self._pair(here)
            if self.at == start:
                return self.found

    def _header(self, key: Path, *, member: bool) -> Path:
        """Resolve a header: below an array of tables it speaks of the last member."""
        path: Path = ()
        for depth, part in enumerate(key):
            path = (*path, part)
            self._note(path)
            last = depth == len(key) - 1
            if last and member:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
                self._note(path)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self.found.setdefault(path, line)
        self._skip(_BLANK)
        if self._take("="):
            self._skip(_BLANK)
            self._value(path)

    def _value(self, path: Path) -> None:
        if match := _STRING.match(self.text, self.at):
            self.at = match.end()
        elif self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline(path)
        elif match := _PLAIN.match(self.text, self.at):
            self.at = match.end()

    def _array(self, path: Path) -> None:
        index = 0
        while True:
            self._skip(_SPACE)
            if self.at >= len(self.text) or self._take("]"):
                return
            start = self.at
            self._note((*path, index))
            self._value((*path, index))
            index += 1
            self._skip(_SPACE)
            self._take(",")
            if self.at == start:
                return

    def _inline(self, path: Path) -> None:
        while True:
            self._skip(_SPACE)
            if self.at >= len(self.text) or self._take("}"):
                return
            start = self.at
            self._pair(path)
            self._skip(_SPACE)
            self._take(",")
            if self.at == start:
                return

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            if match := _STRING.match(self.text, self.at):
                parts.append(_unquoted(match[0]))
            elif match := _BARE.match(self.text, self.at):
                parts.append(match[0])
            else:
                return tuple(parts)
            self.at = match.end()
            self._skip(_BLANK)
            if not self._take("."):
                return tuple(parts)

    def _note(self, path: Path) -> None:
        self.found.setdefault(path, self._line())

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def _take(self, sign: str) -> bool:
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False


def _unquoted(written: str) -> str:
    try:
        found: str = tomllib.loads(f"k = {written}")["k"]
    except tomllib.TOMLDecodeError:  # no document that tomllib reads has such a key
        return written
    return found
