"""asking: one request of the protocol, and what every operation does with it.

Documents are protobuf's JSON: names as in the .proto files, 64-bit integers as numbers or as text, NaN and infinities as text;
`null` is what is left out, and fields of other releases are not looked at.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import msgspec
from starlette.responses import Response

from loopline.access.allow import entered
from loopline.faces.admit import admit, caller_of
from loopline.faces.desk import act, write
from loopline.faces.mlflow.errors import Fault, invalid, missing
from loopline.faces.native.wire import has_nul
from loopline.faces.problem import encoded
from loopline.nouns.name import parse_project
from loopline.verbs import BY_NAME

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.loop import Loop

T = TypeVar("T", bound="Document")
LARGEST: Final = 32 << 20
"""Bytes of a document. A batch that fills every limit of the protocol has less."""
WORKSPACE: Final = "x-mlflow-workspace"
DEFAULT_WORKSPACE: Final = "default"
"""What clients call the project that the server has where none is named."""
_DOCS: Final = "See the API docs for more information about request parameters."
_PLACE: Final = re.compile(r" - at `\$((?:\.\w+|\[[^\]]*\])*)`\Z")


class Document(msgspec.Struct):
    """What comes in a body or in a query."""

    needs: ClassVar[tuple[str, ...]] = ()
    """The fields that must not be missing, in the order in which they are looked at."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    request: Request
    names: tuple[str, ...]
    """What the path names, decoded once."""
    project: str
    body: Any = None

    def loop(self, verb: str, *assets: str) -> Loop:
        """Give the loop as the caller sees it, for one verb. Raise Refused, Fault 404 for a workspace that is not there."""
        found = admit(self.request, BY_NAME[verb], project=self.project, assets=assets)
        if self.project != self.request.app.state.desk.loop.project:
            there(self.request, found)
        return found


Operation = Callable[["Request", tuple[str, ...]], Awaitable[Response]]


def sync(function: Callable[[Ask], Response], body: type[Document] | None = None) -> Operation:
    """Make an operation of something short and synchronous; `body` is the document that comes with it."""

    async def operation(request: Request, names: tuple[str, ...]) -> Response:
        said = await document(request, body) if body is not None else None
        return await act(request, function, Ask(request, names, project_of(request), said))

    return operation


def written(function: Callable[[Ask], Response], body: type[Document]) -> Operation:
    """Make an operation of a short write that many send at once: it shares its transaction with those that wait beside it."""

    async def operation(request: Request, names: tuple[str, ...]) -> Response:
        said = await document(request, body)
        return await write(request, function, Ask(request, names, project_of(request), said))

    return operation


def project_of(request: Request) -> str:
    """Give the project that a request is about: the workspace that it names, or the server's own."""
    return project_named(request, request.headers.get(WORKSPACE, "").strip())


def project_named(request: Request, said: str) -> str:
    """Give the project that a name of a workspace means. Raise Invalid for what names none."""
    desk: Desk = request.app.state.desk
    return desk.loop.project if said in ("", DEFAULT_WORKSPACE) else parse_project(said)


def there(request: Request, loop: Loop) -> None:
    """Raise Refused for who has no right in a workspace, whether it is there or not; Fault 404 where it is not there."""
    entered(caller_of(request), project=loop.project)
    with loop.ledger.read() as tx:
        if not tx.projects.there(loop.project):
            raise missing(f"Workspace '{loop.project}' not found")


async def document(request: Request, kind: type[T]) -> T:
    """Read a document: of GET from the query, else from the body. Raise Fault 400."""
    if request.method in ("GET", "HEAD"):
        return query(request, kind)
    return decoded(await body_of(request), kind)


async def body_of(request: Request, limit: int = LARGEST) -> bytes:
    """Read a JSON body. Raise Fault 400 for another type, and for more bytes than anybody sends."""
    said = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if said != "application/json":
        raise Fault("BAD_REQUEST", "Bad Request. Content type must be one of ['application/json'].")
    return await bytes_of(request, limit)


async def bytes_of(request: Request, limit: int = LARGEST) -> bytes:
    """Read a body. Raise Fault 400 for more than so many bytes."""
    parts, total = [], 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > limit:
            raise invalid(f"The body has more than {limit} bytes: send less at once.")
        parts.append(chunk)
    return b"".join(parts)


def query(request: Request, kind: type[T]) -> T:
    """Read a document from a query: a name that stands there several times is a list."""
    given = request.query_params.multi_items()
    if any("\0" in name or "\0" in value for name, value in given):
        raise invalid("Text holds no NUL.")
    lists = {one.name for one in msgspec.structs.fields(kind) if _is_list(one.type)}
    said: dict[str, Any] = {}
    for name, value in given:
        if name.removesuffix("[]") in lists:
            said.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            said[name] = value
    return _checked(said, kind)


def decoded(body: bytes, kind: type[T]) -> T:
    """Read a document from JSON. Raise Fault 400 that names the field."""
    try:
        return _complete(msgspec.json.decode(body or b"{}", type=kind, strict=False), kind, body)
    except msgspec.ValidationError:
        pass  # it is JSON, of another shape
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass  # some clients write NaN bare, and old ones write the document as a text
    try:
        said = json.loads(body)
        said = json.loads(said) if isinstance(said, str) else said
    except (ValueError, RecursionError):
        raise Fault("BAD_REQUEST", "The request body is not JSON.") from None
    if not isinstance(said, dict):
        raise Fault("BAD_REQUEST", "The request body is not a JSON object.")
    try:
        json.dumps(said, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise invalid("Text holds no half of a surrogate pair.") from None
    return _checked(said, kind)


def _checked(said: Mapping[str, Any], kind: type[T]) -> T:
    said = {name: value for name, value in said.items() if value is not None}
    try:
        made = msgspec.convert(said, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _unfit(error, said) from None
    except (RecursionError, OverflowError, ValueError):
        raise invalid("The request holds values that nothing can be made of.") from None
    return _complete(made, kind, b"\\u0000" if has_nul(said) else b"")


def _complete(made: T, kind: type[T], body: bytes) -> T:
    for name in kind.needs:
        value = getattr(made, name)
        if value is None or value == "":
            raise lacking(name)
    if b"\\u0000" in body and has_nul(msgspec.to_builtins(made)):
        raise invalid("Text holds no NUL.")
    return made


def lacking(name: str) -> Fault:
    """Say that a parameter is missing, as clients' users know it."""
    return invalid(f"Missing value for required parameter '{name}'. {_DOCS}")


def unfit(name: str, value: Any, more: str = "") -> Fault:
    """Say that a parameter's value is wrong, as clients' users know it."""
    try:
        shown = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        shown = "…"
    shown = shown if len(shown) <= 500 else f"{shown[:500]}…"
    return invalid(f"Invalid value {shown} for parameter '{name}' supplied{more or '.'}")


def _unfit(error: msgspec.ValidationError, said: Mapping[str, Any]) -> Fault:
    found = _PLACE.search(str(error))
    place = found[1].lstrip(".") if found else ""
    name = re.split(r"[.\[]", place, maxsplit=1)[0]
    if not name or name not in said:
        return invalid(f"The request is not what it should be: {error}")
    value = said[name]
    hint = f": Hint: Value was of type '{type(value).__name__}'. {_DOCS}" if place == name else f": {error}"
    return unfit(place.replace("[...]", "[]"), value, hint)


def _is_list(kind: Any) -> bool:
    return str(kind).startswith(("list", "tuple", "typing.List")) or "list[" in str(kind)


def answer(value: Any = None, status: int = 200) -> Response:
    """Answer with a document; without one, with an empty one."""
    body = b"{}" if value is None else encoded(value)
    return Response(body, status, headers={"Cache-Control": "no-store"}, media_type="application/json")


def number(value: float) -> float | str:
    """Write a number as protobuf's JSON does: NaN and infinities are text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
