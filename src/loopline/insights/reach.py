"""reach: which units of change got to a ref with which of its deployments.

A unit belongs to the first deployment that reaches it: it is in `reach(d.to)` and in no `reach(e.to)` of an earlier one. Parents
have smaller numbers than their children, so one walk from the newest version down settles every one of them, for any shape of
history, and it stops where nothing of the window can lie below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

NEVER: Final = 1 << 60
FIRST: Final = 1 << 14
"""How many versions the first step of the walk takes; each further one takes twice as many."""
MOST: Final = 1 << 18

Edges = Callable[[int, int], Iterable[tuple[int, int]]]
"""Gives (number, parent) of the versions from `low` to `high`, the largest number first."""


class Track(NamedTuple):
    """The deployments of one ref: where it was moved to, in order."""

    targets: Sequence[int]
    since: int = 0
    """Which of them is the first that is asked about."""


class Reached(NamedTuple):
    """What a walk has settled: for every version from `low` on, the first deployment of each track, or NEVER."""

    low: int
    first: list[list[int]]

    def units(self, track: int, since: int) -> Iterable[tuple[int, int]]:
        """Give (number, deployment) of what a deployment from `since` on was the first to reach."""
        first = self.first[track]
        return ((at, first[at]) for at in range(self.low, len(first)) if since <= first[at] < NEVER)


def reached(edges: Edges, tracks: Sequence[Track]) -> Reached:
    """Walk down as far as any track's deployments from its `since` on could be the first to reach something."""
    top = max((max(track.targets, default=0) for track in tracks), default=0)
    first = [[NEVER] * (top + 1) for _ in tracks]
    for mine, track in zip(first, tracks, strict=True):
        for at in range(len(track.targets) - 1, -1, -1):
            mine[track.targets[at]] = at
    ahead = {target for track in tracks for target in track.targets[track.since :]}
    low, size = top + 1, FIRST
    while low > 1 and ahead:
        low, high = max(1, low - size), low - 1
        size = min(2 * size, MOST)
        rows = list(edges(low, high))
        for mine in first:
            for number, parent in rows:
                here = mine[number]
                if here < mine[parent]:  # noqa: PLR1730 - done a million times, and a call takes as long as all of this
                    mine[parent] = here
        ahead = {at for at in ahead if at < low} | {parent for _, parent in rows if parent < low}
        ahead = {at for at in ahead if _asked(at, first, tracks)}
    return Reached(low, first)


def _asked(at: int, first: Sequence[Sequence[int]], tracks: Sequence[Track]) -> bool:
    """Tell whether a version that is still ahead may belong to a deployment that is asked about."""
    return any(track.since <= mine[at] < NEVER for mine, track in zip(first, tracks, strict=True))
