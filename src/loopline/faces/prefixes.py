"""prefixes: what an address lies below, by the first word of its path or the first two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefixes(Generic[T]):
    """Things by where they begin: `/s3`, `/api/2.0`. Raise ValueError for a beginning of more words than are looked at."""

    def __init__(self, things: Mapping[str, T]) -> None:
        for prefix in things:
            if not prefix.startswith("/") or not 1 <= prefix.count("/") <= 2 or prefix.endswith("/"):
                msg = f"{prefix} is not one word or two"
                raise ValueError(msg)
        self._things = dict(things)

    def find(self, path: str) -> T | None:
        """Give what a path is below; None where nothing begins so."""
        first = path.find("/", 1)
        if first < 0:
            return self._things.get(path)
        found = self._things.get(path[:first])
        if found is not None:
            return found
        second = path.find("/", first + 1)
        return self._things.get(path if second < 0 else path[:second])
