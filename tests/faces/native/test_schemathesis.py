"""The API is asked what its own document allows, and what it forbids, on a live server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from loopline.faces.native.openapi import document
from loopline.nouns.actor import parse_actor
from loopline.server.app import make_app
from loopline.server.auth import is_public
from loopline.verbs.issue import issue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .conftest import Face

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method",
)  # fmt: skip


WHO = (
    pytest.param("anybody", marks=pytest.mark.faults), pytest.param("nobody", marks=pytest.mark.faults), "a contributor",
)  # fmt: skip
"""As whom it is asked. A contributor meets every kind of answer; the others are asked where it may take longer."""


class Counted:
    """Counts what is answered, by status, but for what is public."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.statuses: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.statuses[message["status"]] += not is_public(scope["path"])
            await send(message)

        await self._app(scope, receive, sending)


@pytest.fixture
def counted(face: Face) -> Counted:
    """Give the whole server: with its gate and its way of finding out who asks."""
    return Counted(make_app(face.desk))


@pytest.fixture
def address(counted: Counted) -> Iterator[str]:
    """Give the address of a live server."""
    config = uvicorn.Config(counted, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", WHO)
def test_nothing_that_is_asked_breaks_the_server(
    face: Face, address: str, counted: Counted, tmp_path: Path, who: str
) -> None:
    """Thousands of requests, valid and not, by each: no 5xx, every answer is documented, what the document forbids is refused."""
    face.result("start", {"name": "train"})
    headers, checks = [], list(CHECKS)
    if who != "anybody":
        issue(face.loop, "admin", actor=parse_actor("ann"), role="admin", everywhere=True)
    if who == "nobody":
        checks.remove("unsupported_method")  # a stranger is not told which methods there are
    if who == "a contributor":
        secret = issue(face.loop, "some", actor=parse_actor("bob"), role="contributor").secret
        headers = ["--header", f"Authorization: Bearer {secret}"]
    written = tmp_path / "openapi.json"
    written.write_text(json.dumps(document()))
    command = [
        str(Path(sys.executable).with_name("st")), "run", str(written), "--url", address, "--exclude-path-regex", "events$",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--checks", ",".join(checks), "--continue-on-failure",
        "--workers", "1", "--no-color", "--seed", "1", *headers,
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "asked_at_random", "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    found = counted.statuses
    match who:
        case "anybody":
            assert found[200] > 100
            assert not found[401]
        case "nobody":
            assert found[401] > 100
            assert not found[200]
        case _:
            assert found[403] > 10
            assert found[200] > 100
