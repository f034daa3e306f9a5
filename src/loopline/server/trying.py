"""trying: whether a receiver of webhooks may be called, and whether it answers: asked by who sets one up, before any event."""

from __future__ import annotations

import threading
import time
from typing import Final
from urllib.parse import urlsplit

from loopline.errors import LooplineError, Unavailable
from loopline.server.hosts import Hosts
from loopline.server.posting import Answer, Line

TIMEOUT: Final = 10.0
"""Seconds that a receiver has to answer. Somebody waits for it."""
MOST: Final = 2
"""Receivers that are tried at a time: each holds one of the threads that everybody's requests run on."""


class Trial:
    """Looks at receivers as the relay would, within what the settings allow."""

    def __init__(self, hosts: Hosts, *, timeout: float = TIMEOUT) -> None:
        self._hosts, self._timeout = hosts, timeout
        self._free = threading.BoundedSemaphore(MOST)

    def check(self, url: str) -> None:
        """Raise Refused kind="host-not-allowed" where a receiver may not be called, Unavailable where nobody knows its host."""
        parts = urlsplit(url)
        self._hosts.find(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send one request and give what came of it. Raise Unavailable kind="server-busy" while others are tried."""
        if not self._free.acquire(blocking=False):
            raise Unavailable(
                "other receivers are tried just now", kind="server-busy", hint="wait a moment, then try again"
            )
        line = Line(url, self._hosts, timeout=self._timeout)
        try:
            return line.post(body, headers, now=time.time())
        except LooplineError as error:
            return Answer(0, f"{error.message} ({error.hint})" if error.hint else error.message)
        finally:
            line.close()
            self._free.release()
