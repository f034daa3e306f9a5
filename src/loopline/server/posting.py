"""posting: one request to a receiver, in a bounded time, to an address that was checked; no redirect is followed."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from loopline.errors import Unavailable
from loopline.server.hosts import Hosts

ENOUGH = 64 * 1024
"""Bytes of an answer that are read so that the connection can be used again; behind that it is closed."""
_CUT = (
    http.client.RemoteDisconnected,
    http.client.BadStatusLine,
    BrokenPipeError,
    ConnectionResetError,
    ConnectionAbortedError,
)


class Answer(NamedTuple):
    """What came of one request."""

    status: int
    """0 where nobody answered."""
    error: str
    """In a line, without anything of the answer's body: people who may not reach the receiver read it. Empty: it arrived."""
    wait: float | None = None
    """Seconds that the receiver asks to wait (RFC 9110, Retry-After)."""


class Line:
    """A connection to one receiver that is used for one request after the other. One thread at a time; any may `cut`."""

    def __init__(self, url: str, hosts: Hosts, *, timeout: float) -> None:
        self.url = url
        self._parts: SplitResult = urlsplit(url)
        self._hosts = hosts
        self._timeout = timeout
        self._open: HTTPConnection | None = None
        self._late = False

    def post(self, body: bytes, headers: dict[str, str], *, now: float) -> Answer:
        """Send one request and give what came of it. Raise Refused where the receiver may not be called."""
        reused = self._open is not None
        try:
            return self._post(body, headers, now)
        except _CUT as cut:
            if not reused or self._late:
                return Answer(0, self._said(cut))
        # A connection that was kept may have been closed by the other side before it saw anything of this request.
        try:
            return self._post(body, headers, now)
        except _CUT as cut:
            return Answer(0, self._said(cut))

    def cut(self) -> None:
        """End what is under way, from any thread."""
        here = self._open
        sock = getattr(here, "sock", None)
        self._late = True
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _post(self, body: bytes, headers: dict[str, str], now: float) -> Answer:
        self._late = False
        watch = threading.Timer(self._timeout, self.cut)  # the socket's own time-out begins anew with each byte
        watch.daemon = True
        watch.start()
        try:
            line = self._open or self._connected()
            with suppress(BrokenPipeError):  # it may have answered before it read everything
                line.request(
                    "POST",
                    self._target,
                    body=body,
                    headers=headers | {"Host": self._parts.netloc},
                    preload_content=False,
                )
            answer = line.getresponse()
            if self._late:  # headers that were cut off by us look as if they had ended
                raise TimeoutError
            self._read(answer)
            return _judged(answer.status, answer.headers, now)
        except _CUT:
            self.close()
            raise
        except (HTTPError, http.client.HTTPException, OSError) as error:
            self.close()
            cause = error.__cause__ if isinstance(error, HTTPError) and isinstance(error.__cause__, _CUT) else None
            if cause is not None:
                raise cause from error
            return Answer(0, self._said(error))
        except Unavailable as error:
            return Answer(0, str(error))
        finally:
            watch.cancel()

    def _connected(self) -> HTTPConnection:
        secure = self._parts.scheme == "https"
        host, port = self._parts.hostname or "", self._parts.port or (443 if secure else 80)
        addresses = self._hosts.find(host, port)
        for address in addresses:
            made: HTTPConnection = (
                HTTPSConnection(
                    address,
                    port,
                    timeout=self._timeout,
                    ssl_context=self._tls,
                    server_hostname=host,
                )
                if secure
                else HTTPConnection(address, port, timeout=self._timeout)
            )
            self._open = made
            try:
                made.connect()
            except (HTTPError, OSError):
                self.close()
                if address == addresses[-1] or self._late:
                    raise
            else:
                return made
        raise AssertionError(addresses)

    def _read(self, answer: Any) -> None:
        """Read the answer so that the connection can be used again, but not for ever: the status says it all."""
        left = ENOUGH
        try:
            while left > 0 and (part := answer.read(min(left, 16384))):
                left -= len(part)
        except (HTTPError, http.client.HTTPException, OSError):
            left = 0
        if left <= 0 or answer.headers.get("Connection", "").lower() == "close":
            self.close()

    @property
    def _target(self) -> str:
        return (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _said(self, error: BaseException) -> str:
        unreached = isinstance(error, NewConnectionError)  # which urllib3 takes for a kind of time-out
        if self._late or (isinstance(error, (TimeoutError, ConnectTimeoutError)) and not unreached):
            return f"no answer within {self._timeout:g} s"
        if isinstance(error, _CUT):
            return "the connection was cut before an answer"
        reason: Any = error.__cause__ or error
        if unreached and isinstance(reason, OSError):
            return f"nobody answers: {reason.strerror or 'no connection'}"
        if isinstance(reason, ssl.SSLError):
            return f"TLS: {getattr(reason, 'verify_message', '') or reason.reason or 'failed'}"
        return f"no answer: {type(error).__name__}"


def _judged(status: int, headers: Any, now: float) -> Answer:
    if 200 <= status < 300:
        return Answer(status, "")
    said = {3: "redirects are not followed", 4: "refused", 5: "failed there"}.get(status // 100, "is no answer to this")
    return Answer(
        status, f"{status} {http.client.responses.get(status, '')}".strip() + f": {said}", _wait(headers, now)
    )


def _wait(headers: Any, now: float) -> float | None:
    """Read Retry-After: seconds, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
