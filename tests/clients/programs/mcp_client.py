"""What an assistant's program does with the SDK of the 1.x line: over HTTP or stdio, list the tools and call some."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main(how: str, *words: str) -> None:
    """Talk to a server at an address, or to the one that a command starts."""
    async with AsyncExitStack() as stack:
        if how == "http":
            streams = await stack.enter_async_context(streamablehttp_client(words[0]))
        else:
            server = StdioServerParameters(command=words[0], args=list(words[2:]), cwd=words[1])
            streams = await stack.enter_async_context(stdio_client(server))
        session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
        begun = await session.initialize()
        tools = (await session.list_tools()).tools
        said: dict[str, Any] = {"version": begun.protocolVersion, "tools": [one.name for one in tools]}
        for name, arguments in (
            ("loopline_show_overview", {}),
            ("loopline_explain_reason", {"what": "model/delay@prod"}),
            ("loopline_find_records", {"what": "changes"}),
        ):
            answer = await session.call_tool(name, arguments)  # held against the tool's output schema by the client
            said[name] = [answer.isError, answer.structuredContent, answer.content[0].text]
        print(json.dumps(said))


asyncio.run(main(*sys.argv[1:]))
