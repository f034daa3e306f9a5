"""asking: one request of the protocol, and what every operation does with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.s3 import conditions, xml
from loopline.faces.s3.addressing import READ, Place, Target, find_place, target_of
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.receiving import small, words_of
from loopline.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from loopline.loop import Loop


@dataclass(frozen=True, slots=True)
class Ask:
    """A request."""

    request: Request
    bucket: str
    key: str
    query: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, names in lower case."""
        return dict(self.request.headers)

    async def place(self, *verbs: Verb) -> tuple[Loop, Place]:
        """Find the bucket for somebody who may do all of this to it."""
        return await act(self.request, partial(find_place, self.request, self.bucket, *verbs))

    async def target(self, *verbs: Verb) -> tuple[Loop, Place, Target]:
        """Find what the key means. Whoever writes on a condition must be allowed to read: the answer tells what is there."""
        if conditions.known(self.headers):
            verbs = (*verbs, READ)
        return await act(self.request, self._target, verbs)

    def _target(self, verbs: Sequence[Verb]) -> tuple[Loop, Place, Target]:
        loop, place = find_place(self.request, self.bucket, *verbs)
        return loop, place, target_of(loop, place, self.key)

    async def document(self, root: str, *, needed: bool = True) -> xml.Element | None:
        """Read the body as a document. Raise Fault MalformedXML, and what a wrong sum of it raises."""
        words = words_of(self.request, limit=xml.LARGEST)
        data = await small(self.request, words, limit=xml.LARGEST)
        if not data and not needed:
            return None
        try:
            return await act(self.request, xml.read, data, root)
        except ValueError as error:
            raise Fault("MalformedXML", f"The XML you provided was not well-formed: {error}") from None


def answer(name: str, rows: xml.Rows, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a document."""
    return Response(xml.document(name, rows), status, headers=headers, media_type="application/xml")
