"""A server in this process, asked by the protocol's own client in the name of an assistant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from loopline.checks.document import Document, dump_document
from loopline.nouns.actor import parse_actor
from loopline.nouns.policy import Approvals, Policy
from tests.server.serving import HOME, Served

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client
    from mcp_types import CallToolResult

    from loopline.nouns.digest import Digest
    from loopline.nouns.token import Role

T = TypeVar("T")
CHAMPION = "model/delay@champion"


class World(Served):
    """A project `flights` with model/delay@1 and @2, the champion at 1, and an assistant who asks."""

    def __init__(self, folder: Path, *, empty: bool = False) -> None:
        super().__init__(folder)
        self.bearer = ""
        if empty:
            return
        self.do("put", "model/delay", digest=self.stored(b"one"), message="June")
        self.do("put", "model/delay", digest=self.stored(b"two"), message="July")
        self.do("propose", CHAMPION, to="1", why="the first one")

    def stored(self, content: bytes) -> Digest:
        """Store bytes."""
        return self.loop.blobs.put(content)

    def do(self, verb: str, *args: Any, by: str = "ann", **asked: Any) -> Any:
        """Ask a verb as somebody, embedded."""
        from loopline.sdk.client import Local

        return Local(replace(self.loop, actor=parse_actor(by))).do(verb, *args, **asked)

    def rules(self, approvals: Approvals = Approvals()) -> None:  # noqa: B008 (it is frozen)
        """Let champions need an approval from now on."""
        document = dump_document(Document((Policy("champion", ("model/*@champion",), approvals=approvals),))).decode()
        self.do("policy", document=document, why="test")

    def closed(self, who: str = "assistant:helper", role: Role | None = "contributor", **asked: Any) -> str:
        """Close the server to whoever has no token, and give one to somebody, who asks from now on."""
        self.token("root", "admin", everywhere=True)
        self.bearer = self.token(who, role, **asked).secret
        return self.bearer

    def talk(self, talking: Callable[[Client], Awaitable[T]], *, mode: str = "auto", **headers: str) -> T:
        """Connect as a client does, and talk. The SDK is loaded here: every worker of the suite collects this file."""
        import httpx2
        from mcp import Client, MCPError
        from mcp.client.streamable_http import streamable_http_client

        async def session() -> T:
            fields = {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}
            transport = httpx2.ASGITransport(self.app, client=("127.0.0.1", 50_000))
            async with (
                httpx2.AsyncClient(transport=transport, headers=fields | headers, timeout=60) as http,
                Client(streamable_http_client(f"{HOME}/mcp", http_client=http), mode=mode) as client,
            ):
                return await talking(client)

        try:
            return asyncio.run(session())
        except* MCPError as group:
            raise leaf(group) from None

    def call(self, name: str, **arguments: Any) -> CallToolResult:
        """Call a tool once. The client holds the answer against the tool's output schema."""
        return self.talk(lambda client: client.call_tool(f"loopline_{name}", arguments))

    def result(self, name: str, **arguments: Any) -> Any:
        """Call a tool and give its result."""
        answer = self.call(name, **arguments)
        assert not answer.is_error, answer.content
        assert answer.structured_content is not None
        return answer.structured_content["result"]

    def error(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and give what went wrong."""
        answer = self.call(name, **arguments)
        assert answer.is_error
        assert answer.structured_content is not None
        found: dict[str, Any] = answer.structured_content["error"]
        return found

    def stands(self, ref: str = CHAMPION) -> int:
        """Tell where a ref stands."""
        target: int = self.do("show", ref).target
        return target


def leaf(error: BaseException) -> BaseException:
    """Give what is in a group of one, however deep."""
    return leaf(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Serve the project."""
    made = World(tmp_path)
    yield made
    made.close()
