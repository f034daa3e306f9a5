"""A push and a pull by way of a registry are killed, and go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.test_oci import Team, stand, team
from tests.store.conftest import Between, Fault

__all__ = ["stand", "team"]


@pytest.mark.long
@pytest.mark.parametrize("way", ["push", "pull"])
def test_who_is_killed_goes_on(stand: Between, team: Team, tmp_path: Path, way: str) -> None:
    """A command that is killed in the middle leaves nothing half, and the same command goes on where it was."""
    here, there = tmp_path / "here folder", tmp_path / "there folder"
    files = {f"f{number:03d}": os.urandom(3000) for number in range(300)} | {"large": os.urandom(70 << 20)}
    for folder in (here / "data", there):
        folder.mkdir(parents=True)
    for name, data in files.items():
        (here / "data" / name).write_bytes(data)
    processes: list[subprocess.Popen[str]] = []

    def call(folder: Path, *words: str) -> int:
        main = "import sys; from loopline.cli.entry import main; sys.exit(main())"
        processes.append(
            subprocess.Popen([sys.executable, "-c", main, *words], cwd=folder, text=True, stdout=subprocess.DEVNULL)
        )
        return processes[-1].wait(60)

    assert [call(here, "init"), call(there, "init"), call(here, "add", "data/flights", "data")] == [0, 0, 0]
    if way == "pull":
        assert call(here, "push", "data/flights", team.address) == 0
    folder, counted = (here, "PATCH") if way == "push" else (there, "GET")
    seen: list[int] = []

    def wrong(method: str, _path: str) -> Fault:
        seen.extend([1] if method == counted else [])
        if len(seen) == 4 and method == counted:
            processes[-1].kill()
            return 500, b""
        return None

    stand.wrong = wrong
    assert call(folder, way, "data/flights", team.address) == -9
    if way == "push":
        assert team.registry().manifest("main") is None
    first = len(seen)
    seen.clear()
    stand.wrong = lambda method, _path: seen.extend([1] if method == counted else [])  # a list has nothing to say
    assert call(folder, way, "data/flights", team.address) == 0
    if way == "push":
        assert first + len(seen) <= 5 + 1, "of five chunks, the one that was on its way goes twice"
        assert call(there, "pull", "data/flights", team.address) == 0
    assert call(there, "checkout", "data/flights", "out") == 0
    assert {file.name: file.read_bytes() for file in (there / "out").iterdir()} == files
