"""Ctrl-C ends a command at any moment of its life, and never with a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest

from loopline.cli import entry

PROBE = """
import os, signal, sys

class Tap:
    '''Counts what is imported: tells when main is about to be, interrupts at the import with the given number.'''
    left = int(sys.argv.pop(1))
    def find_spec(self, name, path=None, target=None):
        if name == 'loopline.cli.main':
            os.write(2, b'begun\\n')
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)

from loopline.cli.entry import main
sys.meta_path.insert(0, Tap())
sys.exit(main())
"""
"""The installed command, from the first line that is ours. What Python itself does before, some 10 ms, nobody can mend."""

FILE = """
    [project]
    name = "tiny"
    modules = ["tiny"]

    [data."data/tiny"]
    folder = "data"

    [checks."tests/total"]
    refs = ["model/*@champion"]
    pipeline = "judge"

    [[policies]]
    name = "champion"
    refs = ["model/*@champion"]
    checks = ["tests/total"]
    approvals = { count = 1 }
"""
TINY = """
    from loopline import Data, Model, pipeline, step

    @step
    def total(data: Data) -> int:
        return sum(int(word) for path in data.files() for word in path.read_text().split())

    @pipeline
    def train(data: Data = Data("data/tiny")):
        return {"model/total": total(data)}

    @step
    def right(candidate: Model) -> bool:
        return True

    @pipeline
    def judge(candidate: Model):
        return right(candidate)
"""


class Desk:
    """A small project, and commands in it that are interrupted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "loopline.toml").write_text(dedent(FILE))
        (folder / "tiny.py").write_text(dedent(TINY))
        (folder / "data").mkdir()
        (folder / "data" / "a.txt").write_text("1 2 3\n")
        (folder / "notes.txt").write_text("after the July data\n")

    def start(self, *words: str, at: int = 0, shielded: bool = False) -> subprocess.Popen[str]:
        """Start a command; it interrupts itself at the import with the number `at`."""
        variables = dict(os.environ) | {"USER": "ann", "XDG_CONFIG_HOME": str(self.folder / "xdg")}
        shield = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"] if shielded else []
        return subprocess.Popen(
            [*shield, sys.executable, "-c", PROBE, str(at), *words], cwd=self.folder, env=variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def type(self, *words: str) -> str:
        """Run a command to its good end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode in (0, 8), err  # 8: a change that waits
        return out

    def interrupt(self, *words: str, after: float) -> tuple[int, str]:
        """Interrupt a command some seconds after our first line; give its exit code and what it said."""
        process = self.start(*words)
        assert process.stderr
        assert process.stderr.readline() == "begun\n"
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        return process.returncode, err


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A project with data, a model, and an open change."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.type("add", "data/tiny", "data")
    desk.type("run", "train")
    desk.type("policy", "--push", "--why", "rules")
    desk.type("propose", "model/total@champion", "--to", "1", "--why", "first")
    return desk


COMMANDS = {
    "add": ["data/tiny", "data"],
    "checkout": ["data/tiny@1", "data", "--force"],
    "put": ["report/notes", "notes.txt"],
    "propose": ["model/total@champion", "--to", "1", "--why", "again"],
    "check": ["model/total@champion"],
    "run": ["train", "--refresh"],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "run",
        "propose",
        *(pytest.param(name, marks=pytest.mark.long) for name in COMMANDS if name not in ("run", "propose")),
    ],
)
def test_an_interrupt_at_any_moment_is_130_and_no_traceback(desk: Desk, name: str) -> None:
    """From our first line to the last, Ctrl-C is exit code 130; a command that was quicker has its own, or dies of the signal."""
    words = COMMANDS[name]
    began = time.monotonic()
    desk.type(name, *words)
    whole = time.monotonic() - began
    for after in (0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.3 * whole, 0.5 * whole, 0.8 * whole):
        code, err = desk.interrupt(name, *words, after=after)
        assert "Traceback" not in err, after
        assert "KeyboardInterrupt" not in err, after
        assert code in ((130,) if after <= 0.01 else (130, 0, 8, -signal.SIGINT)), (after, code, err)
    assert "chain valid" in desk.type("verify")


@pytest.mark.slow
@pytest.mark.parametrize("words", [["ls"], ["propose", "model/total@champion", "--to", "1", "--why", "again"]])
def test_an_interrupt_at_any_import_is_130_and_no_traceback(desk: Desk, words: list[str]) -> None:
    """Whatever is just being imported, the process ends with 130 and at most one word."""
    codes = set()
    for number in (*range(1, 12), *range(12, 160, 13)):
        process = desk.start(*words, at=number)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err, number
        codes.add(process.returncode)
    assert codes <= {130, 0}
    assert 130 in codes


def test_an_interrupt_that_was_ignored_stays_so(desk: Desk) -> None:
    """Under nohup, or behind `&` in a script, Ctrl-C is meant for somebody else."""
    process = desk.start("ls", at=2, shielded=True)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err


def test_an_interrupt_that_falls_into_a_callback_comes_again() -> None:
    """Python can raise nothing in a callback of a weak reference: what it drops there, we do a moment later, without a word."""
    source = dedent("""
        import os, signal, sys, time, weakref
        from loopline.cli import entry, main

        class Thing: ...

        def work(*_):
            thing = Thing()
            callback = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del thing
            time.sleep(20)

        main._run = work
        sys.argv[1:] = ["ls"]
        sys.exit(entry.main())
    """)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False, text=True, timeout=15)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_not_ours_is_left_alone() -> None:
    """A program that calls main keeps its own way with interrupts."""
    mine = signal.getsignal(signal.SIGINT)
    assert entry.careful() is False
    assert signal.getsignal(signal.SIGINT) is mine


def test_the_installed_command_begins_here() -> None:
    """The console script is `entry`, and before Ctrl-C is taken care of nothing but our two packages is imported."""
    (script,) = entry_points(group="console_scripts", name="loopline")
    assert script.value == "loopline.cli.entry:main"
    code = "import sys; before = {*sys.modules}; import loopline.cli.entry; print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert {*done.stdout.split()} <= {"__future__", "loopline", "loopline.cli", "loopline.cli.entry"}


@pytest.mark.parametrize("words", [["--version"], ["--complete", "0", ""]])
def test_a_short_command_looks_for_no_garbage(words: list[str]) -> None:
    """Neither while it runs nor at its end, whatever the command."""
    source = (
        "import gc, sys\nfrom loopline.cli.entry import main\nmain()\n"
        "assert not gc.isenabled()\nassert gc.get_freeze_count()"
    )
    done = subprocess.run([sys.executable, "-c", source, *words], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
