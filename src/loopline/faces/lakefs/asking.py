"""asking: one request of the protocol, and what every operation does with it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.lakefs.errors import Fault
from loopline.faces.native.wire import has_nul
from loopline.faces.problem import encoded
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.ids import brief
from loopline.nouns.verdict import Result

if TYPE_CHECKING:
    from starlette.requests import Request

T = TypeVar("T")
MOST: Final = 1000
"""Rows of a page."""
USUAL: Final = 100
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}\Z")
LARGEST: Final = 8 << 20
"""Bytes of a document."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    request: Request
    names: tuple[str, ...]
    """What the path names, decoded."""
    query: Mapping[str, str]
    body: Any = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, names in lower case."""
        return self.request.headers

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """Read a word of the query that is true or false. Raise Fault 400."""
        said = self.query.get(name, "")
        if said.lower() not in ("", "true", "false", "1", "0"):
            raise Fault(400, f"{name} is true or false")
        return said.lower() in ("true", "1") if said else otherwise

    def path(self, name: str = "path") -> str:
        """Give a path that the query must name. Raise Fault 400."""
        said = self.query.get(name, "")
        if not said:
            raise Fault(400, f"{name} is required")
        return said


Operation = Callable[[Ask], Awaitable[Response]]


def sync(function: Callable[[Ask], Response], body: type[Any] | None = None) -> Operation:
    """Make an operation of something short and synchronous; `body` is the document that comes with it."""

    async def operation(ask: Ask) -> Response:
        if body is not None:
            ask = Ask(ask.request, ask.names, ask.query, await document(ask.request, body))
        return await act(ask.request, function, ask)

    return operation


async def document(request: Request, kind: type[T]) -> T:
    """Read the body as a document. Raise Fault 400."""
    parts, total = [], 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > LARGEST:
            raise Fault(413, f"the body has more than {LARGEST} bytes")
        parts.append(chunk)
    body = b"".join(parts) or b"{}"
    try:
        if b"\\u0000" in body and has_nul(msgspec.json.decode(body)):
            raise Fault(400, "text holds no NUL")
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Fault(400, f"the body is not what it should be: {error}") from None


def answer(value: Any = None, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    """Answer with a document; without one, with nothing."""
    if value is None:
        return Response(status_code=204 if status == 200 else status, headers=headers)
    return Response(encoded(value), status, headers=headers, media_type="application/json")


@dataclass(slots=True)
class Page:
    """Rows of a listing."""

    rows: list[Any] = field(default_factory=list)
    more: bool = False
    last: str = ""
    """The last row, to go on from."""

    def answer(self, make: Callable[[Any], Any] = lambda row: row) -> Response:
        """Answer with it."""
        return answer({"pagination": self.told(), "results": [make(row) for row in self.rows]})

    def told(self) -> dict[str, Any]:
        """Say how far it goes."""
        return {
            "has_more": self.more, "next_offset": self.last if self.more else "", "results": len(self.rows),
            "max_per_page": MOST,
        }  # fmt: skip


def amount_of(ask: Ask) -> int:
    """Read how many rows somebody wants. Raise Fault 400."""
    said = ask.query.get("amount", "") or str(USUAL)
    if not _NUMBER.match(said):
        raise Fault(400, "amount is a number")
    number = int(said)
    return min(number, MOST) if number > 0 else USUAL


def paged(ask: Ask, rows: Iterable[tuple[str, Any]], *, delimiter: str = "") -> Page:
    """Give one page of rows by name, which come in order; what has the delimiter behind the prefix is one row, a text."""
    prefix, after, amount = ask.query.get("prefix", ""), ask.query.get("after", ""), amount_of(ask)
    page = Page()
    common = after if delimiter and after.endswith(delimiter) else ""
    for name, row in _behind(rows, after):
        if not name.startswith(prefix) or (common and name.startswith(common)):
            continue
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        if len(page.rows) == amount:
            page.more = True
            break
        if at >= 0:
            common = name[: at + len(delimiter)]
            page.rows.append(common)
            page.last = common
        else:
            page.rows.append(row)
            page.last = name
    return page


def _behind(rows: Iterable[tuple[str, Any]], after: str) -> Iterator[tuple[str, Any]]:
    return (row for row in rows if row[0] > after) if after else iter(rows)


def applied(change: Change | None) -> None:
    """Raise Fault 403 for a change that waits for its policy, with what is missing."""
    if change is None or change.state is ChangeState.APPLIED:
        return
    results = change.decision.results if change.decision else ()
    lacking = [
        f"{one.text}" + (f" ({one.remedy})" if one.remedy else "") for one in results if one.result is not Result.PASS
    ]
    said = "; ".join(lacking) or "its policy has not let it through yet"
    raise Fault(403, f"protected: change {brief(change.id)} waits: {said}", change=change.id, missing=lacking)
