"""mcp: the tools of an assistant, on stdin and stdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loopline.cli.place import Place
from loopline.errors import Invalid, Refused, Unavailable

if TYPE_CHECKING:
    from loopline.cli.assistant import Here


def mcp(where: Place) -> None:
    """Let an assistant work with this loop: speak the Model Context Protocol on stdin and stdout, until stdin ends.

    It acts as the assistant of whoever starts it: what it does is recorded as `assistant:ann`, goes through the same permissions
    and policies, and its approval never counts as a person's. At a server that asks for tokens (LOOPLINE_URL), the token must be
    an assistant's. Over HTTP the same tools are at /mcp of `loopline up`. It needs the extra `mcp`.

    Example:
        loopline mcp
        loopline mcp --as assistant:reviewer --project flights
    """
    from dataclasses import replace

    from loopline.cli.assistant import Here
    from loopline.faces.mcp.speaking import installed
    from loopline.nouns.actor import assistant_of, parse_actor

    if where.options.dry:
        raise Invalid(
            "an assistant cannot be rehearsed",
            kind="no-dry-run",
            hint="leave out --dry-run; its tools rehearse what they can",
        )
    if not installed():
        raise Unavailable(
            "assistants need the extra 'mcp'", kind="extra-missing", hint="pip install 'loopline[mcp]'", extra="mcp"
        )
    settings = where.settings
    here = Here(replace(settings, actor=str(assistant_of(parse_actor(settings.actor)))))
    try:
        if settings.url:
            _known(here)
        _serve(here)
    finally:
        here.close()


def _known(here: Here) -> None:
    """Make sure that a server takes us for an assistant. Raise Refused kind="not-an-assistant"."""
    actor = here.client.do("whoami").actor
    if not actor.startswith("assistant:"):
        raise Refused(
            f"the token is that of {actor}, and what assistants do is recorded as theirs", kind="not-an-assistant",
            hint="give it a token of its own: loopline issue NAME --actor assistant:NAME", actor=actor,
        )  # fmt: skip


def _serve(here: Here) -> None:
    import signal

    import anyio
    from mcp.server.stdio import stdio_server

    from loopline.faces.mcp.finishing import Coming, Going
    from loopline.faces.mcp.speaking import make_server
    from loopline.faces.mcp.translate import Outcome, answered

    async def answering(_: object, name: str, arguments: Mapping[str, Any]) -> Outcome:
        return await anyio.to_thread.run_sync(answered, here, name, arguments, abandon_on_cancel=True)

    async def serve() -> None:
        server = make_server(answering)
        async with stdio_server() as (inward, outward):
            coming = Coming(inward)
            await server.run(coming, Going(outward, coming), server.create_initialization_options())

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as SIGTERM: a thread that waits for stdin is ended by nothing less
    try:
        anyio.run(serve)
    except* BrokenPipeError:
        pass  # the client is gone, which is how a session ends; what it asked for is in the ledger
