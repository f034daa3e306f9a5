"""tally: requests as all processes of a server count them: whichever of them is scraped tells of all.

The processes of one server share a piece of memory. Each writes into its own part, and whoever is scraped adds up all parts.
What is counted is a fixed table (routes by class, statuses, buckets), so that no request makes a new series, however it is
written. A process that is started again goes on where the one before it ended.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from loopline.verbs import VERBS

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, float("inf"))
"""Upper bounds of the histogram."""
ROUTES: Final = (
    "read", "write", "work", "blobs", "uploads", "tasks", "lineage", "stream", "login", "page", "static", "health", "metrics",
    "mcp", "s3", "lakefs", "other",
)  # fmt: skip
"""Classes of addresses: three classes of verbs, what else lives below /api/v1, what browsers ask for, and other doors."""
STATUSES: Final = (
    0, 200, 201, 202, 204, 206, 303, 304, 400, 401, 403, 404, 405, 408, 409, 411, 412, 413, 415, 416, 429, 500, 501, 502, 503,
    507, 1,
)  # fmt: skip
"""What is counted apart. 0: the client went away without an answer; 1: any other status."""
TOLD: Final = ("delivered", "failed", "dead")
"""What becomes of an event that the relay sends."""
_HEAD: Final = 3 + len(TOLD)
"""Process id, requests and streams under way, then TOLD."""
_EACH: Final = len(STATUSES) + len(SECONDS) + 1
_PART: Final = _HEAD + len(ROUTES) * _EACH
_CLASSES: Final = {verb.name: verb.cls for verb in VERBS}
_BELOW_API: Final = {"blobs": "blobs", "uploads": "uploads", "tasks": "tasks", "lineage": "lineage", "login": "login"}
_FIRST: Final = {
    "health": "health", "metrics": "metrics", "static": "static", "login": "login", "logout": "login", "device": "login",
    "mcp": "mcp", "s3": "s3", "lakefs": "lakefs",
}  # fmt: skip


class Route(NamedTuple):
    """One class of addresses, as it was asked so far."""

    name: str
    statuses: Sequence[tuple[int, float]]
    buckets: Sequence[float]
    """Requests in each bucket alone."""
    seconds: float


class Tally:
    """The counts. One process writes with one number, from one thread (`tell`: from any)."""

    def __init__(self, handle: int, number: int = 0) -> None:
        self._guard = threading.Lock()
        size = os.fstat(handle).st_size
        self._all = memoryview(mmap.mmap(handle, size)).cast("d")
        self._parts = size // (_PART * 8)
        self._mine = self._all[number * _PART : (number + 1) * _PART]
        self._mine[0] = os.getpid()
        self._mine[1] = self._mine[2] = 0

    def count(self, route: str, status: int, took_s: float) -> None:
        """Count one request. What streams events is not timed: it lasts for as long as somebody listens."""
        mine, at = self._mine, _AT[route]
        mine[at + _STATUS.get(status, len(STATUSES) - 1)] += 1
        if route == "stream":
            return
        at += len(STATUSES)
        mine[at + bisect_left(SECONDS, took_s)] += 1
        mine[at + len(SECONDS)] += took_s

    def under_way(self, requests: int, streams: int) -> None:
        """Say what this process does at this moment."""
        self._mine[1], self._mine[2] = requests, streams

    def tell(self, what: Literal["delivered", "failed", "dead"]) -> None:
        """Count what became of an event that was sent. Only the process that has the relay does."""
        with self._guard:
            self._mine[3 + TOLD.index(what)] += 1

    def pids(self) -> list[int]:
        """Give the processes, by number; 0: not started yet."""
        return [int(part[0]) for part in self._each()]

    def now(self) -> tuple[int, int]:
        """Tell how many requests and streams are under way in all processes."""
        parts = list(self._each())
        return int(sum(part[1] for part in parts)), int(sum(part[2] for part in parts))

    def told(self) -> dict[str, float]:
        """Tell how often the relay sent an event, by what became of it."""
        return {name: sum(part[3 + i] for part in self._each()) for i, name in enumerate(TOLD)}

    def routes(self) -> Iterator[Route]:
        """Give every class of addresses."""
        parts = list(self._each())
        for i, name in enumerate(ROUTES):
            at = _HEAD + i * _EACH
            sums = [sum(part[at + j] for part in parts) for j in range(_EACH)]
            split = len(STATUSES)
            yield Route(name, list(zip(STATUSES, sums[:split], strict=True)), sums[split:-1], sums[-1])

    def _each(self) -> Iterator[memoryview[float]]:
        for number in range(self._parts):
            yield self._all[number * _PART : (number + 1) * _PART]


_STATUS: Final = {status: i for i, status in enumerate(STATUSES)}
_AT: Final = {route: _HEAD + i * _EACH for i, route in enumerate(ROUTES)}


def shared(processes: int = 1) -> int:
    """Make memory for so many processes; give the open file that they hand on to each other."""
    with tempfile.TemporaryFile(buffering=0) as file:
        file.truncate(processes * _PART * 8)
        return os.dup(file.fileno())


def alone() -> Tally:
    """Make a tally for a server of one process."""
    handle = shared()
    try:
        return Tally(handle)
    finally:
        os.close(handle)


def route_of(path: str) -> str:
    """Give the class of an address."""
    first, _, rest = path[1:].partition("/")
    if first != "api":
        return _FIRST.get(first, "page")
    if path.endswith("/events"):
        return "stream"
    name = rest.removeprefix("v1/").partition("/")[0]
    found = _BELOW_API.get(name) or _CLASSES.get(name, "other")
    return found if found in ROUTES else "other"
