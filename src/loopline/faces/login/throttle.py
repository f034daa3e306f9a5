"""throttle: how often an address may try to get in.

Tokens cannot be guessed; what is bounded is the work that strangers make, and the short codes that people type. Each process
counts for itself, and forgets with time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from loopline.errors import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

WINDOW_S: Final = 60.0
MOST: Final = 30
"""Tries of one address in a window."""
MOST_OF_ALL: Final = 600
"""Tries of all addresses in a window: whoever has many of them is bounded, too."""
_MANY: Final = 10_000
"""Addresses that are remembered at most."""


class Throttle:
    """Counts tries by address. Any thread may use it."""

    def __init__(
        self, *, most: int = MOST, of_all: int = MOST_OF_ALL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._of_all = of_all
        self._clock = clock
        self._guard = threading.Lock()
        self._began = clock()
        self._tries: dict[str, int] = {}
        self._all = 0

    def count(self, address: str) -> None:
        """Count a try. Raise Refused kind="too-many-requests" for one too many: 429, with the seconds to wait."""
        now = self._clock()
        with self._guard:
            if now - self._began >= WINDOW_S or len(self._tries) >= _MANY:
                self._began, self._tries, self._all = now, {}, 0
            self._tries[address] = self._tries.get(address, 0) + 1
            self._all += 1
            if self._tries[address] <= self._most and self._all <= self._of_all:
                return
            wait = max(1, round(WINDOW_S - (now - self._began)))
        raise Refused(
            "too many tries to get in", kind="too-many-requests", hint=f"wait {wait} seconds, then try again", wait=wait
        )


def throttle(request: Request) -> None:
    """Count a try of whoever sends a request. Raise Refused kind="too-many-requests"."""
    state = request.app.state
    if getattr(state, "throttle", None) is None:
        state.throttle = Throttle()
    found: Throttle = state.throttle
    found.count(request.client.host if request.client else "")
