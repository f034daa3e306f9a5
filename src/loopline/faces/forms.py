"""forms: what a page's form has sent, from the browser that the page was made for."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid, Refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.nouns.caller import Caller

LARGEST: Final = 1 << 20
"""Bytes of one field."""
MOST: Final = 1000
"""Fields of a form."""


async def form_of(request: Request) -> dict[str, list[str]]:
    """Give the fields of a form by name, without its `csrf`.

    Raise Refused kind="stale-form" where the form was not made for this session, Invalid kind="bad-form" for what is no form.
    """
    from starlette.datastructures import UploadFile
    from starlette.formparsers import MultiPartException

    try:
        form = await request.form(max_files=0, max_fields=MOST, max_part_size=LARGEST)
    except (MultiPartException, ValueError) as error:
        raise Invalid("this is no form", kind="bad-form", hint="send the form of the page") from error
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) or "\x00" in value:
            raise Invalid("this is no form", kind="bad-form", hint="send the form of the page")
        fields.setdefault(name, []).append(value)
    said = (fields.pop("csrf", None) or [""])[0]
    caller: Caller | None = request.scope.get("loopline.caller")
    if caller is not None and caller.csrf and not knows(said, caller.csrf):
        raise Refused(
            "this form is of another session", kind="stale-form", hint="load the page again, then send it again"
        )
    return fields


def masked(csrf: str, pad: bytes) -> str:
    """Write a session's value as a form holds it: by a random pad of the same length, so that no two pages hold the same text."""
    return pad.hex() + bytes(a ^ b for a, b in zip(pad, csrf.encode(), strict=True)).hex()


def knows(said: str, csrf: str) -> bool:
    """Tell whether somebody has shown a session's value, masked or bare."""
    try:
        both = bytes.fromhex(said)
    except ValueError:
        both = b""
    half = len(both) // 2
    bare = bytes(a ^ b for a, b in zip(both[:half], both[half:], strict=False))
    return compare_digest(said.encode(), csrf.encode()) or compare_digest(bare, csrf.encode())
