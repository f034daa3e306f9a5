"""serving: servers that stand while others are asked, what their processes cost, and a generator of requests."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.measure import OURS, Sample
from benchmarks.peers import peer

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
"""Less than one makes every topic about servers small: for trying a topic out, never for its figures."""
_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE_S = 120.0


def scaled(number: int) -> int:
    """Give a number of operations, made smaller where somebody only tries."""
    return max(2, round(number * SCALE))


class Server:
    """A server on a free port of this machine, with everything that it starts; ended when the benchmark ends."""

    def __init__(self, *words: str | Path, cwd: Path, env: dict[str, str], health: str = "/health") -> None:
        """Start it. `{port}` in a word, or in a variable, is its port."""
        cwd.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.health = self.url + health
        self._said = cwd / "server.txt"
        self._began = time.perf_counter()
        with self._said.open("ab") as out:
            self._process = subprocess.Popen(
                [self._spelled(word) for word in words], cwd=cwd, env={name: self._spelled(one) for name, one in env.items()},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.stop)

    def _spelled(self, word: str | Path) -> str:
        return str(word).replace("{port}", str(self.port))

    def ready(self) -> float:
        """Wait for the first 200 of its health and give the milliseconds since the start."""
        return self._first(self.health, 0.002)

    def answers(self, path: str, body: Any) -> float:
        """Wait for the first 200 to a request with a body and give the milliseconds since the start."""
        raw = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, raw, {"Content-Type": "application/json"})
        return self._first(request, 0.02)  # who answers "not yet" should not be kept busy with that

    def _first(self, asked: str | urllib.request.Request, pause_s: float) -> float:
        while True:
            try:
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    if answer.status == 200:
                        return (time.perf_counter() - self._began) * 1000
            except OSError:
                pass
            spent = time.perf_counter() - self._began
            if self._process.poll() is not None or spent > _PATIENCE_S:
                msg = f"{self.url} does not answer:\n{self._said.read_text(errors='replace')[-2000:]}"
                raise RuntimeError(msg)
            time.sleep(pause_s)

    def cpu(self) -> float:
        """Give the CPU time of all its processes so far, in milliseconds."""
        return sum(_cpu(pid) for pid in self.pids)

    def memory(self) -> float:
        """Give the bytes that all its processes hold, what they share counted once (PSS)."""
        return sum(_pss(pid) for pid in self.pids)

    @property
    def pids(self) -> list[int]:
        """Its processes: those of its session, whoever started them."""
        return _session(self._process.pid)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and give the JSON of its answer."""
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, raw, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """End it and all that it has started."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


def loopline(place: Path, env: dict[str, str], *words: str) -> Server:
    """Start ours, as it comes."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "loopline.toml").write_text('[project]\nname = "bench"\n')
    return Server(OURS.parent / "loopline", "up", "--port", "{port}", *words, cwd=place, env=env, health="/health")


def floor(place: Path, env: dict[str, str]) -> Server:
    """Start bare Starlette: one route, the same uvicorn with the same settings, and nothing behind it."""
    side = Path(__file__).parent / "sides" / "floor.py"
    return Server(OURS, side, "{port}", cwd=place, env=env, health="/health")


def mlflow(place: Path, env: dict[str, str], *words: str) -> Server:
    """Start MLflow's server on SQLite."""
    store = [
        "--backend-store-uri",
        f"sqlite:///{place / 'mlflow.db'}",
        "--artifacts-destination",
        str(place / "artifacts"),
    ]
    command = peer("mlflow").command
    path = {
        "PATH": f"{command.parent}:{env['PATH']}",  # it looks for uvicorn there
        "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "128",  # with the usual 5 + 10 it refuses requests of 64 connections
    }
    return Server(
        command, "server", "--host", "127.0.0.1", "--port", "{port}", *store, *words, cwd=place, env=env | path, health="/health"
    )  # fmt: skip


def trackers(env: dict[str, str]) -> dict[tuple[str, str], Callable[[Path], Server]]:
    """Say how each server that clients of MLflow log to is started in a folder, by whose it is and in which shape."""
    return {
        ("loopline", ""): lambda folder: loopline(folder, env, "--no-worker"),
        ("mlflow", "default"): lambda folder: mlflow(folder, env),
        ("mlflow", "one worker"): lambda folder: mlflow(folder, env, "--workers", "1"),
    }


def prefect(place: Path, env: dict[str, str]) -> Server:
    """Start Prefect's server on SQLite."""
    home = {"PREFECT_HOME": str(place / "prefect"), "PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}
    command: list[str | Path] = [peer("prefect").command, "server", "start", "--host", "127.0.0.1", "--port", "{port}"]
    return Server(*command, cwd=place, env=env | home, health="/api/health")


def load(server: Server, connections: int, count: int, requests: list[dict[str, Any]]) -> Sample:
    """Send `count` requests over kept connections from a process of its own; CPU is the server's."""
    side = Path(__file__).parent / "sides" / "load.py"
    before = server.cpu()
    asked = {"port": server.port, "connections": connections, "count": count, "requests": requests}
    done = subprocess.run(
        [str(OURS), str(side)], input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        msg = f"the load on {server.url} failed:\n{(done.stdout + done.stderr)[-2000:]}"
        raise RuntimeError(msg)
    told = json.loads(done.stdout)
    time.sleep(0.05)  # the kernel counts in ticks
    took = {"p50": told["median"] * 1000, "p99": told["p99"] * 1000}
    return Sample(server.cpu() - before, told["wall"] * 1000, count, **took)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _session(leader: int) -> list[int]:
    """Find the processes of a session, and those beneath it that left for one of their own."""
    stats = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            with suppress(OSError, ValueError):
                fields = (one / "stat").read_text().rpartition(")")[2].split()
                stats[int(one.name)] = (int(fields[1]), int(fields[3]))
    found = {pid for pid, (_, session) in stats.items() if session == leader}
    while more := {pid for pid, (parent, _) in stats.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _cpu(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) * 1000 / _TICK  # its own, and that of children it has waited for
    return 0.0


def _pss(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return float(line.split()[1]) * 1024
    return 0.0
