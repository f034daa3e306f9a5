"""`loopline up` and `loopline worker` as real processes, and what a client on a socket does with them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from tests.documented import hold
from tests.warm import Command

T = TypeVar("T")
START = "import sys; from loopline.cli.entry import main; sys.exit(main())"


def variables(**more: str) -> dict[str, str]:
    """Give an environment without anybody's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOPLINE_")}
    return kept | {"LOOPLINE_ACTOR": "ann"} | more


class Up:
    """A server that runs in a folder."""

    def __init__(
        self, folder: Path, *words: str, port: int = 0, wait: bool = True, warm: bool = True, **more: str
    ) -> None:
        self.folder = folder
        self.began = time.perf_counter()
        (folder / "up.err").touch()
        with (folder / "up.err").open("ab") as errors:
            self.process = _begin(
                "up", "--port", str(port), *words, warm=warm,
                cwd=folder, env=variables(**more), stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
            )  # fmt: skip
        self.port = port
        self.line = ""
        if wait:
            self.listen()

    def listen(self) -> Up:
        """Wait until it says where it listens."""
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert "http://" in self.line, self.line + self.errors
        self.port = int(self.line.strip().rpartition(":")[2])
        return self

    def ready(self) -> float:
        """Wait until it answers, and give the seconds since it was started."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if self.ask("GET", "/health")[0] == 200:
                    return time.perf_counter() - self.began
            except OSError:
                time.sleep(0.005)
        raise AssertionError(self.errors)

    @property
    def errors(self) -> str:
        """What it has said on stderr."""
        return (self.folder / "up.err").read_text()

    def connection(self, timeout: float = 30) -> http.client.HTTPConnection:
        """Open a connection that is kept."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send one request and give status and body."""
        with closing(self.connection()) as connection:
            return asked(connection, method, path, body, **headers)

    def result(self, verb: str, **words: Any) -> Any:
        """Ask a write or work and give its result, or its task."""
        status, answer = self.ask("POST", f"/api/v1/{verb}", words)
        assert status in (200, 202), answer
        return answer.get("result", answer.get("task"))

    def task(self, name: str, *, until: Callable[[dict[str, Any]], bool] | None = None, seconds: float = 30) -> Any:
        """Wait for a task to be over, or to be as a test wants it."""
        good = until or (lambda task: task["state"] not in ("queued", "running"))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.ask("GET", f"/api/v1/tasks/{name}")[1]["result"]
            if good(found):
                return found
            time.sleep(0.05)
        raise AssertionError(name)

    @property
    def pids(self) -> list[int]:
        """The server's processes."""
        return [self.process.pid, *descendants(self.process.pid)]

    def children(self, number: int) -> list[int]:
        """Wait until it has started so many processes, and give them."""
        return until(lambda: len(found := descendants(self.process.pid)) == number and found)

    def serving(self, connection: http.client.HTTPConnection) -> int:
        """Give the process that has the other end of a connection that is kept."""
        assert connection.sock is not None
        near, far = connection.sock.getsockname()[1], connection.sock.getpeername()[1]
        inode = ""
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if [int(words[n].rpartition(":")[2], 16) for n in (1, 2)] == [far, near]:
                inode = f"socket:[{words[9]}]"
        return next(pid for pid in self.pids if inode in _open_files(pid))

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 30) -> int:
        """Signal it and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def end(self) -> None:
        """Leave nothing behind, however a test ended."""
        for pid in self.pids if self.process.poll() is None else ():
            with_pid(pid, signal.SIGKILL)
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _begin(*words: str, warm: bool, **how: Any) -> subprocess.Popen[Any]:
    """Start a command, warm unless a test measures what it takes."""
    return Command(*words, **how) if warm else subprocess.Popen([sys.executable, "-c", START, *words], **how)


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Send one request over a connection and give status and body; what is no JSON is given as text."""
    raw = None if body is None else json.dumps(body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if raw is not None:
        fields["Content-Type"] = "application/json"
    connection.request(method, path, raw, fields)
    answer = connection.getresponse()
    text = answer.read()
    hold(method, path, answer.status)
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text.decode(errors="replace")


def descendants(pid: int) -> list[int]:
    """Find the processes beneath one."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for word in (task / "children").read_text().split():
                found += [int(word), *descendants(int(word))]
    return found


def until(good: Callable[[], T | bool], seconds: float = 30) -> T:
    """Wait for something, and give it."""
    end = time.monotonic() + seconds
    while not (found := good()):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return cast("T", found)


def lives(pid: int) -> bool:
    """Tell whether a process goes on: one that nobody has waited for yet is over."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(one.readlink()))
    return found


def with_pid(pid: int, number: int) -> None:
    """Signal a process, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def rss(pid: int) -> int:
    """Give the resident memory of a process in bytes."""
    line = next(one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def cpu(pid: int) -> float:
    """Give the seconds that all threads of a process have computed."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def queued(pid: int, *, threads: bool = False) -> float:
    """Give the seconds for which a process's first thread (or all of them) could have gone on, and others had the processor."""
    kept = Path(f"/proc/{pid}/task").iterdir() if threads else [Path(f"/proc/{pid}")]
    return sum(int((one / "schedstat").read_text().split()[1]) for one in kept) / 1e9


def project(folder: Path) -> Path:
    """Make a folder a project with a pipeline that can be slow."""
    folder.mkdir(exist_ok=True)
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\nmodules = ["pipes"]\n')
    (folder / "pipes.py").write_text(PIPES)
    return folder


PIPES = """
from loopline import pipeline, step
import os, pathlib, time

@step
def nap(seconds: float, note: str) -> float:
    if note:
        pathlib.Path(note).write_text(str(os.getpid()))
    time.sleep(seconds)
    return seconds

@step
def after(value: float, note: str) -> float:
    if note:
        pathlib.Path(note + ".after").write_text(str(os.getpid()))
    return value + 1

@pipeline
def train(seconds: float = 0.0, note: str = ""):
    return {"model/nap": after(nap(seconds, note), note)}
"""


def words_of(folder: Path, *, python: str = sys.executable, **params: str) -> dict[str, Any]:
    """Say what `run` must be told to run the project's pipeline, with its code and environment in the folder's store."""
    program = (
        "import json; from loopline.settings import load_settings; from loopline.wiring import open_loop;"
        "from loopline.sdk.capture import capture; s = load_settings(); loop = open_loop(s);"
        "print(json.dumps({'modules': list(s.modules), **capture(loop.blobs, s)}))"
    )
    done = subprocess.run(
        [python, "-c", program], cwd=folder, env=variables(), capture_output=True, text=True, check=True
    )
    return {"pipeline": "train", "params": params, **json.loads(done.stdout)}


@contextmanager
def worker(folder: Path, *words: str, warm: bool = True, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker beside the server, and end it with whatever it has started."""
    with (folder / "worker.err").open("ab") as errors:
        process = _begin(
            "worker", *words, warm=warm, cwd=folder, env=variables(**more), stdout=errors, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        for pid in [process.pid, *descendants(process.pid)]:
            with_pid(pid, signal.SIGCONT)
            with_pid(pid, signal.SIGKILL)
        process.wait(10)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
