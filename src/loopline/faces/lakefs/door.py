"""door: who a request of lakeFS is from: HTTP Basic with an access key, a session of `login`, a token, or a signed address."""

from __future__ import annotations

import hmac
import time
from base64 import b64decode
from binascii import Error
from typing import TYPE_CHECKING, Final

from loopline.access.secrets import id_of
from loopline.faces.lakefs.errors import Fault, refuse
from loopline.faces.lakefs.signing import holds_session, session_of
from loopline.faces.signing import KEY, SIGNATURE, holds_query, path_of, query_of, written

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.responses import Response

PREFIX: Final = "/lakefs"
PUBLIC: Final = tuple(
    f"{PREFIX}/api/v1/{path}"
    for path in ("healthcheck", "setup_lakefs", "auth/login", "auth/external/principal/login", "sts/login")
)
"""What answers strangers: it says that a server is here, or takes the words by which one signs in."""
_PROVEN: Final = "loopline.lakefs.proven"


class LakefsDoor:
    """Reads what clients of lakeFS send. An access key is the id of a token."""

    prefix = PREFIX

    def named(self, request: HTTPConnection) -> str | None:
        """Give the access key; None for a request that names none."""
        basic = _basic(request)
        if basic:
            return None if id_of(basic[1]) else basic[0]
        found = session_of(_bearer(request))
        if found:
            return found[0]
        words = _words(request)
        return words.get(KEY) if SIGNATURE in words else None

    def token(self, request: HTTPConnection) -> str:
        """Give the token that stands where the secret would; nothing where none does."""
        basic = _basic(request)
        return basic[1] if basic and id_of(basic[1]) else ""

    def prove(self, request: HTTPConnection, secret: str) -> None:
        """Hold what was sent against the secret, once: a body may last longer than its address."""
        if _PROVEN in request.scope:
            return
        basic, bearer, now = _basic(request), _bearer(request), int(time.time())
        if basic:
            right = hmac.compare_digest(basic[1].encode(), secret.encode())
        elif session_of(bearer):
            right = holds_session(bearer, secret, now=now)
        else:
            method = "GET" if request.scope["method"] == "HEAD" else request.scope["method"]
            raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
            right = holds_query(method, written(path_of(raw)), _words(request), secret, now=now)
        if not right:
            raise Fault(401, "error authenticating request: the secret is wrong, or what was signed has expired")
        request.scope[_PROVEN] = True

    def refuse(self, request: HTTPConnection, error: Exception) -> Response:
        """Answer as lakeFS does."""
        return refuse(request, error)


def _words(request: HTTPConnection) -> dict[str, str]:
    raw: bytes = request.scope["query_string"]
    if SIGNATURE.encode() not in raw:
        return {}
    try:
        words = query_of(raw)
    except ValueError:
        raise Fault(400, "the query has too many fields") from None
    if not words.get(KEY, "").isprintable():  # NUL, and bytes that are no UTF-8: no ledger can be asked for them
        raise Fault(401, "error authenticating request: what the address names is no access key")
    return words


def _bearer(request: HTTPConnection) -> str:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def _basic(request: HTTPConnection) -> tuple[str, str] | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, secret = b64decode(text.strip(), validate=True).decode().partition(":")
    except (Error, ValueError):
        colon = name = secret = ""
    if not colon or not name.isprintable():
        raise Fault(401, "error authenticating request: HTTP Basic is KEY:SECRET in base64")
    return name, secret
