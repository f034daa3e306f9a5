"""receiving: bodies of objects on their way into the store: as they are, or as the one file of a form (RFC 7578)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from loopline.faces.lakefs.errors import Fault
from loopline.faces.s3.receiving import Taken, Words, take

if TYPE_CHECKING:
    from loopline.loop import Loop

HEAD: Final = 16 << 10
"""Bytes of the headers of a part."""
_BOUNDARY: Final = re.compile(r'boundary=(?:"([^"]{1,70})"|([^;,\s"]{1,70}))', re.IGNORECASE)
_NAME: Final = re.compile(
    rb'^content-disposition:\s*form-data;.*?\bname="?content(?:_\d+)?"?\s*(?:;|$)', re.IGNORECASE | re.MULTILINE
)
_TYPE: Final = re.compile(rb"^content-type:\s*([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)


async def received(request: Request, loop: Loop) -> tuple[Taken, str]:
    """Make the body a blob; give it and its type. Raise Fault, with nothing kept, where it is not what was said of it."""
    said = request.headers.get("content-type", "")
    if not said.lower().startswith("multipart/form-data"):
        length = request.headers.get("content-length")
        if length is not None and not re.fullmatch(r"[0-9]{1,18}", length):
            raise Fault(400, "the length is no number")
        return await take(request, loop, Words(int(length) if length is not None else None)), said
    form = Form(request)
    taken = await take(form, loop, Words(None))
    return taken, form.type


class Form(Request):
    """A request whose body is a form, read as if it were the file alone that the form holds under `content`."""

    type = ""

    def __init__(self, request: Request) -> None:
        super().__init__(request.scope, request.receive)
        found = _BOUNDARY.search(request.headers["content-type"])
        if found is None:
            raise Fault(400, "a form needs its boundary")
        self._mark = b"\r\n--" + (found[1] or found[2]).encode("latin-1")

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Give the file's bytes. What comes behind it is read and let go. Raise Fault 400 where there is none, or no end."""
        chunks = super().stream()
        held = b"\r\n"  # the first mark has no line before it
        inside = ended = False
        async for chunk in chunks:
            if ended:
                continue
            held += chunk
            while not ended:
                if not inside:
                    inside, held, waits = self._begun(held)
                    if waits:
                        break
                    continue
                at = held.find(self._mark)
                if at >= 0:
                    yield held[:at]
                    ended = True
                elif len(held) > len(self._mark):
                    keep = len(self._mark) - 1
                    yield held[:-keep]
                    held = held[-keep:]
                    break
                else:
                    break
        if not ended:
            raise Fault(400, "the form has no file under the name content, or ends in the middle of it")
        yield b""

    def _begun(self, held: bytes) -> tuple[bool, bytes, bool]:
        """Look for the headers of a part: whether it is the file, what is left, and whether more must come first."""
        at = held.find(self._mark)
        end = held.find(b"\r\n\r\n", at + len(self._mark)) if at >= 0 else -1
        if end < 0:
            if len(held) > HEAD:
                raise Fault(400, "the form's file comes first, under the name content")
            return False, held, True
        head = held[at + len(self._mark) : end]
        if not _NAME.search(head.replace(b"\r", b"")):
            return False, held[end + 2 :], False
        found = _TYPE.search(head)
        self.type = found[1].decode("latin-1").strip() if found else ""
        return True, held[end + 4 :], False
