"""The API is asked what its own document allows, and what it forbids, on a live server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from loopline.server.app import make_app

from .conftest import ANN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from .conftest import Face

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method",
)  # fmt: skip


class Open:
    """Lets everybody in, as loopback without tokens does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["loopline.caller"] = ANN
        await self._app(scope, receive, send)


@pytest.fixture
def address(face: Face) -> Iterator[str]:
    """Give the address of a live server."""
    config = uvicorn.Config(Open(make_app(face.desk)), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.mark.slow
def test_nothing_that_is_asked_breaks_the_server(face: Face, address: str, tmp_path: Path) -> None:
    """Thousands of requests, valid and not: no 5xx, every answer is documented, what the document forbids is refused."""
    face.result("start", {"name": "train"})
    command = [
        str(Path(sys.executable).with_name("st")), "run", f"{address}/api/v1/openapi.json", "--exclude-path-regex", "events$",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--checks", ",".join(CHECKS), "--continue-on-failure",
        "--workers", "1", "--no-color", "--seed", "1",
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "asked_at_random", "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert face.get("/find").status_code == 200
