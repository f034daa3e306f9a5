"""throttle: how often somebody may try to get in.

Tokens are 256 bits and cannot be guessed: a good one is let in, whatever others have tried from the same address, and failures
alone are counted. The codes that people type are short: who types them has a count of their own, which is asked first. What else
is bounded is the work that strangers make. Each process counts for itself, and forgets with time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from loopline.errors import Refused
from loopline.faces.client import client_of, origin_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.nouns.caller import Caller

Kind = Literal["token", "provider", "device", "code"]
WINDOW_S: Final = 60.0
MOST: Final[dict[Kind, int]] = {"token": 30, "provider": 120, "device": 30, "code": 10}
"""Wrong tokens, ways to the provider and back, and devices that begin, of one address in a window; wrong codes, of one person."""
MOST_OF_ALL: Final[dict[Kind, int]] = {"device": 600}
"""Of all together in a window: each device that begins is a row of the ledger."""
_MANY: Final = 10_000
"""Counts that are kept at most, of a kind."""


class Throttle:
    """Counts one kind of tries. Any thread may use it."""

    def __init__(self, *, most: int, of_all: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._of_all = of_all
        self._clock = clock
        self._guard = threading.Lock()
        self._began = clock()
        self._tries: dict[str, int] = {}
        self._all = 0

    def count(self, whose: str) -> None:
        """Count a try. Raise Refused kind="too-many-requests" for one too many: 429, with the seconds to wait."""
        self._look(whose, 1)

    def look(self, whose: str) -> None:
        """Raise Refused kind="too-many-requests" where another try would be one too many, and count none."""
        self._look(whose, 0)

    def _look(self, whose: str, more: int) -> None:
        now = self._clock()
        with self._guard:
            if now - self._began >= WINDOW_S:
                self._began, self._tries, self._all = now, {}, 0
            tries = self._tries.get(whose, 0)
            if tries < self._most and (self._of_all is None or self._all < self._of_all):
                if more:
                    self._counted(whose, tries + more)
                    self._all += more
                return
            wait = max(1, round(WINDOW_S - (now - self._began)))
        raise Refused(
            "too many tries to get in", kind="too-many-requests", hint=f"wait {wait} seconds, then try again", wait=wait
        )

    def _counted(self, whose: str, tries: int) -> None:
        """Keep a count. Too many addresses empty the counts of each, never that of all."""
        if whose not in self._tries and len(self._tries) >= _MANY:
            self._tries = {}
        self._tries[whose] = tries


def throttle(request: Request, kind: Kind) -> None:
    """Count a try of the address that a request comes from. Raise Refused kind="too-many-requests"."""
    throttles(request)[kind].count(origin_of(client_of(request.scope)))


def may_type(request: Request, caller: Caller) -> None:
    """Ask whether somebody may type a code. Raise Refused as `throttle` does."""
    throttles(request)["code"].look(_typist(request, caller))


def typed_wrong(request: Request, caller: Caller) -> None:
    """Count a wrong code of somebody. Raise Refused as `throttle` does."""
    throttles(request)["code"].count(_typist(request, caller))


def _typist(request: Request, caller: Caller) -> str:
    """Name who types: somebody who is known, else the address."""
    return origin_of(client_of(request.scope)) if caller.open else str(caller.actor)


def throttles(request: Request) -> dict[Kind, Throttle]:
    """Give what this process has counted, by kind."""
    state = request.app.state
    if getattr(state, "throttles", None) is None:
        state.throttles = {kind: Throttle(most=most, of_all=MOST_OF_ALL.get(kind)) for kind, most in MOST.items()}
    found: dict[Kind, Throttle] = state.throttles
    return found
