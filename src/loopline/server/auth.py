"""auth: who asks. Every request passes here before any face sees it.

A token in `Authorization`, or a browser's session, becomes a `Caller`; on loopback, while no admin has a token, anybody may.
`Host` must be a name of this server (DNS rebinding); whatever changes something and carries an `Origin` must come from this
server, and what has a browser's session must show that it does (CSRF). Below some addresses requests are signed in a protocol's
own way: a `Door` reads that, and no browser's session counts there. Nothing is decided here about what a caller may do: that is
the door's (`faces/admit.py`).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlencode

from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import RedirectResponse, Response

from loopline.access.secrets import hash_of, id_of, signing_secret
from loopline.errors import Invalid, Refused, Unavailable
from loopline.faces.admit import unknown
from loopline.faces.forms import knows
from loopline.faces.lakefs.door import PUBLIC as LAKEFS_PUBLIC
from loopline.faces.login.cookies import SESSION
from loopline.faces.mlflow.door import PUBLIC as MLFLOW_PUBLIC
from loopline.faces.prefixes import Prefixes
from loopline.faces.problem import expected, reply
from loopline.nouns.actor import parse_actor
from loopline.nouns.caller import Caller
from loopline.nouns.loopback import is_loopback
from loopline.nouns.token import Scope
from loopline.server.lasting import Lasting
from loopline.verbs.permitting import roles_in

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

    from loopline.faces.desk import Desk
    from loopline.ledger.ledger import Tables
    from loopline.nouns.token import Token

PUBLIC: Final = ("/login/", "/api/v1/login/", "/static/")
"""What answers strangers, beside `/login` itself and what the gate says of the server's health. Nothing else does."""
CSRF: Final = "x-loopline-csrf"
"""What a program sends that uses a browser's session: the value that the session's forms carry."""
SAFE: Final = ("GET", "HEAD", "OPTIONS")
CALLER: Final = "loopline.caller"
_PASSED_ON: Final = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"))
"""What a proxy adds: who asks through one may sit anywhere."""
_SAYING: Final = frozenset((b"sec-fetch-site", b"origin"))
"""By what a browser tells where a request comes from."""
_FRESH_S: Final = 1.0
"""How long it is believed that nobody has made the first admin's token."""
_NAME: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\Z")
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self';"
    b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of what does not bring its own."""


class Door(Protocol):
    """How requests below one address say who they are from, in a protocol's own way."""

    @property
    def prefix(self) -> str:
        """The address, without a slash at the end."""

    def named(self, request: HTTPConnection) -> str | None:
        """Give the id of the token that a request says it is signed as; None where it says nothing. Raise for what is no word."""

    def token(self, request: HTTPConnection) -> str:
        """Give the text of a token that stands elsewhere than in `Authorization: Bearer`; nothing where none does."""

    def prove(self, request: HTTPConnection, secret: str) -> None:
        """Raise unless a request is signed with the secret of that token. Asked again later, it need not look."""

    def refuse(self, request: HTTPConnection, error: Exception) -> Response:
        """Answer with an error."""


class Auth:
    """The layer between the gate and the faces."""

    def __init__(
        self, app: ASGIApp, *, desk: Desk, hosts: Iterable[str] = (), below: Iterable[str] = (), tokens_only: bool = False,
        doors: Iterable[Door] = (),
    ) -> None:  # fmt: skip
        self._app = app
        self._desk = desk
        self._hosts = frozenset(host.lower() for host in hosts)
        self._below = tuple(f".{host.lower()}" for host in below)
        """Ends of names: whatever stands in front is this server, too."""
        self._doors = Prefixes({one.prefix: one for one in doors})
        self._closed = tokens_only
        """Whether a token is needed in any case: another address than loopback, or a provider that signs people in."""
        self._open_until = 0.0
        self._open = Caller(replace(desk.loop.actor, verified=False), open=True)
        self._ours = lru_cache(maxsize=256)(self._is_ours)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Find out who asks, then pass the request on; refuse what no face should see."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _guarded(send)
        try:
            request = HTTPConnection(scope)
            self._known_host(request)
            known = await self._look(request)
            if scope["method"] not in SAFE:
                _same_origin(request, known)
            scope[CALLER] = known
        except Exception as error:  # noqa: BLE001 (a problem for the client, the rest for the log)
            await self._refused(scope, error)(scope, receive, send)
            return
        if known is None:
            await (self._app if is_public(scope["path"]) else self._stranger(request))(scope, receive, send)
            return
        await self._while_let_in(known, request, receive, send)

    async def _while_let_in(self, known: Caller, request: HTTPConnection, receive: Receive, send: Send) -> None:
        """Pass a request on, and end it where its caller loses what they were let in with."""

        async def still() -> bool:
            return await self._look(request) == known

        lasting = Lasting(receive, send, still)
        try:
            await self._app(request.scope, lasting.receive, lasting.send)
        except Exception:
            if not lasting.over:
                raise
        if lasting.over and not lasting.started:
            await self._refused(request.scope, _strange())(request.scope, receive, send)
        elif lasting.over:
            await lasting.end()

    def _known_host(self, request: HTTPConnection) -> None:
        said = [value for name, value in request.scope["headers"] if name == b"host"]
        if len(said) == 1 and self._ours(said[0]):
            return
        raise Invalid(
            "this server is not called that", kind="bad-host", hint="an admin adds names with LOOPLINE_HOSTS",
            host=said[0][:200].decode("latin-1") if said else "",
        )  # fmt: skip

    def _is_ours(self, host: bytes) -> bool:
        said = host.decode("latin-1").lower()
        found = _NAME.match(said)
        name = found[1] if found else ""
        if name in self._hosts or (name and said in self._hosts) or is_loopback(name.strip("[]")):
            return True
        return name.endswith(self._below)

    def _refused(self, scope: Connection, error: Exception) -> Response:
        door = self._doors.find(scope["path"])
        return door.refuse(HTTPConnection(scope), error) if door else reply(expected(error, about="who asks"))

    def _stranger(self, request: HTTPConnection) -> Response:
        return (
            self._refused(request.scope, unknown()) if self._doors.find(request.scope["path"]) else _stranger(request)
        )

    async def _look(self, request: HTTPConnection) -> Caller | None:
        door = self._doors.find(request.scope["path"])
        name = door.named(request) if door else None
        if door and name is not None:
            signed: Caller | None = await self._on_thread(partial(self._signed, door, request, name))
            return signed or await self._anybody(request)
        text = (door.token(request) if door else "") or _bearer(request)
        session = "" if door else _session(request)
        if not text and not session:
            return await self._anybody(request)
        found: Caller | None = await self._on_thread(partial(self._find, text, session))
        return found

    async def _anybody(self, request: HTTPConnection) -> Caller | None:
        """Give the caller of an open server; None where a token is needed."""
        if self._closed or not is_loopback((request.client or ("", 0))[0]):  # a proxy on this machine is loopback, too
            return None
        if not _PASSED_ON.isdisjoint(name for name, _ in request.scope["headers"]):
            return None
        if time.monotonic() > self._open_until:
            if not await self._on_thread(self._is_open):
                return None
            self._open_until = time.monotonic() + _FRESH_S
        said = request.headers.get("loopline-actor")
        return Caller(replace(parse_actor(said), verified=False), open=True) if said else self._open

    def _is_open(self) -> bool:
        with self._desk.loop.ledger.read() as tx:
            return is_open(tx)

    def _signed(self, door: Door, request: HTTPConnection, name: str) -> Caller | None:
        """Give whom a signed request is from; None where nobody has such a token."""
        loop = self._desk.loop
        with loop.ledger.read() as tx:
            token = tx.tokens.find_id(name)
            if token is None or loop.key is None or not tx.tokens.lives(token) or tx.people.disabled(token.actor):
                return None
            late = _is_old(tx, token)
            found = Caller(parse_actor(token.actor, verified=True), roles_in(tx, token.actor), token.scopes, token.id)
        door.prove(request, signing_secret(loop.key(), token.id))
        if late:
            with suppress(Unavailable), loop.ledger.telemetry() as tx:  # a full disk keeps nobody from reading
                tx.tokens.use(token)
        return found

    def _find(self, text: str, session: str) -> Caller | None:
        ledger = self._desk.loop.ledger
        with ledger.read() as tx:
            if not text:
                return by_session(tx, session)
            token = tx.tokens.find(hash_of(text)) if id_of(text) else None
            found = by_token(tx, token) if token else None
            late = bool(token and found and _is_old(tx, token))
        if token and late:
            with suppress(Unavailable), ledger.telemetry() as tx:  # a full disk keeps nobody from reading
                tx.tokens.use(token)
        return found

    async def _on_thread(self, function: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._desk.threads, function)


def is_public(path: str) -> bool:
    """Tell whether an address answers somebody whom the server does not know."""
    return path == "/login" or path.startswith(PUBLIC) or path in (*LAKEFS_PUBLIC, *MLFLOW_PUBLIC)


def _stranger(request: HTTPConnection) -> Response:
    """Answer somebody whom the server does not know: a program with 401, a browser with the way to the login and back."""
    if request.url.path.startswith("/api/") or request.url.path in ("/metrics", "/mcp"):
        return reply(unknown())
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'next': back}, quote_via=quote)}", 303)


def is_open(tx: Tables) -> bool:
    """Tell whether no admin of the whole server has a token: one that has expired still closes it."""
    return not tx.tokens.any_of(tx.teams.holders("*", "role/admin"))


def by_token(tx: Tables, token: Token) -> Caller | None:
    """Give whom a token speaks for that can still be used; None for somebody who is shut out."""
    if tx.people.disabled(token.actor):
        return None
    actor = parse_actor(token.actor, verified=True)
    return Caller(actor, roles_in(tx, token.actor), token.scopes, token.id)


def by_session(tx: Tables, cookie: str) -> Caller | None:
    """Give who is signed in with a browser; None where that is over."""
    session = tx.sessions.find(hash_of(cookie))
    if session is None or tx.people.disabled(session.actor):
        return None
    scopes: tuple[Scope, ...] = (Scope(),)
    if session.token:
        token = tx.tokens.get(session.token)
        if not tx.tokens.lives(token):
            return None
        scopes = token.scopes
    actor = parse_actor(session.actor, verified=True)
    return Caller(actor, roles_in(tx, session.actor), scopes, session.token or "", session.csrf)


def _bearer(request: HTTPConnection) -> str:
    said = request.headers.getlist("authorization")
    if not said:
        return ""
    kind, _, text = said[0].partition(" ")
    if len(said) > 1 or kind.lower() != "bearer" or not text.strip():
        raise _strange()
    return text.strip()


def _strange() -> Refused:
    return Refused(
        "this is no token of ours",
        kind="not-signed-in",
        hint="send Authorization: Bearer and a token of loopline issue",
    )


def _session(request: HTTPConnection) -> str:
    for header in request.headers.getlist("cookie"):
        value = cookie_parser(header).get(SESSION, "")
        if value:
            return value[:200]
    return ""


def _same_origin(request: HTTPConnection, known: Caller | None) -> None:
    """Refuse what another site makes a browser send. A token is no browser's to add.

    Programs send neither header, and need none of them without a session. With a session's cookie one of them must say that the
    request is from here: every browser says so of forms and scripts. Whoever knows the session's value need not.
    """
    if known and known.token and not known.csrf:
        return
    if not (known and known.csrf) and _SAYING.isdisjoint(name for name, _ in request.scope["headers"]):
        return
    site = request.headers.get("sec-fetch-site", "")
    origin = request.headers.get("origin", "")
    home = request.headers.get("host", "").lower()
    foreign = origin and origin.partition("://")[2].lower() != home
    shown = (
        origin
        or site == "same-origin"
        or not (known and known.csrf)
        or knows(request.headers.get(CSRF, ""), known.csrf)
    )
    if foreign or not shown or site not in ("", "same-origin", "none"):
        raise Refused(
            "another site sent this", kind="cross-site", hint="open the page on this server and do it there",
            origin=origin[:200],
        )  # fmt: skip


def _is_old(tx: Tables, token: Token) -> bool:
    from loopline.ledger.tokens import NEWS

    return token.used_at is None or token.used_at < tx.now - NEWS


def _guarded(send: Send) -> Send:
    """Add the headers that every answer has."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            here = {name for name, _ in headers}  # in small letters, as ASGI has them
            headers += [one for one in _HEADERS if one[0] not in here]
            if b"content-security-policy" not in here:
                headers.append((b"content-security-policy", POLICY))
            message = {**message, "headers": headers}
        await send(message)

    return sending
