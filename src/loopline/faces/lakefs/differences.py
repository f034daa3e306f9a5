"""differences: what became of each path between two places, as clients are told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from loopline.datasets.overlay import Overlay, changes, noted_path
from loopline.faces.lakefs.asking import paged
from loopline.faces.lakefs.objects import listed, stats
from loopline.nouns.artifact import TREE
from loopline.verbs.basing import bases_of
from loopline.verbs.staged import heads_of, touched_by
from loopline.verbs.staging import look, notes_of, refold

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.datasets.overlay import Found
    from loopline.faces.lakefs.addressing import Spot
    from loopline.faces.lakefs.asking import Ask
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.name import RefName
    from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Trees:
    """The files of one place, and what is noted of them."""

    files: Digest | None
    notes: Digest | None

    def overlay(self, loop: Loop) -> Overlay:
        """Read them."""
        return Overlay(loop.blobs, self.files, self.notes, ())


def of_version(version: Version | None) -> Trees:
    """Give the trees of a version; None, and what is one blob, has none."""
    if version is None or version.artifact.media_type != TREE:
        return Trees(None, None)
    return Trees(version.artifact.digest, notes_of(version))


def of_spot(loop: Loop, spot: Spot) -> Trees:
    """Give the trees of what an expression means: with what is staged only where it says `$`."""
    if spot.strict and spot.ref is not None:
        made = refold(loop, spot.ref)
        if made.root is not None:
            return Trees(made.root, made.notes)
    return of_version(spot.version)


@dataclass(frozen=True, slots=True)
class Row:
    """One path that differs."""

    path: str
    type: str
    right: Found | None

    def told(self) -> dict[str, Any]:
        """Give what clients are told."""
        size = {"size_bytes": self.right.entry.size} if self.right else {}
        return {"type": self.type, "path": self.path, "path_type": "object", **size}


def _touched(loop: Loop, a: Trees, b: Trees, prefix: str) -> Iterator[str]:
    """Give the paths whose bytes or notes differ, in order."""
    files = (one.path for one in changes(loop.blobs, a.files, b.files, prefix))
    said = (noted_path(one.path) for one in changes(loop.blobs, a.notes, b.notes, f"f/{prefix}"))
    marks = sorted(noted_path(one.path) for one in changes(loop.blobs, a.notes, b.notes, "m/"))
    every = merge(files, said, (path for path in marks if path.startswith(prefix)))
    return (path for path, _ in groupby(every))


def _same(one: tuple[Overlay, Found | None], other: tuple[Overlay, Found | None]) -> bool:
    (over, a), (under, b) = one, other
    if a is None or b is None:
        return a is b
    return a.entry == b.entry and over.notes(a) == under.notes(b)


def _type(old: Found | None, new: Found | None) -> str:
    return "added" if old is None else "removed" if new is None else "changed"


def two_dots(loop: Loop, a: Trees, b: Trees, prefix: str) -> Iterator[tuple[str, Row]]:
    """Give what leads from one place to the other."""
    left, right = a.overlay(loop), b.overlay(loop)
    for path in _touched(loop, a, b, prefix):
        new = right.find(path)
        yield path, Row(path, _type(left.find(path), new), new)


def three_dots(loop: Loop, base: Trees, a: Trees, b: Trees, prefix: str) -> Iterator[tuple[str, Row]]:
    """Give what the right place has changed since both were one; what the left one has changed otherwise is a conflict."""
    under, left, right = base.overlay(loop), a.overlay(loop), b.overlay(loop)
    for path in _touched(loop, base, b, prefix):
        old, mine, new = under.find(path), left.find(path), right.find(path)
        if _same((left, mine), (right, new)):
            continue
        yield path, Row(path, _type(old, new) if _same((left, mine), (under, old)) else "conflict", new)


def between(
    loop: Loop, left: Spot, right: Spot, *, dots: int, prefix: str
) -> tuple[Iterator[tuple[str, Row]], Overlay]:
    """Give what differs between two places, and how the right one is read."""
    a, b = of_spot(loop, left), of_spot(loop, right)
    if dots == 2:
        return two_dots(loop, a, b, prefix), b.overlay(loop)
    base: Version | None = None
    if left.version is not None and right.version is not None:
        with loop.ledger.read() as tx:
            base = next(iter(bases_of(tx, left.version, right.version)), None)
    return three_dots(loop, of_version(base), a, b, prefix), b.overlay(loop)


def uncommitted(loop: Loop, ref: RefName, prefix: str) -> Iterator[tuple[str, Row]]:
    """Give what the next commit of a branch would change."""
    view = look(loop, ref)
    before, now = Trees(*heads_of(view)).overlay(loop), view.overlay(loop)
    for path in sorted(touched_by(loop, view, prefix)):
        old, new = before.find(path), now.find(path)
        if not _same((before, old), (now, new)):
            yield path, Row(path, _type(old, new), new)


def answered(
    ask: Ask, rows: Iterable[tuple[str, Row]], *, loop: Loop | None = None, right: Overlay | None = None, at: int = 0
) -> Response:
    """Answer with a page of differences; with `right` also with what the right side has there."""
    page = paged(ask, rows, delimiter=ask.query.get("delimiter", ""))
    sides: dict[str, dict[str, Any]] = {}
    if loop is not None and right is not None:
        found = [one.right for one in page.rows if isinstance(one, Row) and one.right is not None]
        sides = {one.key: _side(stats(one)) for one in listed(loop, right, found, at)}

    def make(row: Row | str) -> dict[str, Any]:
        if isinstance(row, str):
            return {"type": "prefix_changed", "path": row, "path_type": "common_prefix"}
        return row.told() | ({"right": sides[row.path]} if row.path in sides else {})

    return page.answer(make)


def _side(said: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(_SIDE, itemgetter(*_SIDE)(said), strict=True))


_SIDE = ("checksum", "mtime", "content_type", "metadata")
