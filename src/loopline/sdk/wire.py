"""wire: requests to one server, asked again where an answer was lost.

What is asked again: connections that were not made, cut or timed out, and the answers 429, 502, 503 and 504, after a pause that
doubles each time, with jitter, or that the server names. So only such requests may go here as do no harm when they are
heard twice: reads, and writes under an `Idempotency-Key`.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"
_CLASSES: Final = {one.__name__: one for one in (Invalid, NotFound, Conflict, Refused, Unavailable)}
_STATUSES: Final[Mapping[int, type[LooplineError]]] = {
    400: Invalid,
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
}
"""What an answer without a body is; any other status is Unavailable."""
_AGAIN: Final = (429, 502, 503, 504)
_PASSING: Final = (
    "ledger-busy",
    "ledger-unreachable",
    "ledger-migrating",
    "not-ready",
    "server-busy",
    "store-unreachable",
    "too-many-requests",
)
"""Kinds of 429 and 503 that a Loopline server expects to be over soon; asking again does not mend the others."""
_LONGEST_PAUSE_S: Final = 5.0
_POOL: Final = 32
_PAGE: Final = "text/html"
_FRAMED: Final = {"content-length", "transfer-encoding"}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait for a server."""

    tries: int = 6
    pause: float = 0.1
    """Seconds before the second try; each later pause is twice as long."""
    patience: float = 30.0
    """Seconds after which nothing is tried again."""
    connect: float = 5.0
    read: float = 60.0
    """Seconds without a single byte of an answer."""


QUICK: Final = Pace(tries=2, patience=2.0, connect=2.0, read=6.0)
"""For those who have somewhere else to put what they would have sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, in full."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body. None where it is no JSON."""
        try:
            return _decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


Body = bytes | Callable[[], Iterator[bytes]] | None
"""Bytes, or what begins to give them anew for each try."""


class Wire:
    """Speaks to the server at `url` as whoever `token` says. Threads share it; a child of a fork opens connections of its own."""

    def __init__(self, url: str, token: str = "", *, pace: Pace | None = None) -> None:
        self.url = parse_url(url)
        self.pace = pace or Pace()
        self._token = token
        self._pool: PoolManager | None = None
        self._owner = 0
        self._opening = threading.Lock()

    @property
    def signed(self) -> bool:
        """Whether requests carry a token."""
        return bool(self._token)

    def paced(self, pace: Pace) -> Wire:
        """Give a wire to the same server with another patience."""
        return Wire(self.url, self._token, pace=pace)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and give its answer of a status below 300. `path` is quoted already.

        Raise one of the five classes for what the server says no to, Unavailable kind="server-unreachable" where none answers,
        kind="not-a-loopline" where something else does.
        """
        target = self.target(path, query)

        def once() -> Answer:
            with self.open(method, target, body=body, headers=headers) as response:
                return Answer(
                    response.status, {name.lower(): value for name, value in response.headers.items()}, response.read()
                )

        return self.again(once)

    def again(self, once: Callable[[], Answer]) -> Answer:
        """Call until it gives an answer that is worth having, as patient as the pace."""
        from urllib3.exceptions import HTTPError

        began = time.monotonic()
        for number in range(1, self.pace.tries + 1):
            try:
                answer = once()
            except HTTPError as error:
                problem: LooplineError = self.unreachable(error)
                wait = 0.0
            else:
                if answer.status < 300 and not answer.headers.get("content-type", "").startswith(_PAGE):
                    return answer  # no page is an answer: a proxy's login comes with status 200
                problem, wait = self.problem_of(answer), _asked_wait(answer)
                if not self.passing(answer, problem):
                    raise problem
            pause = max(wait, self.pause(number))
            if number == self.pace.tries or time.monotonic() - began + pause > self.pace.patience:
                raise problem
            time.sleep(pause)
        raise AssertionError  # the last try has returned or raised

    def pause(self, number: int) -> float:
        """Give the seconds to wait after the `number`th failure, between a half and all of a doubling time."""
        doubled = min(_LONGEST_PAUSE_S, self.pace.pause * 2.0 ** (number - 1))
        return doubled * random.uniform(0.5, 1.0)  # noqa: S311 (jitter, no secret)

    def rest(self, number: int) -> None:
        """Sleep before a request is sent again after its `number`th failure."""
        time.sleep(self.pause(max(number, 1)))

    def passing(self, answer: Answer, problem: LooplineError) -> bool:
        """Tell whether what was answered is likely to be over soon."""
        return answer.status in _AGAIN and problem.kind in (*_PASSING, "not-a-loopline", "not-said")

    def target(self, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
        """Give the whole address of a path."""
        return self.url + path + ("?" + urlencode(query, quote_via=quote) if query else "")

    @contextmanager
    def open(
        self,
        method: str,
        target: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> Iterator[BaseHTTPResponse]:
        """Send one request once and give the response, whose body is still to be read.

        What goes wrong on the way raises as urllib3 raises it. Where the body was not read to its end, the connection is closed.
        """
        from urllib3 import Timeout
        from urllib3.exceptions import ProtocolError

        sent = {"Accept": JSON, "User-Agent": _agent(), **(headers or {})}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        response = self._connections().request(
            method, target, body=body() if callable(body) else body, headers=sent, redirect=False, retries=False,
            preload_content=False, timeout=Timeout(connect=self.pace.connect, read=silence or self.pace.read),
        )  # fmt: skip
        whole = False
        try:
            if response.status not in (204, 304) and not any(response.headers.get(name) for name in _FRAMED):
                raise ProtocolError("the head of the answer was cut")  # every Loopline says how long its answers are
            yield response
            whole = True
        finally:
            if not whole:
                response.close()
            response.release_conn()

    def problem_of(self, answer: Answer) -> LooplineError:
        """Make an error of what is no success: as the server raised it, or about an answer that no Loopline gives."""
        if answer.headers.get("content-type", "").startswith(PROBLEM):
            said = answer.json
            if isinstance(said, dict) and isinstance(said.get("title"), str):
                return error_of(said)
            if not answer.body:  # the answer to HEAD
                kind = "not-signed-in" if answer.status == 401 else "not-said"
                cls = _STATUSES.get(answer.status, Unavailable)
                return cls(f"{self.url} says {answer.status}", kind=kind, status=answer.status)
        return self.stranger(answer)

    def stranger(self, answer: Answer) -> Unavailable:
        """Say that what answers is no Loopline server, or speaks another language."""
        kind = answer.headers.get("content-type", "no content type").partition(";")[0]
        hint = "check LOOPLINE_URL: a proxy or another program answers there"
        if 300 <= answer.status < 400:
            hint = f"it points at {answer.headers.get('location', 'another address')}: write that in LOOPLINE_URL"
        elif answer.status in _AGAIN:
            hint = "a proxy in front of it says so: wait, or ask whoever runs the server"
        return Unavailable(
            f"{self.url} does not answer as a Loopline server: {answer.status}, {kind}", kind="not-a-loopline", hint=hint,
            url=self.url, status=answer.status, content_type=kind,
        )  # fmt: skip

    def unreachable(self, error: Exception) -> Unavailable:
        """Say that no answer came."""
        return Unavailable(
            f"the server at {self.url} does not answer: {_said(error)}",
            kind="server-unreachable",
            hint=f"check that it runs (curl {self.url}/health) and LOOPLINE_URL; LOOPLINE_URL=embedded does without it",
            url=self.url,
        )

    def close(self) -> None:
        """Close what is open and idle."""
        pool, self._pool = self._pool, None
        if pool is not None and self._owner == os.getpid():
            pool.clear()

    def _connections(self) -> PoolManager:
        pool, here = self._pool, os.getpid()
        if pool is not None and self._owner == here:
            return pool
        if self._owner != here:  # a fork: the lock may have been held, and the sockets are the parent's
            self._opening, self._pool, self._owner = threading.Lock(), None, here
        with self._opening:
            if self._pool is None:
                from urllib3 import PoolManager

                logging.getLogger("urllib3.connection").addFilter(_told)
                self._pool = PoolManager(num_pools=2, maxsize=_POOL, block=False)
            return self._pool

    def __reduce__(self) -> tuple[type[Wire], tuple[str, str]]:
        return Wire, (self.url, self._token)


def parse_url(text: str) -> str:
    """Give a server's address without a slash at its end. Raise Invalid."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or port == 0:
        hint = "write http://HOST:4040 or https://HOST"
        raise Invalid(f"{text!r} is no address of a server", kind="bad-url", hint=hint, url=text)
    if parts.username or parts.password:
        hint = "set LOOPLINE_TOKEN, or run: loopline login"
        raise Invalid("a server's address holds no password", kind="bad-url", hint=hint, host=parts.hostname)
    return parts.geturl().rstrip("/")


def encoded(value: Any) -> bytes:
    """Write plain values as JSON."""
    return _encode(value)


def error_of(said: Mapping[str, Any]) -> LooplineError:
    """Make the error again that a problem document or a task tells of."""
    name = said.get("title") or said.get("class")
    facts = said.get("facts")
    facts = {str(key): one for key, one in facts.items()} if isinstance(facts, dict) else {}
    for word in ("message", "kind", "hint", "self"):
        facts.pop(word, None)
    text = str(said.get("detail") or said.get("message") or name)
    return _CLASSES.get(str(name), Unavailable)(
        text, kind=str(said.get("kind") or "server-failed"), hint=str(said.get("hint") or ""), **facts
    )


def _told(record: logging.LogRecord) -> bool:
    """Keep a head that was cut out of the program's log: it is asked for again, or told as an error."""
    return not str(record.msg).startswith("Failed to parse headers")


def _asked_wait(answer: Answer) -> float:
    """Give the seconds of Retry-After; a date there is as good as nothing."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def _said(error: Exception) -> str:
    """Say in a few words what happened to a connection."""
    from urllib3 import exceptions as wrong

    match error:
        case wrong.NameResolutionError():
            return "nobody knows that host"
        case wrong.NewConnectionError():
            return "the connection is refused" if "refused" in str(error).lower() else "no connection"
        case wrong.ConnectTimeoutError():
            return "no connection in time"
        case wrong.ReadTimeoutError():
            return "no answer in time"
        case wrong.SSLError():
            return f"its certificate is not accepted: {error}"
        case wrong.ProtocolError():
            return "the connection was cut"
    return type(error).__name__


def _agent() -> str:
    from loopline import __version__

    return f"loopline/{__version__}"
