"""Commands that begin warm: a process which has imported all of Loopline forks for each.

To import is most of what a short command costs, and the suite starts hundreds. What a command is told and may do is the same as
when it is started: its words, folder, environment, files, session, signals and exit code. Whoever wants to know how Python itself
starts with it (`tests/cli/test_entry.py`, `tests/house/test_startup.py`) does not ask here.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

_START = "import sys; sys.path.insert(0, {!r}); from tests.warm import keep; del sys.path[0]; keep({})"
_ROOT = Path(__file__).resolve().parents[1]
_MOST = 1 << 17
"""Bytes of words and environment."""
_FOLLOWED = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH"}
"""What Python reads when it starts, and a fork can follow."""
_NUMBER = struct.Struct("i")


class Command(subprocess.Popen[Any]):
    """A `loopline` command that runs, or after `-c` a program: all that Popen is, but another process's child."""

    def __init__(self, *words: str, env: Mapping[str, str] | None = None, **how: Any) -> None:
        given = dict(os.environ if env is None else env)
        assert {name for name in given if name.startswith("PYTHON")} <= _FOLLOWED, "start this one"
        self._end = -1
        super().__init__(words, env=given, **how)

    def _execute_child(self, words: Any, *given: Any) -> None:
        """Ask for a fork, where Popen would start a program and gives all that it was asked for, one by one."""
        cwd, env, pipes, session = given[4], given[5], given[9:15], given[20]
        told = [words, os.fspath(cwd or Path.cwd()), env, session]
        files = [own if theirs == -1 else theirs for own, theirs in enumerate((pipes[0], pipes[3], pipes[5]))]
        self._end, end = os.pipe()
        socket.send_fds(_keeper(), [json.dumps(told).encode()], [end, *files])
        os.close(end)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        (self.pid,) = _NUMBER.unpack(os.read(self._end, _NUMBER.size))
        self._child_created = True

    def _try_wait(self, flags: int) -> tuple[int, int]:
        """See whether it has ended: its keeper says so."""
        if flags & os.WNOHANG and not select.select([self._end], [], [], 0)[0]:
            return 0, 0
        (status,) = _NUMBER.unpack(os.read(self._end, _NUMBER.size))
        os.close(self._end)
        return self.pid, status

    def _internal_poll(self, _deadstate: int | None = None, **_: Any) -> int | None:
        lock = self._waitpid_lock  # type: ignore[attr-defined]
        if self.returncode is None and self._end != -1 and lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid and self.returncode is None:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                lock.release()
        return self.returncode


def run(*words: str, timeout: float = 100, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and give what it said."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with Command(*words, **(pipes | how)) as command:
        try:
            out, err = command.communicate(timeout=timeout)
        except BaseException:
            command.kill()
            raise
    return subprocess.CompletedProcess(list(words), command.returncode, out, err)


@cache
def _keeper() -> socket.socket:
    """Start the one that forks, which ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _START.format(str(_ROOT), theirs.fileno())], pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        )  # fmt: skip

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def keep(number: int) -> None:
    """Fork for whoever asks, until nobody can. In each fork it runs the command."""
    asked = socket.socket(fileno=number)
    _warm()
    ended, ends = socket.socketpair()
    ends.setblocking(False)  # noqa: FBT003 (its only argument)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ends.fileno())
    running: dict[int, int] = {}
    while True:
        ready = select.select([asked, ended], [], [])[0]
        if ended in ready:
            ended.recv(_MOST)
            _tell(running)
        if asked in ready:
            told, files, _, _ = socket.recv_fds(asked, _MOST, 4)
            if not told:
                os._exit(0)
            pid = os.fork()
            if not pid:
                for one in (asked, ended):
                    one.close()
                signal.set_wakeup_fd(-1)
                ends.close()
                for other in running.values():
                    os.close(other)
                _become(told, files)
            for file in files[1:]:
                os.close(file)
            running[pid] = files[0]
            os.write(files[0], _NUMBER.pack(pid))


def _warm() -> None:
    """Import what commands import, but nothing that starts threads (numpy, gRPC)."""
    import loopline

    for found in pkgutil.walk_packages(loopline.__path__, "loopline."):
        if "testing" not in found.name and not found.name.endswith(("grpc", "__main__")):
            importlib.import_module(found.name)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()


def _tell(running: dict[int, int]) -> None:
    """Tell of each command that has ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        end = running.pop(pid)
        with suppress(BrokenPipeError):  # nobody asks any more
            os.write(end, _NUMBER.pack(status))
        os.close(end)


def _become(told: bytes, files: list[int]) -> NoReturn:
    """Be what a newly started process would be, run the command, and end as Python does."""
    words, cwd, env, session = json.loads(told)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if session:
        os.setsid()
    for one, place in zip(files[1:], (0, 1, 2), strict=True):
        os.dup2(one, place)
    for one in files:
        os.close(one)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv = ["-c", *words]
    sys.path[1:1] = [one for one in env.get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    at_once = bool(env.get("PYTHONUNBUFFERED"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
    for name, place in (("stdout", 1), ("stderr", 2)):
        old = getattr(sys, name)
        raw = open(place, "wb", 0 if at_once else -1, closefd=False)  # noqa: SIM115 - the same
        lines = place == 2 or (raw.isatty() and not at_once)
        new = io.TextIOWrapper(raw, old.encoding, old.errors, line_buffering=lines, write_through=at_once)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    code = _run()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _run() -> int:
    """Run the command and whatever is to be done after it, and give its exit code; below zero: the signal that ends it."""
    code: int
    try:
        if sys.argv[1:2] == ["-c"]:
            program = sys.argv.pop()
            del sys.argv[1]
            names = vars(sys.modules["__main__"])
            for name in [name for name in names if not name.startswith("__")]:
                del names[name]
            exec(compile(program, "<string>", "exec"), names)
            code = 0
        else:
            from loopline.cli.entry import main

            code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            sys.stderr.write(f"{end.code}\n")
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends here
        own = error.__traceback__
        error.__traceback__ = own.tb_next if own else None
        sys.excepthook(type(error), error, error.__traceback__)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for one in (sys.stdout, sys.stderr):
        try:
            one.flush()
        except OSError:
            code = code or 120  # as Python does
    return code
