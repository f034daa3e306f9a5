"""The loop's own part of `loopline doctor`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.cli.local import doctor
from tests.cli.conftest import Said

if TYPE_CHECKING:
    import pytest

Run = Callable[..., Said]


def findings(run: Run) -> dict[str, tuple[str, str]]:
    """Give what doctor found: state and text, by name."""
    return {one["name"]: (one["state"], one["text"]) for one in run("doctor", "--json").result}


def test_a_whole_ledger_is_found_whole(models: Run) -> None:
    """The ledger's file is looked at, and nothing is wrong."""
    assert findings(models)["database"][0] == "ok"


def test_without_a_ledger_there_is_no_file_to_look_at(run: Run, tmp_path: Path) -> None:
    """A look makes no ledger."""
    assert "database" not in findings(run)
    assert not (tmp_path / ".loopline").exists()


def test_a_damaged_file_is_found(models: Run, tmp_path: Path) -> None:
    """Bytes that were overwritten in the middle of the ledger are a failure with a way out, and the exit code is 1."""
    file = tmp_path / ".loopline" / "ledger.db"
    size = file.stat().st_size
    with file.open("r+b") as ledger:
        ledger.seek(size // 3)
        ledger.write(b"\xa5" * (size // 3))
    said = models("doctor", "--json")
    (found,) = [one for one in said.result if one["name"] == "database"]
    assert (said.code, found["state"], "restore" in found["fix"]) == (1, "fail", True)


def test_a_look_ends_in_time(models: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no time for all of it, that is said, and is no fault."""
    monkeypatch.setattr(doctor, "LOOK_S", -1.0)
    state, text = findings(models)["database"]
    assert (state, "not all" in text) == ("ok", True)


def test_the_port_of_the_server_is_tried(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `loopline up` would listen, and somebody does, is a warning."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("LOOPLINE_PORT", str(taken.getsockname()[1]))
        assert findings(run)["port"][0] == "warn"
    assert findings(run)["port"][0] == "ok"
