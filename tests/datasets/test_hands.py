"""Processes that do a part of our work, some of which die."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopline.datasets import hands as module
from loopline.datasets.checkout import SCRATCH, alone
from loopline.datasets.hands import hands
from loopline.errors import Conflict, Unavailable
from loopline.testing.executors import until

ANOTHER = "from loopline.datasets import hands; hands.__file__ = 'elsewhere/hands.py'; hands.main()"


class OddError(Exception):
    """One that cannot be put together again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one + two)


def do(asked: tuple[str, Any]) -> Any:
    """Do what is told, in whichever process."""
    what, with_ = asked
    if what == "pid":
        return os.getpid()
    if what == "bytes":
        return bytes(with_)
    if what == "raise":
        raise with_
    if what == "odd":
        return OddError(1, 2)
    if what == "lock":
        return threading.Lock()
    if what == "die":
        os._exit(int(with_))
    Path(with_).touch()
    time.sleep(600)
    return None


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let them import this file."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)


def test_each_is_a_process_and_ends_with_the_block(started: list[subprocess.Popen[bytes]]) -> None:
    """They work at the same time, one piece each, as long as they are wanted."""
    with hands(do, 2) as (one, two):
        one.ask(("pid", None))
        two.ask(("pid", None))
        assert {one.answer(), two.answer()} == {process.pid for process in started}
        one.ask(("bytes", 20_000_000))
        assert one.answer() == bytes(20_000_000)
    assert [process.poll() for process in started] == [-9, -9]


def test_an_error_that_is_ours_is_raised_where_it_was_asked(started: list[subprocess.Popen[bytes]]) -> None:
    """It has its class, its kind and its facts, and the process goes on."""
    with hands(do, 1) as (one,):
        one.ask(("raise", Unavailable("no", kind="blob-corrupt", hint="h", path="a")))
        with pytest.raises(Unavailable) as caught:
            one.answer()
        assert (caught.value.kind, caught.value.facts) == ("blob-corrupt", {"path": "a"})
        one.ask(("pid", None))
        assert one.answer() == started[0].pid


@pytest.mark.parametrize("asked", [("die", 3), ("raise", KeyError("not ours")), ("odd", 0), ("lock", 0)])
def test_one_that_dies_says_nothing(started: list[subprocess.Popen[bytes]], asked: tuple[str, Any]) -> None:
    """Whoever asked does it, and meets an error that is not ours; nothing that is asked of it later blocks anybody."""
    with hands(do, 1) as (one,):
        one.ask(asked)
        assert one.answer() is None
        assert started[0].returncode is not None
        one.ask(("pid", None))
        assert one.answer() is None


def test_one_that_cannot_be_spoken_to_is_given_up(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for an answer to what was not heard."""
    with hands(do, 1) as (one,):
        one.ask(("pid", None))
        assert one.answer() == started[0].pid

        def fail(told: bytes) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(one._connection, "send_bytes", fail)
        one.ask(("pid", None))
        assert one.answer() is None


def test_it_ends_with_whoever_has_started_it(started: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """At once, whatever it is at."""
    with hands(do, 1) as (one,):
        one.ask(("sleep", str(tmp_path / "at-it")))
        until((tmp_path / "at-it").exists, "it is at work")
        one.let_go()
        assert started[0].wait(20) == 0


@pytest.mark.parametrize(
    ("program", "patience", "status"),
    [("import none_of_that_name", 30, 1), ("import time; time.sleep(600)", 0.2, -9), (ANOTHER, 30, -9)],
    ids=["not found", "something else", "another Loopline"],
)
def test_one_that_cannot_begin_is_done_without(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, program: str, patience: float, status: int
) -> None:
    """It costs time and no more, however much it is told."""
    monkeypatch.setattr(module, "_START", program)
    monkeypatch.setattr(module, "_PATIENCE", patience)
    with hands(do, 1) as (one,):
        one.ask(("pid", "x" * 10_000_000))
        assert one.answer() is None
        assert started[0].returncode == status


def test_a_fork_keeps_none_alive(started: list[subprocess.Popen[bytes]]) -> None:
    """A child that goes on after us holds no end of what leads to them."""
    with hands(do, 1) as (one,):
        one.ask(("pid", None))
        one.answer()
        ready, written = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(written, b"1")
            time.sleep(600)
        try:
            os.read(ready, 1)
            one.let_go()
            assert started[0].wait(20) == 0
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
            os.close(ready)
            os.close(written)


def _full(*words: Any, **options: Any) -> None:
    raise BlockingIOError


@pytest.mark.parametrize(
    "lacks",
    [
        lambda patch: patch.setattr(subprocess, "Popen", _full),
        lambda patch: patch.setattr(sys, "executable", ""),
        lambda patch: patch.setattr(sys, "frozen", True, raising=False),
    ],
)
def test_there_are_none_where_they_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, lacks: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """No room for a process, no interpreter of its own to start: then nobody waits for any."""
    lacks(monkeypatch)
    with hands(do, 2) as several:
        assert several == []


def test_what_cannot_be_told_is_not(started: list[subprocess.Popen[bytes]]) -> None:
    """A function that nobody else finds stays here."""

    def own(asked: Any) -> Any:
        return asked

    with hands(own, 2) as several:
        assert several == []
    assert started == []


def test_a_lock_is_held_as_long_as_one_lives(tmp_path: Path) -> None:
    """After a killed checkout the next one is refused until its last process has gone, so that they do not mix."""
    (tmp_path / SCRATCH).mkdir()
    held = os.open(tmp_path / SCRATCH, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with hands(do, 1, held=(held,)):
        os.close(held)
        with pytest.raises(Conflict) as caught, alone(str(tmp_path)):
            pass
        assert caught.value.kind == "folder-busy"
    with alone(str(tmp_path)):
        pass
