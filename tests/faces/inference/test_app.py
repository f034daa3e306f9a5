from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from loopline.faces.inference.app import Inference

from .counted import Counted


def ask(front: Counted, method: str, path: str) -> tuple[int, Any]:
    """Send a request without a body."""
    said: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", b"localhost")]}
    asyncio.run(Inference(front)(scope, receive, send))
    return said[0]["status"], msgspec.json.decode(said[1]["body"])


@pytest.mark.parametrize(
    ("broken", "path", "status", "kind"),
    [(False, "/predict", 503, "not-ready"), (False, "/else", 404, "no-route"), (True, "/predict", 500, "defect")],
)
def test_what_is_refused_or_breaks_is_counted(*, broken: bool, path: str, status: int, kind: str) -> None:
    """A defect counts as a request with status 500, as what is refused counts with its own."""
    front = Counted(broken=broken)
    answered, body = ask(front, "POST", path)
    assert (answered, body["kind"]) == (status, kind)
    assert front.counted == [(kind, status)]
