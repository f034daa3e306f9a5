"""What the API's document says of an answer: whatever asks the API in a test holds the statuses that it gets against it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from loopline.faces.native.openapi import document

PREFIX = "/api/v1/"


def hold(method: str, path: str, status: int) -> None:
    """Fail where an operation of the document gave a status that it does not have. What is no operation answers as none does."""
    place = path.partition("?")[0]
    if not place.startswith(PREFIX):
        return
    operation = operation_of(method, place)
    if operation is None or (method == "HEAD" and status == 405):  # streams have none
        assert status in (400, 401, 403, 404, 405, 503, 500), f"{method} {place} answered {status} and is no operation"
    else:
        assert str(status) in operation["responses"], (
            f"{method} {place} answered {status}, which its operation does not have"
        )


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """Find the operation of an address; a HEAD without one of its own is a GET."""
    for pattern, item in _patterns():
        if pattern.fullmatch(path):
            name = method.lower()
            found: dict[str, Any] | None = item.get(name) or (item.get("get") if name == "head" else None)
            return found
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    paths = sorted(document()["paths"].items(), key=lambda one: "{" in one[0])  # what has no gap is meant first
    return tuple((re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", path)), item) for path, item in paths)
