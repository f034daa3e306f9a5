"""The unmodified client of the 1.x line of the Model Context Protocol's SDK, which most programs still have, against ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients
COMMAND = "import sys; from loopline.cli.entry import main; sys.exit(main())"


@pytest.mark.parametrize("how", ["http", "stdio"])
def test_an_older_client_lists_and_calls(client: Client, server: str, tmp_path: Path, how: str) -> None:
    """It agrees on a revision that both know, and accepts answers, errors and the schemas that it holds them against."""
    words = (f"{server}/mcp",) if how == "http" else (sys.executable, str(tmp_path), "-c", COMMAND, "mcp")
    said = json.loads(client("mcp", "mcp_client.py", how, *words))
    assert said["version"] == "2025-11-25"
    assert len(said["tools"]) == 15
    failed, found, text = said["loopline_show_overview"]
    assert (failed, found["result"]["project"], text[:16]) == (False, "flights", "Project flights:")
    assert said["loopline_explain_reason"][0] is True
    assert said["loopline_explain_reason"][1]["error"]["kind"] == "no-asset"
    assert said["loopline_find_records"][1]["result"]["things"] == []
