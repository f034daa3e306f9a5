"""checkup: whether the server that the settings name is there, in this version, with this time, and knows who asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from loopline.errors import LooplineError
from loopline.nouns.finding import Finding
from loopline.nouns.loopback import is_here
from loopline.sdk.wire import Answer, Pace, parse_url
from loopline.verbs.whoami import whoami

if TYPE_CHECKING:
    from loopline.sdk.remote import Remote

SOON_S: Final = 7 * 86400
"""A token that ends within so many seconds is worth a warning."""
SKEW_S: Final = 5.0
"""Clocks that differ by more: what one machine writes down looks as if it had happened in the other's future."""
_LOOK: Final = Pace(tries=1, connect=3.0, read=10.0)


def examine(client: Remote) -> Iterator[Finding]:
    """Look at the server and tell what is found. Nothing raises, nothing is changed."""
    there = client.paced(_LOOK)
    before = time.time()
    try:
        answer = there.wire.ask("GET", "/health", headers={"Accept": "*/*"})
    except LooplineError as error:
        yield Finding("server", "fail", error.message, error.hint)
        return
    middle = (before + time.time()) / 2
    if answer.body.strip() != b"OK":
        problem = there.wire.stranger(answer)
        yield Finding("server", "fail", problem.message, problem.hint)
        return
    yield _version(there)
    yield from _clock(answer, middle)
    yield from _caller(there)
    line = urlsplit(parse_url(there.wire.url))
    if there.wire.signed and line.scheme == "http" and not is_here(line.hostname or ""):
        fix = "put TLS in front, and write https:// in LOOPLINE_URL"
        yield Finding("server's line", "warn", "the token crosses the network in clear text", fix)


def _version(client: Remote) -> Finding:
    from loopline import __version__

    url = client.wire.url
    try:
        said = client.wire.ask("GET", "/api/v1/openapi.json", headers=client.headers()).json
        version = said["info"]["version"]
    except (LooplineError, KeyError, TypeError):
        return Finding("server", "ok", f"{url} answers")
    if version != __version__:
        fix = f"pip install 'loopline=={version}'"
        return Finding("server", "warn", f"{url} has version {version}, this is {__version__}", fix)
    return Finding("server", "ok", f"{url}: version {version}")


def _clock(answer: Answer, now: float) -> Iterator[Finding]:
    """Compare clocks. A Date header has whole seconds, so a half is added."""
    try:
        there = parsedate_to_datetime(answer.headers["date"]).timestamp() + 0.5
    except (KeyError, ValueError, TypeError):
        return
    off = now - there
    if abs(off) > SKEW_S:
        text = f"this clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the server's"
        yield Finding("server's clock", "warn", text, "let both machines keep time by NTP")
    else:
        yield Finding("server's clock", "ok", "the same as here, to a second or so")


def _caller(client: Remote) -> Iterator[Finding]:
    """Ask who the server takes us for, and until when."""
    try:
        known = client.do(whoami)
        tokens = client.do("find", "tokens", limit=1000) if known.token else ()
    except LooplineError as error:
        yield Finding("server's answer", "fail", error.message, error.hint)
        return
    said = f"you are {known.actor}, {known.role or 'without a role'} in {known.project}"
    if known.role is None:
        yield Finding("server's answer", "warn", said, "ask an admin of the server for a role")
        return
    ends = next((one.expires_at for one in tokens if one.id == known.token), None)
    if ends is None:
        yield Finding("server's answer", "ok", said if known.token else f"{said}; it asks nobody for a token")
        return
    left = ends / 1e6 - time.time()
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(ends / 1e6))
    soon = left < SOON_S
    fix = "loopline login, or ask for another token" if soon else ""
    yield Finding("server's answer", "warn" if soon else "ok", f"{said}; the token is valid until {until}", fix)
