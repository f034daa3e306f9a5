"""reach: which units of change got to a ref with which of its deployments.

A unit belongs to the first deployment that reaches it: it is in `reach(d.to)` and in no `reach(e.to)` of an earlier one. Parents
have smaller numbers than their children, so one walk from the newest version down settles every one of them, for any shape of
history, and it stops where nothing of the window can lie below.

Most versions are made on the one before them. The walk goes along such a line in one step, from a target, a merge or an end to
the next: what it costs is how often history branches and is deployed, not how long it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

NEVER: Final = 1 << 60
FIRST: Final = 1 << 14
"""How many versions the first step of the walk takes; each further one takes twice as many."""
MOST: Final = 1 << 18


class Piece(NamedTuple):
    """The history from one version to another: each is made on the one before it, but for `breaks`."""

    breaks: Sequence[int]
    """Those that are not, in order."""
    edges: Iterable[tuple[int, int]]
    """(number, parent) of what versions are made on besides; perhaps without those to which a line leads all the same."""


class Span(NamedTuple):
    """Versions, from one to another, that the same deployment was the first to reach."""

    low: int
    high: int
    first: int


Pieces = Callable[[int, int], Piece]
"""Gives the history of the versions from `low` to `high`."""


class Track(NamedTuple):
    """The deployments of one ref: where it was moved to, in order."""

    targets: Sequence[int]
    since: int = 0
    """Which of them is the first that is asked about."""


class Reached(NamedTuple):
    """What a walk has settled: of every version from `low` on, the first deployment of each track, in order of the versions."""

    low: int
    spans: list[list[Span]]

    def since(self, track: int, since: int) -> Iterator[Span]:
        """Give what a deployment from `since` on was the first to reach."""
        return (span for span in self.spans[track] if span.first >= since)

    def first(self, track: int, number: int) -> int:
        """Give the first deployment that reached a version, or NEVER."""
        spans = self.spans[track]
        at = bisect_right(spans, number, key=itemgetter(0)) - 1
        return spans[at].first if at >= 0 and number <= spans[at].high else NEVER


def reached(pieces: Pieces, tracks: Sequence[Track]) -> Reached:
    """Walk down as far as any track's deployments from its `since` on could be the first to reach something."""
    walks = [_Walk(track) for track in tracks]
    low, size = max((max(track.targets, default=0) for track in tracks), default=0) + 1, FIRST
    while low > 1 and any(walk.asked() for walk in walks):
        low, high = max(1, low - size), low - 1
        size = min(2 * size, MOST)
        piece = pieces(low, high)
        breaks = set(piece.breaks)
        edges = _needed(piece, breaks, low)
        marks = breaks.union(edges, (parent for some in edges.values() for parent in some if parent >= low))
        for walk in walks:
            walk.down(low, marks, breaks, edges)
    return Reached(low, [walk.ended(low) for walk in walks])


def _needed(piece: Piece, breaks: Collection[int], low: int) -> Mapping[int, Sequence[int]]:
    """Give the parents of each version to which no line leads."""
    found: dict[int, list[int]] = defaultdict(list)
    order = piece.breaks
    for number, parent in piece.edges:
        if number in breaks or parent < low or bisect_right(order, parent) < bisect_right(order, number):
            found[number].append(parent)
    return found


class _Walk:
    """The walk of one track: the first deployment to reach the version where it is, and what is known of those ahead."""

    def __init__(self, track: Track) -> None:
        self._since = track.since
        self._here, self._start = NEVER, 0
        self._spans: list[Span] = []
        count = len(track.targets)
        self._ahead = dict(zip(reversed(track.targets), range(count - 1, -1, -1), strict=True))
        self._targets = sorted(self._ahead)
        self._asked = {number for number in track.targets[track.since :] if self._ahead[number] >= track.since}
        """Versions ahead that may belong to a deployment that is asked about."""
        self._met: set[int] = set()
        """Versions ahead that others were made on."""

    def asked(self) -> bool:
        """Tell whether one that is still ahead may."""
        return self._since <= self._here < NEVER or bool(self._asked)

    def down(
        self, low: int, marks: Collection[int], breaks: Collection[int], edges: Mapping[int, Sequence[int]]
    ) -> None:
        """Go on to a version, by way of those where something may change."""
        ahead, here, start, spans = self._ahead, self._here, self._start, self._spans
        place = bisect_left(self._targets, low)
        met = {number for number in self._met if number < low}
        points = {*self._targets[place:], *self._met.difference(met), *marks}
        del self._targets[place:]
        for at in sorted(points, reverse=True):
            known = ahead.pop(at, NEVER)
            if known < here:
                if here < NEVER:
                    spans.append(Span(at + 1, start, here))
                here, start = known, at
            if here == NEVER:
                continue
            for parent in edges.get(at, ()):
                if here < ahead.get(parent, NEVER):
                    ahead[parent] = here
                    if parent < low:
                        met.add(parent)
            if at in breaks:
                spans.append(Span(at, start, here))
                here = NEVER
        self._here, self._start = here, start
        self._met = met
        self._asked = {number for number in self._asked | met if self._since <= ahead.get(number, -1)}

    def ended(self, low: int) -> list[Span]:
        """Give what it has settled, the smallest numbers first."""
        if self._here < NEVER:
            self._spans.append(Span(low, self._start, self._here))
        self._spans.reverse()
        return self._spans
