"""Processes that are kept running beside another."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from loopline.server import children
from loopline.server.child import LIFELINE, watch_lifeline
from loopline.server.children import Child, Children

KEEPS = "import pathlib, os, sys, time, signal\n"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Children, list[str]]]:
    """Keep processes that begin a Python text in place of a module."""
    monkeypatch.setattr(children, "START", "import sys; exec(sys.argv[1]) # {}")
    monkeypatch.setattr(children, "SHORTEST_S", 0.05)
    said: list[str] = []
    made = Children(said.append)
    yield made, said
    made.stop(patience_s=5)


def text(program: str, *words: str) -> Child:
    """Give a child that runs a program."""
    return Child("child", "none", [KEEPS + program, *words])


def lines(path: Path, number: int, seconds: float = 10) -> list[str]:
    """Wait until a file has so many lines."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = path.read_text().splitlines() if path.exists() else []
        if len(found) >= number:
            return found
        time.sleep(0.01)
    raise AssertionError(path)


def test_who_ends_is_started_again_after_a_growing_pause(kept: tuple[Children, list[str]], tmp_path: Path) -> None:
    """Each early end doubles the pause and is said with its status; nothing is started once it is to stop."""
    made, said = kept
    made.start(text("open(sys.argv[2], 'a').write(f'{time.monotonic()}\\n'); sys.exit(3)", str(tmp_path / "log")))
    at = [float(line) for line in lines(tmp_path / "log", 5)]
    pauses = [after - before for before, after in pairwise(at)]
    assert pauses[3] > pauses[0] > 0.1
    assert pauses[3] > 0.8
    made.stop(patience_s=5)
    assert all("status 3" in line for line in said)
    number = len(lines(tmp_path / "log", 5))
    time.sleep(0.3)
    assert len(lines(tmp_path / "log", 5)) == number


def test_who_does_not_stop_is_killed(kept: tuple[Children, list[str]], tmp_path: Path) -> None:
    """A process that ignores SIGTERM has its patience, then it is gone; one that obeys is not waited for."""
    made, _ = kept
    program = "signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[2], 'w').write(f'{os.getpid()}\\n'); time.sleep(60)"
    made.start(text(program, str(tmp_path / "log")))
    pid = int(lines(tmp_path / "log", 1)[0])
    began = time.monotonic()
    made.stop(patience_s=0.5)
    assert 0.4 < time.monotonic() - began < 5
    assert not Path(f"/proc/{pid}/cmdline").exists()


def test_a_child_hears_of_the_end_of_its_parent(tmp_path: Path) -> None:
    """When the parent is gone, however it went, the lifeline ends and the child does what it does then."""
    import subprocess
    import sys

    log = str(tmp_path / "log")
    child = (
        "import os, sys, time; from loopline.server.child import watch_lifeline;"
        f"watch_lifeline(lambda: (open({log!r}, 'a').write('gone\\n'), os._exit(0)));"
        f"open({log!r}, 'a').write('here\\n'); time.sleep(60)"
    )
    parent = (
        "import time; from loopline.server import children; children.START = 'import sys; exec(sys.argv[1]) # {}';"
        f"c = children.Children(print); c.start(children.Child('x', 'none', [{child!r}])); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    assert lines(tmp_path / "log", 1) == ["here"]
    process.kill()
    process.wait()
    assert lines(tmp_path / "log", 2) == ["here", "gone"]


def test_nobody_watches_without_a_lifeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process that was started by hand nothing happens."""
    monkeypatch.delenv(LIFELINE, raising=False)
    watch_lifeline(lambda: os._exit(1))
