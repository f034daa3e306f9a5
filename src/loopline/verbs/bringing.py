"""bringing: what each deployment was the first to bring to its ref: which versions, and when each was made and merged.

Versions come in spans, and spans that lie near each other are read together: a million of them are a few reads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from loopline.insights.dora import Brought, Key, Numbers, OnMain
from loopline.insights.reach import NEVER, Piece, Reached, Span, Track, reached

if TYPE_CHECKING:
    from loopline.insights.calendar import Window
    from loopline.ledger.delivery import Delivery, Moving
    from loopline.store.database import Row

NEAR: Final = 256
"""As far from each other, or nearer, versions are read together with those between them."""


class Line(NamedTuple):
    """The deployments of one ref, in order."""

    ref: str
    before: Sequence[Row]
    """Those before the window, as `Delivery.before` gives them: what they moved to counts, how they went does not."""
    moves: Sequence[Moving]

    @property
    def targets(self) -> list[int]:
        """Where each moved to."""
        return [*map(itemgetter(3), self.before), *[move.new or 0 for move in self.moves]]

    @property
    def begun(self) -> int:
        """Give when the first was, in the order of all changes."""
        return int(self.before[0][6]) if self.before else self.moves[0].seq


Units = tuple[list[int], list[int], list[OnMain]]
"""Numbers of versions, when each was made, when they first were on the main branch."""
Carrying = tuple[Line, list[tuple[int, int]]]
"""A ref, and which versions its deployments carry: (version, place among them)."""


class Near(NamedTuple):
    """Spans that lie near each other."""

    spans: Sequence[Span]
    made: Sequence[int]
    """When each version was made, from the first of the first span on, those between spans too."""

    def of(self, span: Span) -> Sequence[int]:
        """Give when the versions of a span were made."""
        first = self.spans[0].low
        return self.made[span.low - first : span.high - first + 1]


@dataclass(frozen=True, slots=True)
class Versions:
    """The histories of a project's assets."""

    delivery: Delivery
    assets: Mapping[int, tuple[str, str]]
    """Kind and name of each."""

    def walk(self, asset: int, tracks: Sequence[Track]) -> Reached:
        """Find what the deployments of some refs were the first to reach."""
        return reached(lambda low, high: Piece(*self.delivery.lines(asset, low, high)), tracks)

    def made(self, asset: int, spans: Iterable[Span]) -> Iterator[Near]:
        """Give spans, which are in order, with when each version was made."""
        told = self.assets[asset][0] == "code"
        near: list[Span] = []
        for span in (*spans, None):
            if near and (span is None or span.low - near[-1].high > NEAR):
                yield Near(near, self.delivery.made(asset, near[0].low, near[-1].high, told=told))
                near = []
            if span is not None:
                near.append(span)

    def brought(
        self, asset: int, trunk: Line, some: Sequence[Carrying], window: Window
    ) -> Iterator[tuple[Key, Brought]]:
        """Give what each deployment of a window was the first to bring of one asset. `trunk` has the moves of its main branch."""
        kind, name = self.assets[asset]
        tracks = [Track(trunk.targets, NEVER)]
        for line, targets in some:
            first = next((at for at, (_, place) in enumerate(targets) if place >= len(line.before)), len(targets))
            tracks.append(Track([target for target, _ in targets], first))
        walk = self.walk(asset, tracks)
        merged = [*map(itemgetter(5), trunk.before), *map(attrgetter("at"), trunk.moves)]
        for at, (line, targets) in enumerate(some, 1):
            since = tracks[at].since
            moves = [line.moves[place - len(line.before)] for _, place in targets[since:]]
            asked: dict[int, Units] = {
                which: ([], [], []) for which, move in enumerate(moves, since) if move.at in window
            }
            spans = [span for span in walk.since(at, since) if span.first in asked]
            for near in self.made(asset, spans):
                _share_out(near, asked, walk.spans[0], merged)
            for which, (units, made, reach) in asked.items():
                if units:
                    key = (moves[which - since].change, line.ref)
                    yield key, Brought(Numbers(f"{kind}/{name}", units), made, reach)


def _share_out(near: Near, asked: Mapping[int, Units], on_main: Sequence[Span], merged: Sequence[int]) -> None:
    """Give each unit to its deployment, with when it was made and first on the main branch."""
    times, first = near.made, near.spans[0].low
    place = bisect_left(on_main, first, key=attrgetter("high"))
    for low, high, which in near.spans:
        numbers, made, reach = asked[which]
        numbers += range(low, high + 1)
        made += times[low - first : high - first + 1]
        while place < len(on_main) and on_main[place][1] < low:
            place += 1
        here, at = low, place
        while at < len(on_main) and on_main[at][0] <= high:
            begin, end, by = on_main[at]
            if here < begin:
                _append(reach, begin - here, None)
                here = begin
            last = min(end, high)
            _append(reach, last - here + 1, merged[by])
            here, at = last + 1, at + 1
        if here <= high:
            _append(reach, high + 1 - here, None)


def _append(reach: list[OnMain], count: int, when: int | None) -> None:
    """Add some to those before them, which may have been on the main branch at the same time."""
    if reach and reach[-1][1] == when:
        reach[-1] = (reach[-1][0] + count, when)
    else:
        reach.append((count, when))


def together(one: Brought, two: Brought) -> Brought:
    """Put together what one deployment brought of several assets: of two arms, trained by two trees of code."""
    return Brought([*one.ids, *two.ids], [*one.committed, *two.committed], [*one.merged, *two.merged])


def carrying(
    own: int, targets: Sequence[int], carried: Mapping[tuple[int, int], Sequence[tuple[int, int]]]
) -> dict[int, list[tuple[int, int]]]:
    """Give (version, place among the deployments) of what a ref's deployments carry: commits of code, or its own versions."""
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, target in enumerate(targets) if carried else ():
        for asset, number in carried.get((own, target), ()):
            found[asset].append((number, place))
    if not found and targets:
        found[own] = [(target, place) for place, target in enumerate(targets)]
    return found
