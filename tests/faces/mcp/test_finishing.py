"""The end of what comes waits for what was asked."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from loopline.faces.mcp.finishing import Coming, Going


def message(**words: Any) -> Any:
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    return SessionMessage(jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **words}, by_name=False))


@pytest.mark.parametrize("cancelled", [False, True])
def test_the_end_waits_for_answers(*, cancelled: bool) -> None:
    """Whoever reads is told of the end once the last request is answered, or given up by who asked it."""

    async def session() -> list[str]:
        asks, coming_in = anyio.create_memory_object_stream[Any](10)
        going_out, answers = anyio.create_memory_object_stream[Any](10)
        coming = Coming(coming_in)
        going = Going(going_out, coming)
        told: list[str] = []
        await asks.send(message(id=1, method="ping"))
        await asks.send(message(id="two", method="ping"))
        if cancelled:
            await asks.send(message(method="notifications/cancelled", params={"requestId": "two"}))
        await asks.aclose()

        async def answer() -> None:
            await anyio.wait_all_tasks_blocked()
            told.append("first")
            await going.send(message(id=1, result={}))
            if not cancelled:
                await anyio.wait_all_tasks_blocked()
                told.append("second")
                await going.send(message(id="two", result={}))

        async with anyio.create_task_group() as group:
            group.start_soon(answer)
            async with coming:
                async for _ in coming:
                    pass
            told.append("end")
        answers.close()
        going_out.close()
        return told

    assert anyio.run(session) == (["first", "end"] if cancelled else ["first", "second", "end"])
