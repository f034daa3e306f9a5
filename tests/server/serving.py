"""A whole server in this process, asked by several browsers and programs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from loopline.access.scopes import parse_scope
from loopline.faces.desk import Desk
from loopline.loop import Loop
from loopline.nouns.actor import parse_actor
from loopline.nouns.token import Issued, Role
from loopline.server.app import make_app
from loopline.settings.server import ServerSettings
from loopline.store.local import LocalBlobs
from loopline.testing.loop import loop as new_loop
from loopline.verbs.issue import issue
from loopline.wiring import open_database
from tests.documented import hold

HOME = "http://127.0.0.1:4040"


class Served:
    """An app over a fresh ledger."""

    def __init__(self, folder: Path, settings: ServerSettings | None = None, **ports: Any) -> None:
        from loopline.ledger.schema import prepare

        database = open_database(f"sqlite:///{folder / 'ledger.db'}")
        prepare(database)
        ports = {"blobs": LocalBlobs(folder), "work": folder / "cache", **ports}
        self.loop: Loop = new_loop(database=database, **ports)
        self.desk = Desk(self.loop)
        self.app = make_app(self.desk, settings=settings or ServerSettings())

    def token(
        self, who: str, role: Role | None = None, *, scopes: tuple[str, ...] = (), everywhere: bool = False
    ) -> Issued:
        """Make a token for somebody, with a role."""
        return issue(
            self.loop,
            "test",
            actor=parse_actor(who),
            scopes=tuple(map(parse_scope, scopes)),
            role=role,
            everywhere=everywhere,
        )

    def ask(
        self, method: str, path: str, *, token: str = "", client: str = "127.0.0.1", **asked: Any
    ) -> httpx.Response:
        """Send one request, with no cookie of an earlier one."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **asked.pop("headers", {})}
        return asyncio.run(self._ask(method, path, client, headers, asked))

    async def _ask(
        self, method: str, path: str, client: str, headers: dict[str, str], asked: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(client, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=HOME, timeout=60) as http:
            answer = await http.request(method, path, headers=headers, **asked)
        hold(method, path, answer.status_code)
        return answer

    def close(self) -> None:
        """Let go of threads and files."""
        self.desk.threads.shutdown()
        self.loop.ledger.close()
