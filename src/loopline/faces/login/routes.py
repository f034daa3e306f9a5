"""routes: /login, /logout, /device, and what command lines ask at /api/v1/login/."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from loopline.access.scopes import write_scope
from loopline.access.secrets import hash_of, id_of, user_code, written
from loopline.errors import Invalid, LooplineError, NotFound, Refused
from loopline.faces.admit import caller_of
from loopline.faces.desk import Desk, act
from loopline.faces.forms import form_of
from loopline.faces.login.cookies import LOGIN, LOGIN_S, address_of, inside, keep, sign_in, sign_out
from loopline.faces.login.people import welcome
from loopline.faces.login.provider import Attempt, Provider
from loopline.faces.login.throttle import may_type, throttle, typed_wrong
from loopline.faces.problem import reply
from loopline.faces.status import status_of
from loopline.faces.web.page import WHATEVER, render, see_other, shown, taking
from loopline.ledger.sessions import PAUSE, WAITING, Device
from loopline.nouns.token import Token

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop
    from loopline.nouns.caller import Caller
    from loopline.nouns.person import Person

SLOWLY_S: Final = 0.5
"""How long a wrong token takes to be told so."""
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
LASTING: Final = 30 * 86_400 * 1_000_000
"""Microseconds for which a device's token lasts."""


def routes() -> list[BaseRoute]:
    """Give the routes."""
    return [
        Route("/login", login, name="login"),
        Route("/login", signed_in, methods=["POST"]),
        Route("/login/provider", provider, name="provider"),
        Route("/login/callback", callback, name="callback"),
        Route("/logout", logout, methods=["POST"], name="logout"),
        Route("/device", device, name="device"),
        Route("/device", answered, methods=["POST"]),
        Route("/api/v1/login/device", begin, methods=["POST"]),
        Route("/api/v1/login/token", token, methods=["POST"]),
    ]


@taking("next")
async def login(request: Request) -> Response:
    """Ask who somebody is."""
    return await _ask(request, inside(request.query_params.get("next", "/")))


@shown
async def signed_in(request: Request) -> Response:
    """Take a token and begin a session with it."""
    fields = await form_of(request)
    text, back = fields.get("token", [""])[0].strip(), inside(fields.get("next", ["/"])[0])
    found = await act(request, _owner, request, text)
    if found is None:
        throttle(request, "token")
        await asyncio.sleep(SLOWLY_S)
        wrong = Refused("this token lets nobody in", kind="not-signed-in", hint="loopline issue makes one")
        return await _ask(request, back, wrong=wrong)
    response = see_other(back)
    await sign_in(request, response, found.actor, token=found.id)
    return response


@taking("next")
async def provider(request: Request) -> Response:
    """Lead the browser to the provider."""
    throttle(request, "provider")
    ids = _loop(request).ids
    attempt = Attempt(
        ids.chance(16).hex(), ids.chance(16).hex(), ids.chance(32).hex(), inside(request.query_params.get("next", "/"))
    )
    where = await act(request, _provider(request).address, attempt, callback=_callback(request))
    response = RedirectResponse(where, 303)
    carried = [attempt.state, attempt.nonce, attempt.verifier, attempt.back]
    keep(request, response, LOGIN, json.dumps(carried).encode().hex(), seconds=LOGIN_S)
    return response


@taking(WHATEVER)
async def callback(request: Request) -> Response:
    """Take what the provider has sent the browser back with."""
    attempt = _begun(request.cookies.get(LOGIN, ""))
    query = request.query_params
    if attempt is None or query.get("state") != attempt.state:
        raise Refused("this login did not begin in this browser", kind="login-failed", hint="try again: /login")
    if "code" not in query:
        raise Refused("the provider let nobody in", kind="login-failed", hint="try again: /login")
    at = _provider(request)
    throttle(request, "provider")
    claims = await act(request, at.claims, attempt, query["code"], callback=_callback(request))
    person: Person = await act(request, welcome, _loop(request), at.settings, claims)
    response = see_other(attempt.back)
    response.delete_cookie(LOGIN)
    await sign_in(request, response, person.actor)
    return response


@shown
async def logout(request: Request) -> Response:
    """End the session."""
    await form_of(request)
    response = see_other("/login")
    await sign_out(request, response)
    return response


@taking("code")
async def device(request: Request) -> Response:
    """Ask whether a device may come in."""
    caller = caller_of(request)
    code = _code(request.query_params.get("code", ""))
    waiting = None
    if code:
        may_type(request, caller)
        waiting = await act(request, _waiting, request, code)
        if waiting is None:
            typed_wrong(request, caller)
    return await render(request, "device.html", title="Let a device in", code=code, device=waiting, done="")


@shown
async def answered(request: Request) -> Response:
    """Take the answer."""
    caller = caller_of(request)
    fields = await form_of(request)
    code, allow = _code(fields.get("code", [""])[0]), fields.get("answer", [""])[0] == "allow"
    may_type(request, caller)
    try:
        await act(request, _answer, request, code, caller, allow=allow)
    except NotFound:
        typed_wrong(request, caller)
        raise
    return await render(
        request, "device.html", title="Let a device in", code="", device=None, done="allowed" if allow else "denied"
    )


async def begin(request: Request) -> Response:
    """Answer a device that wants to come in (RFC 8628, 3.2)."""
    try:
        throttle(request, "device")
    except LooplineError as error:
        return reply(error)
    asked = await _body(request)
    loop = _loop(request)
    secret, code = loop.ids.chance(32).hex(), user_code(loop.ids.chance(8))
    await act(request, _wait, request, secret, code, str(asked.get("client", "a command line")))
    where = f"{address_of(request)}/device"
    return _told(
        {
            "device_code": secret, "user_code": code, "verification_uri": where,
            "verification_uri_complete": f"{where}?code={code}", "expires_in": WAITING // 1_000_000,
            "interval": PAUSE // 1_000_000,
        }
    )  # fmt: skip


async def token(request: Request) -> Response:
    """Answer whether it may by now (RFC 8628, 3.4 and 3.5)."""
    asked = await _body(request)
    if asked.get("grant_type") != GRANT:
        return _told({"error": "unsupported_grant_type"}, 400)
    answer = await act(request, _token, request, str(asked.get("device_code", "")))
    return _told(answer, 400 if "error" in answer else 200)


async def _ask(request: Request, back: str, *, wrong: LooplineError | None = None) -> Response:
    caller: Caller | None = request.scope.get("loopline.caller")
    settings = getattr(request.app.state, "settings", None)
    return await render(
        request, "login.html", title="Sign in", back=back, wrong=wrong, status=status_of(wrong) if wrong else 200,
        here=caller, by_provider=bool(settings and settings.oidc.issuer),
    )  # fmt: skip


def _loop(request: Request) -> Loop:
    desk: Desk = request.app.state.desk
    return desk.loop


def _owner(request: Request, text: str) -> Token | None:
    if not id_of(text):
        return None
    with _loop(request).ledger.read() as tx:
        found = tx.tokens.find(hash_of(text))
        return None if found is None or tx.people.disabled(found.actor) else found


def _provider(request: Request) -> Provider:
    state = request.app.state
    if not state.settings.oidc.issuer:
        raise Invalid(
            "nobody signs people in here", kind="no-provider", hint="sign in with a token, or set LOOPLINE_OIDC_ISSUER"
        )
    if getattr(state, "provider", None) is None:
        state.provider = Provider(state.settings.oidc)
    found: Provider = state.provider
    return found


def _callback(request: Request) -> str:
    return f"{address_of(request)}/login/callback"


def _begun(cookie: str) -> Attempt | None:
    try:
        state, nonce, verifier, back = json.loads(bytes.fromhex(cookie))
    except (ValueError, TypeError):
        return None
    if not all(isinstance(one, str) and one for one in (state, nonce, verifier, back)):
        return None
    return Attempt(state, nonce, verifier, inside(back))


def _code(text: str) -> str:
    letters = "".join(one for one in text.upper() if one.isalnum())[:8]
    return f"{letters[:4]}-{letters[4:]}" if len(letters) == 8 else ""


def _waiting(request: Request, code: str) -> Device | None:
    with _loop(request).ledger.read() as tx:
        return tx.sessions.device(code)


def _wait(request: Request, secret: str, code: str, client: str) -> None:
    with _loop(request).ledger.telemetry() as tx:
        tx.sessions.wait(hash_of(secret), code, "".join(one for one in client if one.isprintable()))


def _answer(request: Request, code: str, caller: Caller, *, allow: bool) -> None:
    if caller.open:
        raise Refused(
            "nobody needs to sign in here",
            kind="open-server",
            hint="use the server as it is, or issue an admin's token",
        )
    loop = _loop(request)
    with loop.ledger.write(loop.project, caller.actor) as tx:
        tx.sessions.answer(code, str(caller.actor), allow=allow, token=caller.token or None)
        tx.say("device.allowed" if allow else "device.denied", str(caller.actor))


def _token(request: Request, secret: str) -> dict[str, Any]:
    loop, hashed = _loop(request), hash_of(secret)
    with loop.ledger.read() as tables:  # strangers ask here: what nobody knows, and what comes too soon, writes nothing
        found, hasty = tables.sessions.asked(hashed)
    if found is None:
        return {"error": "expired_token"}
    if not hasty:
        with loop.ledger.telemetry() as tx:
            found, hasty = tx.sessions.ask(hashed)
    if hasty or found is None:
        return {"error": "slow_down"}
    if found.state != "allowed" or found.actor is None:
        words = {"waiting": "authorization_pending", "denied": "access_denied", "used": "expired_token"}
        return {"error": words.get(found.state, "expired_token")}
    return _issued(loop, found.actor, found)


def _issued(loop: Loop, whose: str, device: Device) -> dict[str, Any]:
    """Issue what the device gets: as much as whoever allowed it could use, and for no longer than they could."""
    from loopline.nouns.actor import parse_actor
    from loopline.nouns.token import Scope

    identity, text = written(loop.ids.chance(40))
    with loop.ledger.write(loop.project, parse_actor(whose, verified=True)) as tx:
        until = tx.now + LASTING
        scopes: tuple[Scope, ...] = (Scope(),)
        shown = tx.tokens.get(device.token) if device.token else None
        if tx.people.disabled(whose) or (shown and not tx.tokens.lives(shown)):
            tx.say("device.denied", whose)
            return {"error": "access_denied"}
        if shown:
            until, scopes = min(until, shown.expires_at or until), shown.scopes
        name = device.client or "a command line"
        tx.tokens.add(Token(identity, whose, name, scopes, whose, tx.now, until), hashed=hash_of(text))
        tx.say(
            "token.issued",
            identity,
            actor=whose,
            name=name,
            scopes=[write_scope(one) for one in scopes],
            expires_at=until,
        )
        lasting = (until - tx.now) // 1_000_000
    return {"access_token": text, "token_type": "Bearer", "expires_in": lasting, "actor": whose}


async def _body(request: Request) -> dict[str, Any]:
    """Read a form, as RFC 8628 has it, or JSON; what is neither is empty."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > 10_000:
            return {}
    if kind == "application/json":
        try:
            found = json.loads(data)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
    from urllib.parse import parse_qsl

    return dict(parse_qsl(data.decode("utf-8", "replace"), max_num_fields=20)) if data.count(b"&") < 20 else {}


def _told(body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
