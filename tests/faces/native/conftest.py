"""The native face as an app, asked in this process by whomever a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from loopline.faces.desk import Desk
from loopline.faces.native.routes import routes
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.store.local import LocalBlobs
from loopline.testing.loop import loop as new_loop
from loopline.wiring import open_database
from tests.documented import hold

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

ANN = Caller(Actor("person", "ann"), open=True)


class As:
    """Says who asks, as `server/auth.py` does."""

    def __init__(self, app: ASGIApp, face: Face) -> None:
        self._app, self._face = app, face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["loopline.caller"] = self._face.caller
        await self._app(scope, receive, send)


class Face:
    """The app, and a client that waits for each answer."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.loop = desk.loop
        self.caller: Caller | None = ANN
        self.app = Starlette(routes=routes(), middleware=[Middleware(As, face=self)])
        self.app.state.desk = desk

    def ask(self, method: str, path: str, **asked: Any) -> httpx.Response:
        """Send one request."""
        return asyncio.run(self._ask(method, path, **asked))

    def get(self, path: str, **asked: Any) -> httpx.Response:
        """Ask for something."""
        return self.ask("GET", path, **asked)

    def post(self, path: str, body: Any = None, **asked: Any) -> httpx.Response:
        """Send a JSON body."""
        return self.ask("POST", path, json=body if body is not None else {}, **asked)

    def result(self, verb: str, body: Any = None, **asked: Any) -> Any:
        """Ask a write and give its result."""
        answer = self.post(f"/{verb}", body, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def events(self) -> list[str]:
        """Give the kinds of what has happened."""
        with self.loop.ledger.read() as tx:
            return [one.kind for one in tx.feed.iter(self.loop.project)]

    def raw(self, method: str, path: str, *parts: bytes, cut: bool = False, **headers: str) -> tuple[int, bytes]:
        """Call the app as a server does, with a path that no client has tidied up; `cut` loses the connection at the end."""
        fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(), "query_string": b"",
            "headers": fields, "http_version": "1.1", "scheme": "http", "server": ("test", 80), "client": ("127.0.0.1", 1),
            "root_path": "",
        }  # fmt: skip
        waiting: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        waiting.append(
            {"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False}
        )
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        body = b"".join(one.get("body", b"") for one in sent)
        return (sent[0]["status"] if sent else 0), body

    async def _ask(self, method: str, path: str, **asked: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", timeout=60) as client:
            answer = await client.request(method, path, **asked)
        hold(method, answer.request.url.raw_path.decode(), answer.status_code)
        return answer


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    """Give the face over an empty ledger on disk, so that threads have connections of their own."""
    from loopline.ledger.schema import prepare

    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    prepare(database)
    loop = new_loop(database=database, blobs=LocalBlobs(tmp_path / "blobs"), work=tmp_path / "work")
    desk = Desk(replace(loop, project="flights"), upload_limit=64 << 20)
    yield Face(desk)
    desk.threads.shutdown()
    loop.ledger.close()
