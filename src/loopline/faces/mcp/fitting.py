"""fitting: an answer cut to a size, with what was left out.

Whoever reads it has room for so much and no more. What is cut is said: the list, how much of it is there, how much there was.
What looks like a token of ours is cut wherever it stands: a log may hold one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

LIMIT: Final = 20_000
"""Characters of an answer as JSON."""
_LADDER: Final = (
    (200, 8000, 40), (100, 4000, 40), (50, 2000, 40), (25, 1000, 16), (12, 500, 12), (8, 400, 12), (6, 300, 9), (5, 250, 8),
    (4, 200, 7), (3, 200, 6), (3, 120, 3),
)  # fmt: skip
"""Items of a list, characters of a text, and depth below which lists are left out: tried in turn, until the answer fits."""
PLACES: Final = 20
"""Places that are told of."""
_INDEX: Final = re.compile(r"\[\d+\]")
_FIXED: Final = 4
"""So many plain values or fewer may be a tuple, whose length is its type."""
_TOKEN: Final = re.compile(r"ll_([a-z2-7]{12})_[0-9A-Za-z]{43}")


class Left(NamedTuple):
    """Something that is not there in full."""

    where: str
    kept: int
    of: int


def fit(value: Any, *, limit: int = LIMIT) -> tuple[Any, tuple[Left, ...]]:
    """Give as much of a plain value as has room. Its shape stays: lists and texts get shorter, and mappings of many keys.

    What does not fit even so is None.
    """
    for items, letters, depth in _LADDER:
        cut = _Cut(items, letters, depth)
        found = cut.of(value, "result", 0)
        if size(found) <= limit:
            return found, gathered(cut.left)
    return None, (Left("result", 0, size(value)),)


def gathered(left: Iterable[Left]) -> tuple[Left, ...]:
    """Put equal places of a list's items together, the outermost first, and leave it at the first few."""
    sums: dict[str, tuple[int, int]] = {}
    for one in left:
        where = _INDEX.sub("[]", one.where)
        kept, of = sums.get(where, (0, 0))
        sums[where] = (kept + one.kept, of + one.of)
    found = sorted(
        (Left(where, *both) for where, both in sums.items()), key=lambda one: (one.where.count("."), one.where)
    )
    further = [Left("further places", 0, len(found) - PLACES)] if len(found) > PLACES else []
    return (*found[:PLACES], *further)


def size(value: Any) -> int:
    """Count characters of a plain value as JSON."""
    return len(json.dumps(value, ensure_ascii=False))


class _Cut:
    """One try."""

    def __init__(self, items: int, letters: int, depth: int) -> None:
        self.items, self.letters, self.depth = items, letters, depth
        self.left: list[Left] = []

    def of(self, value: Any, where: str, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, list):
            return self._list(value, where, depth)
        if not isinstance(value, dict):
            return value
        keys = list(value)
        if len(keys) > max(self.items, 40):  # no noun has so many fields: it is a mapping
            self.left.append(Left(where, self.items, len(keys)))
            keys = keys[: self.items]
        return {_hidden(key): self.of(value[key], f"{where}.{key}"[:200], depth + 1) for key in keys}

    def _text(self, value: str, where: str) -> str:
        value = _hidden(value)
        if len(value) <= self.letters:
            return value
        self.left.append(Left(where, self.letters, len(value)))
        return value[: self.letters] + "…"

    def _list(self, value: list[Any], where: str, depth: int) -> list[Any]:
        if len(value) <= _FIXED and not any(isinstance(one, (list, dict)) for one in value):
            return [self.of(one, where, depth) for one in value]
        kept = 0 if depth > self.depth else min(len(value), self.items)
        if kept < len(value):
            self.left.append(Left(where, kept, len(value)))
        return [self.of(one, f"{where}[{at}]", depth + 1) for at, one in enumerate(value[:kept])]


def _hidden(text: str) -> str:
    """Give a text without what makes a token of ours work."""
    return _TOKEN.sub(r"ll_\1_…", text) if "ll_" in text else text
