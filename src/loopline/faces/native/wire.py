"""wire: requests read into words, answers written as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import msgspec

from loopline.errors import Invalid, NotFound
from loopline.nouns.name import parse_project
from loopline.verbs import BY_NAME, Verb, load
from loopline.verbs.usage import Usage, usage_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk

JSON: Final = "application/json"
LARGEST: Final = 8 << 20
"""Bytes of a JSON body."""
LARGEST_LOG: Final = 64 << 20
"""Bytes of the body of `log`, which carries a journal's backlog."""
MOST_WORDS: Final = 10_000
"""Values in a query."""
_KEY: Final = re.compile(r"[!-~]{1,200}\Z")
_decode = msgspec.json.Decoder().decode


def verb_of(name: str) -> Verb:
    """Look a verb of the wire up. Raise NotFound."""
    verb = BY_NAME.get(name)
    if verb is None or verb.cls == "local":
        raise NotFound(
            f"{name[:100]!r} is no verb that a server knows", kind="unknown-verb",
            hint="see /api/v1/openapi.json; what works on your own files is a command of `loopline` alone", verb=name[:100],
        )  # fmt: skip
    return verb


@cache
def usage_for(name: str) -> Usage:
    """Give the usage of a verb; its signature is read once in a process."""
    return usage_of(load(name))


def query_of(request: Request) -> list[tuple[str, str]]:
    """Give the pairs of the query in order. Raise Invalid for more than anybody writes, and for a NUL."""
    raw: bytes = request.scope["query_string"]
    if not raw:
        return []
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_WORDS, errors="strict")
    except ValueError as error:
        raise Invalid(f"the query cannot be read: {error}", kind="bad-query", hint="percent-encode UTF-8") from None
    if b"%00" in raw:
        raise _nul()
    return pairs


def project_of(request: Request, pairs: list[tuple[str, str]]) -> str:
    """Give the project that is asked; the server's own where none is named. Raise Invalid."""
    named = [value for name, value in pairs if name == "project"]
    if len(named) > 1:
        raise _twice("project")
    if named:
        return parse_project(named[0])
    desk: Desk = request.app.state.desk
    return desk.loop.project


def read_words(usage: Usage, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Give the words of a query: repeatable parameters as lists. Raise Invalid where another is given twice."""
    words: dict[str, Any] = {}
    for name, value in pairs:
        if name == "project":
            continue
        param = usage.find(name)
        if param is not None and param.shape in ("many", "pairs"):
            words.setdefault(param.name, []).append(value)
        elif name in words:
            raise _twice(name)
        else:
            words[name] = value
    return words


async def body_of(request: Request, *, limit: int = LARGEST) -> Mapping[str, Any]:
    """Give the JSON object of a body; an empty body is an empty object.

    Raise Invalid wrong-content-type (415), body-too-large (413), bad-json.
    """
    return object_of(await raw_of(request, limit=limit))


async def raw_of(request: Request, *, limit: int) -> bytes:
    """Give the bytes of a body that says it is JSON."""
    raw = await bytes_of(request, limit=limit)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if raw and kind != JSON:
        raise Invalid(
            f"a body is {JSON}", kind="wrong-content-type", hint=f"send Content-Type: {JSON}", found=kind[:100]
        )
    return raw


def object_of(raw: bytes) -> dict[str, Any]:
    """Read one JSON object; nothing is an empty one."""
    if not raw:
        return {}
    try:
        found = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is no JSON: {error}", kind="bad-json", hint="send one JSON object") from None
    if not isinstance(found, dict):
        raise Invalid("the body is no JSON object", kind="bad-json", hint="send one JSON object")
    if b"\\u0000" in raw and has_nul(found):
        raise _nul()
    return found


async def bytes_of(request: Request, *, limit: int) -> bytes:
    """Give a body of at most `limit` bytes. Raise Invalid body-too-large before more than that was read."""
    said = request.headers.get("content-length")
    if said is not None and (not said.isdigit() or int(said[:20]) > limit):
        raise too_large(limit)
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def too_large(limit: int) -> Invalid:
    """Say how large a body may be."""
    return Invalid(
        f"the body has more than {limit} bytes", kind="body-too-large", hint="send less at once", limit=limit
    )


def key_of(request: Request) -> str:
    """Give the `Idempotency-Key`; nothing where none was sent. Raise Invalid for one that cannot be kept."""
    key: str | None = request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not _KEY.match(key):
        raise Invalid(
            "the Idempotency-Key cannot be kept",
            kind="bad-idempotency-key",
            hint="send 1 to 200 printable ASCII characters",
        )
    return key


def dry_of(request: Request) -> bool:
    """Tell whether the request is only a rehearsal. Raise Invalid for a header that says neither yes nor no."""
    said = request.headers.get("loopline-dry-run", "false").lower()
    if said not in ("true", "false"):
        raise Invalid(
            "Loopline-Dry-Run is true or false", kind="bad-header", hint="write true or false", value=said[:100]
        )
    return said == "true"


def only(pairs: Iterable[tuple[str, str]], *names: str) -> None:
    """Raise Invalid for a parameter of the query that is none of `names`."""
    strange = next((name for name, _ in pairs if name not in names), None)
    if strange is not None:
        raise Invalid(
            f"{strange[:100]!r} is no parameter of this address", kind="unknown-parameter",
            hint=f"the query takes {', '.join(names)}; anything else goes into the body", name=strange[:100],
        )  # fmt: skip


def members(body: Mapping[str, Any], *names: str) -> None:
    """Raise Invalid where a body lacks one of `names` or has another."""
    strange = next((name for name in body if name not in names), None)
    if strange is not None:
        raise Invalid(
            f"{strange[:100]!r} is not expected here", kind="unknown-parameter", hint=f"send {', '.join(names)}",
            name=strange[:100],
        )  # fmt: skip
    lacking = [name for name in names if name not in body]
    if lacking:
        raise Invalid(
            f"{', '.join(lacking)} is missing", kind="missing-parameter", hint=f"give {lacking[0]}", missing=lacking
        )


def _twice(name: str) -> Invalid:
    return Invalid(f"{name[:100]} is given twice", kind="repeated-parameter", hint="give it once", name=name[:100])


def _nul() -> Invalid:
    return Invalid("text cannot hold the character NUL", kind="bad-value", hint="leave it out")


def has_nul(value: Any) -> bool:
    """Tell whether one of the texts of a document holds a NUL, which not every ledger can keep."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or has_nul(one) for key, one in value.items())
    return isinstance(value, list) and any(map(has_nul, value))
