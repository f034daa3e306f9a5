"""A small project in a folder, and a terminal in it: what scenarios of bad days are played on."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

from tests.warm import Command

LOOPLINE = "import sys; from loopline.cli.entry import main; sys.exit(main())"
FILE = """\
[project]
name = "tiny"
modules = ["tiny"]

[data."data/tiny"]
folder = "data"
"""
TINY = """
    import os, signal, sys, time
    from loopline import Data, pipeline, step

    @step
    def read(data: Data) -> list[int]:
        return [int(word) for path in data.files() for word in path.read_text().split()]

    @step
    def total(numbers: list[int]) -> int:
        BODY
        return sum(numbers)

    @pipeline
    def train(data: Data = Data("data/tiny")):
        return {"model/total": total(read(data))}
"""


class Said(NamedTuple):
    """What one command gave."""

    code: int
    out: str
    err: str

    @property
    def step(self) -> str:
        """The one next step."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("→")]
        return line.removeprefix("→ ")


class Desk:
    """A folder with a small project, and a terminal in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.variables = dict(os.environ) | {
            "USER": "ann",
            "XDG_CONFIG_HOME": str(folder / "xdg"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        (folder / "loopline.toml").write_text(FILE)
        (folder / "data").mkdir()
        (folder / "data" / "a.txt").write_text("1 2 3\n")
        self.body("pass")

    def body(self, text: str) -> None:
        """Write the project, with a second step that does this."""
        (self.folder / "tiny.py").write_text(dedent(TINY).replace("BODY", text))

    def start(self, *words: str) -> Command:
        """Start a command in a process group of its own, as a shell does."""
        return Command(
            *words,
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def type(self, *words: str) -> Said:
        """Run a command to its end. Never a traceback, whatever happens."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err  # a step's own goes to stdout
        assert "defect" not in err, err
        return Said(process.returncode, out, err)

    def read(self, *words: str) -> Any:
        """Run a command that must work, and read its result."""
        said = self.type(*words, "--json")
        assert said.code == 0, said.err
        return json.loads(said.out)["result"]

    def runs(self, kind: str, query: str = "") -> list[str]:
        """Give the states of runs, newest first."""
        found = self.read("find", "runs", f"kind = {kind}" + (f" and {query}" if query else ""))
        return [one["state"] for one in found]
