"""Processes that do a part of our work, some of which die."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
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


class Does:
    """Does what it is told, in whichever process."""

    def do(self, asked: tuple[str, Any]) -> Any:
        """Do one thing."""
        what, with_ = asked
        if what == "pid":
            return os.getpid()
        if what == "bytes":
            return bytes(with_)
        if what == "raise":
            raise with_
        if what == "die":
            os._exit(int(with_))
        Path(with_).touch()
        time.sleep(600)
        return None


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let them import this file."""
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), *os.environ.get("PYTHONPATH", "").split()])
    )


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """List the processes that are started."""
    found: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        found.append(real(*words, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return found


def test_each_is_a_process_and_ends_with_the_block(started: list[subprocess.Popen[bytes]]) -> None:
    """They work at the same time, one piece each, as long as they are wanted."""
    with hands(Does(), 2) as (one, two):
        one.ask(("pid", None))
        two.ask(("pid", None))
        assert {one.answer(), two.answer()} == {process.pid for process in started}
        one.ask(("bytes", 20_000_000))
        assert one.answer() == bytes(20_000_000)
    assert [process.poll() for process in started] == [-9, -9]


def test_an_error_that_is_ours_is_raised_where_it_was_asked(started: list[subprocess.Popen[bytes]]) -> None:
    """It has its class, its kind and its facts, and the process goes on."""
    with hands(Does(), 1) as (one,):
        one.ask(("raise", Unavailable("no", kind="blob-corrupt", hint="h", path="a")))
        with pytest.raises(Unavailable) as caught:
            one.answer()
        assert (caught.value.kind, caught.value.facts) == ("blob-corrupt", {"path": "a"})
        one.ask(("pid", None))
        assert one.answer() == started[0].pid


@pytest.mark.parametrize("asked", [("die", 3), ("raise", KeyError("not ours")), ("bytes", "no number"), ("bytes", -1)])
def test_one_that_dies_says_nothing(started: list[subprocess.Popen[bytes]], asked: tuple[str, Any]) -> None:
    """Whoever asked does it, and meets an error that is not ours; nothing that is asked of it later blocks anybody."""
    with hands(Does(), 1) as (one,):
        one.ask(asked)
        assert one.answer() is None
        assert started[0].returncode is not None
        one.ask(("pid", None))
        assert one.answer() is None


def test_one_that_cannot_be_spoken_to_is_given_up(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for an answer to what was not heard."""
    with hands(Does(), 1) as (one,):
        one.ask(("pid", None))
        assert one.answer() == started[0].pid

        def fail(told: bytes) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(one._connection, "send_bytes", fail)
        one.ask(("pid", None))
        assert one.answer() is None


def test_it_ends_with_whoever_has_started_it(started: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """At once, whatever it is at."""
    with hands(Does(), 1) as (one,):
        one.ask(("sleep", str(tmp_path / "at-it")))
        until((tmp_path / "at-it").exists, "it is at work")
        one._connection.close()
        assert started[0].wait(20) == 1


@pytest.mark.parametrize("program", ["import none_of_that_name", "import time; time.sleep(600)"])
def test_one_that_cannot_begin_is_done_without(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """An interpreter that does not find us, and one that is something else, cost time and no more."""
    monkeypatch.setattr(module, "_START", program)
    monkeypatch.setattr(module, "_PATIENCE", 0.2)
    with hands(Does(), 1) as (one,):
        one.ask(("pid", None))
        assert one.answer() is None
        assert started[0].returncode in (1, -9)


def _full(*words: Any, **options: Any) -> None:
    raise BlockingIOError


@pytest.mark.parametrize(
    "lacks",
    [
        lambda patch: patch.setattr(subprocess, "Popen", _full),
        lambda patch: patch.setattr(sys, "executable", ""),
        lambda patch: patch.setattr(sys, "frozen", True, raising=False),
        lambda patch: patch.setattr(module, "cores", lambda: 1),
    ],
)
def test_there_are_none_where_they_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, lacks: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """No room for a process, no interpreter of its own to start, no second processor: then nobody waits for any."""
    lacks(monkeypatch)
    with hands(Does(), 2) as several:
        assert several == []


def test_what_cannot_be_told_is_not(started: list[subprocess.Popen[bytes]]) -> None:
    """A class that nobody else finds stays here."""

    class Own(Does):
        """Of this function."""

    with hands(Own(), 2) as several:
        assert several == []
    assert started == []


def test_a_lock_is_held_as_long_as_one_lives(tmp_path: Path) -> None:
    """After a killed checkout the next one is refused until its last process has gone, so that they do not mix."""
    (tmp_path / SCRATCH).mkdir()
    held = os.open(tmp_path / SCRATCH, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with hands(Does(), 1, held=(held,)):
        os.close(held)
        with pytest.raises(Conflict) as caught, alone(str(tmp_path)):
            pass
        assert caught.value.kind == "folder-busy"
    with alone(str(tmp_path)):
        pass
