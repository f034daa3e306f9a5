"""speaking: the tools as a server of the Model Context Protocol, made with its SDK, which is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from loopline.faces.mcp.offer import ABOUT, BY_NAME, TOOLS, schemed
from loopline.faces.mcp.translate import Outcome, unknown

if TYPE_CHECKING:
    import mcp_types as types
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server

    from loopline.faces.native.schema import Schema

Answering = Callable[[Any, str, Mapping[str, Any]], Awaitable[Outcome]]
"""Carries out a call: what the transport knows of the request (over HTTP, the request), the tool's name, its arguments."""


def installed() -> bool:
    """Tell whether the SDK is there. It is not imported: that takes a second."""
    return find_spec("mcp") is not None


def make_server(answering: Answering) -> Server[Any]:
    """Make a server that carries calls out by `answering`."""
    import mcp_types as types
    from mcp.server.lowlevel import Server
    from mcp.shared.exceptions import MCPError

    async def listed(_: ServerRequestContext[Any], __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=list(described()))

    async def called(context: ServerRequestContext[Any], asked: types.CallToolRequestParams) -> types.CallToolResult:
        if asked.name not in BY_NAME:
            error = unknown(asked.name)
            raise MCPError(types.INVALID_PARAMS, f"{error.message}; {error.hint}")
        outcome = await answering(context.request, asked.name, asked.arguments or {})
        text = types.TextContent(type="text", text=outcome.text)
        return types.CallToolResult(content=[text], structured_content=outcome.content, is_error=outcome.failed)

    return Server(
        "loopline",
        version=version("loopline"),
        title="Loopline",
        instructions=ABOUT,
        on_list_tools=listed,
        on_call_tool=called,
        get_tool_input_schema=taken_by,  # else the whole list is made again for each call
    )


def taken_by(name: str) -> Schema | None:
    """Give the input schema of a tool; None where there is no such tool."""
    return schemed(name).takes if name in BY_NAME else None


@cache
def described() -> tuple[types.Tool, ...]:
    """Describe every tool as the protocol does."""
    import mcp_types as types

    found = []
    for tool in TOOLS:
        schemas = schemed(tool.name)
        hints = types.ToolAnnotations(
            title=tool.title, read_only_hint=tool.reads, destructive_hint=tool.moves,
            idempotent_hint=tool.reads, open_world_hint=tool.opens,
        )  # fmt: skip
        found.append(
            types.Tool(
                name=tool.name, title=tool.title, description=tool.text, input_schema=schemas.takes, output_schema=schemas.gives,
                annotations=hints,
            )
        )  # fmt: skip
    return tuple(found)
