"""A command line in an empty folder, and what it printed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loopline.cli.main import main


class Said(NamedTuple):
    """What one command gave."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """The result, where `--json` was asked for."""
        return json.loads(self.out)["result"]

    @property
    def fault(self) -> Any:
        """The error, where `--json` was asked for."""
        return json.loads(self.err.strip().splitlines()[-1])["error"]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run `loopline` in a folder with an empty project called flights."""
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("USER", "ann")

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(words)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def models(run: Callable[..., Said]) -> Callable[..., Said]:
    """The same, with two versions of model/delay."""
    from loopline.settings import load_settings
    from loopline.wiring import open_blobs

    blobs = open_blobs(load_settings())
    for text in (b"one", b"two"):
        assert run("put", "model/delay", "--digest", blobs.put(text), "--message", text.decode()).code == 0
    return run


@pytest.fixture(autouse=True)
def whole_streams() -> None:
    """Commands look at the streams of the moment, as pytest sets them for each test."""
    assert sys.stdout is not sys.__stdout__
