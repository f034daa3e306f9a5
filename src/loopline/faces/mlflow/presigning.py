"""presigning: addresses of this server that hold for a while without a header, for what clients call presigned.

Whoever has a token gets them signed by its secret, and they hold as theirs. On an open server they are signed by the server's own
key: they give nobody more than they have, and they end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from loopline.access.secrets import signing_secret
from loopline.faces.admit import caller_of
from loopline.faces.mlflow.asking import WORKSPACE
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.signing import KEY, SIGNATURE, UNTIL, holds_query, path_of, query_of, signed_query, written

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from loopline.faces.desk import Desk
    from loopline.faces.mlflow.asking import Ask

OPEN: Final = "open"
"""Stands for the id of a token where nobody needs one."""
PROJECT: Final = "loopline-project"
"""The project that a signed address is about: a header need not say so again."""
WORDS: Final = frozenset({KEY, UNTIL, SIGNATURE, PROJECT})
LONGEST: Final = 7 * 24 * 3600
"""Seconds for which an address holds at most."""
USUAL: Final = 900
_SIGNED: Final = SIGNATURE.encode()
PROVEN: Final = "loopline.mlflow.proven"
UNABLE: Final = "Multipart upload is not supported for the current artifact repository"
"""What clients take for the word to send a file in one piece."""


def address(ask: Ask, method: str, parts: tuple[str, ...], *, seconds: int = USUAL) -> str:
    """Give an address that holds as the caller's own for a while. Raise Fault 501 for whom nothing can be signed.

    `parts` is the path, taken apart; each is written so that nothing in it counts as a mark.
    """
    caller = caller_of(ask.request)
    desk: Desk = ask.request.app.state.desk
    if desk.loop.key is None or not (caller.token or caller.open):
        raise Fault("NOT_IMPLEMENTED", f"{UNABLE}: addresses are signed for tokens only.")
    key = caller.token or OPEN
    path = written(("", *parts))
    query = signed_query(
        method,
        path,
        {PROJECT: ask.project},
        key,
        signing_secret(desk.loop.key(), key),
        until=int(time.time()) + seconds,
    )
    return f"{str(ask.request.base_url).rstrip('/')}{path}?{query}"


def headers_of(ask: Ask) -> dict[str, str]:
    """Give the headers that a client must send with an address: where the project is not the server's own."""
    return {WORKSPACE: ask.project} if WORKSPACE in ask.request.headers else {}


def lasting(seconds: int | None) -> int:
    """Read for how long an address shall hold. Raise Fault 400."""
    said = USUAL if seconds is None else seconds
    if not 1 <= said <= LONGEST:
        raise invalid(f"expiration must be between 1 and {LONGEST} seconds (got {said}).")
    return said


def words_of(request: HTTPConnection) -> dict[str, str]:
    """Read the words of a signed address; none where nothing is signed. Raise Fault 400 for too many, 401 for what is no key."""
    raw: bytes = request.scope["query_string"]
    if _SIGNED not in raw:
        return {}
    try:
        words = query_of(raw)
    except ValueError:
        raise invalid("The query has too many fields.") from None
    if not words.get(KEY) or not words[KEY].isprintable() or SIGNATURE not in words:
        raise Fault("UNAUTHENTICATED", "what the address names is no token")
    return words


def prove(request: HTTPConnection, secret: str) -> None:
    """Hold an address against the secret, once: a body may last longer than its address. Raise Fault 401."""
    if PROVEN in request.scope:
        return
    method = "GET" if request.scope["method"] == "HEAD" else request.scope["method"]
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    try:
        path = written(path_of(raw.partition(b"?")[0]))
    except ValueError:
        path = ""
    if not holds_query(method, path, words_of(request), secret, now=int(time.time())):
        raise Fault("UNAUTHENTICATED", "the address was not signed so, or holds no longer: ask for another one")
    request.scope[PROVEN] = True


def signed(ask: Ask) -> Ask:
    """Give a request whose address may be signed, in the project that it was signed for.

    Raise Fault 400 for any other query: it would be a name that was cut off at a mark. 401 for a signature that does not hold.
    """
    if not ask.request.scope["query_string"]:
        return ask
    words = words_of(ask.request)
    if not words or set(words) - WORDS:
        raise invalid("Invalid path: an address of a file has no query; a ? in a name is no name here")
    if PROVEN not in ask.request.scope:
        desk: Desk = ask.request.app.state.desk
        if words[KEY] != OPEN or desk.loop.key is None:  # a header says who asks, and the signature somebody else
            raise Fault("UNAUTHENTICATED", "send a token or a signed address, not both")
        prove(ask.request, signing_secret(desk.loop.key(), OPEN))
    return type(ask)(ask.request, ask.names, words.get(PROJECT, ask.project), ask.body)
