"""marks: which trees a store has whole.

`roots/HEX` says that every node and every file below a root is in the store: who sends the same root again looks at nothing else,
and who sends its successor looks at what differs. It is written when all of that is durable. So **whoever deletes a blob first
lets the marks fall that may stand above it**, by `unmark`; a mark that is missing costs time, one that lies costs data.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from loopline.nouns.digest import Digest, find_digest, parse_digest

if TYPE_CHECKING:
    from loopline.store.named import Named

FOLDER: Final = "roots"
_LISTED: Final = 1000
_ASKED: Final = 32
"""Roots that are asked for one by one, where there are too many marks to list."""


def mark(named: Named, root: Digest) -> None:
    """Say that all of a tree is in the store. It must be durable there."""
    named.put(_name(root), f"{root}\n".encode())


def marked(named: Named, root: Digest) -> bool:
    """Tell whether all of a tree is in the store, by one look."""
    return named.find(_name(root)) == f"{root}\n".encode()


def marks(named: Named) -> Iterator[Digest]:
    """Give the roots of what is there whole."""
    for name in named.list(FOLDER):
        if (digest := find_digest("sha256:" + name)) is not None:
            yield digest


def first_marked(named: Named, roots: Iterable[Digest]) -> Digest | None:
    """Give the first of these roots that is marked; of a store with many marks some may be asked for only."""
    wanted = list(dict.fromkeys(roots))
    if not wanted:
        return None
    listed = set[Digest]()
    for one in marks(named):
        listed.add(one)
        if len(listed) >= _LISTED:
            return next((root for root in wanted[:_ASKED] if marked(named, root)), None)
    return next((root for root in wanted if root in listed and marked(named, root)), None)


def unmark(named: Named, *, keep: Container[Digest] = ()) -> int:
    """Let every mark fall but those of `keep`, before anything is deleted that `keep` does not need. Give how many fell."""
    return sum(named.delete(_name(root)) for root in list(marks(named)) if root not in keep)


def _name(root: Digest) -> str:
    return f"{FOLDER}/{parse_digest(root)[7:]}"
