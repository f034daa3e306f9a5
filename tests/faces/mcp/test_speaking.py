"""The SDK's side of the tools."""

from __future__ import annotations

import subprocess
import sys


def test_a_server_that_no_assistant_asks_does_not_load_the_sdk() -> None:
    """Its second of CPU and its megabytes are spent with the first message, and never by who has no assistant."""
    code = (
        "import sys, loopline.server.app, loopline.cli.local.mcp; loopline.server.app.routes();"
        " assert not {'mcp', 'mcp_types', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
