"""tracking: what training scripts and charts ask of a tracking server, by MLflow's own API."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.measure import OURS, Case, Measured, Sample
from benchmarks.peers import environment, peer
from benchmarks.serving import SCALE, Server, loopline, scaled, trackers
from benchmarks.standing import SETTLING_S

TITLE = "A tracking server for MLflow's clients"
CPU = "Server's CPU"
WALL = "Elapsed"
SIZE = "Idle memory (PSS)"
ROUNDS = 5
PROCESSES = 4
RUNS = {"loopline": scaled(30_000), "mlflow": scaled(10_000)}
POINTS = scaled(100_000)
CHART = 320
COUNTS = {
    "log-metric": {"loopline": 3000, "mlflow": 100},
    "log-batch": {"loopline": 60, "mlflow": 8},
    "runs/create": {"loopline": 1000, "mlflow": 60},
    "runs/search": {"loopline": 20, "mlflow": 2},
    "metrics/get-history": {"loopline": 6, "mlflow": 1},
    "metrics/get-history-bulk-interval": {"loopline": 60, "mlflow": 5},
}
"""Requests of a round."""
_RUNS = f"{RUNS['loopline']:,} runs here, of {RUNS['mlflow']:,} there"
ABOUT = f"""
The same requests, by MLflow's REST API, to `loopline up` and to `mlflow server` on SQLite, in its default shape (four
processes) and with one worker; what counts as MLflow's is the better of the two. Figures per request: the CPU of all
processes of the server, and the time that passed (that of all requests divided by their number). The generator is a
process, or {PROCESSES}, with one kept connection each and plain sockets, that sends the next request when the last is
answered; what it sends was written before. It runs on the same cores, so with {PROCESSES} processes the servers have less
than a machine of their own. Every answer of Loopline's says that the disk has it (`synchronous=FULL`); MLflow leaves
SQLite as it comes.

A batch is 1,000 metrics: 100 steps of 10 keys, or one step of 1,000 keys. A search wants the best 100 runs of those with
`metrics.m0 < 0.5`, by that metric, each with 10 params and 10 metrics: of {_RUNS}, which
were written into both databases beforehand. A history is {POINTS:,} points of one series, the chart's call {CHART} of them.
The start is that of the command to the first 200 of `/health`, in a folder that it has been started in before, and
memory that of all its processes, what they share counted once, {SETTLING_S:.0f} s later; Loopline's come with a worker.
"""
Request = dict[str, Any]
HERE = Path(__file__).parent / "sides"
V2 = "/api/2.0/mlflow"


class Tracker:
    """A server that speaks the protocol, with what is in it."""

    def __init__(self, who: str, note: str, server: Server, filled: str) -> None:
        self.who, self.note, self.server = who, note, server
        self.long = filled
        """A run with a series of POINTS."""
        self.sent = 0
        self.runs = [self._run() for _ in range(PROCESSES)]

    def _run(self) -> str:
        made = self.server.ask("POST", f"{V2}/runs/create", {"experiment_id": "0", "start_time": 1})
        return str(made["run"]["info"]["run_id"])

    def load(self, what: str, make: Callable[[Tracker, str], Request], processes: int) -> Sample:
        """Send the requests of a round; CPU is the server's."""
        each = max(1, scaled(COUNTS[what][self.who]) // processes)
        asked = {"port": self.server.port, "processes": [
            {**make(self, run), "first": self.sent, "count": each} for run in self.runs[:processes]
        ]}  # fmt: skip
        self.sent += each
        before = self.server.cpu()
        done = subprocess.run(
            [str(OURS), str(HERE / "tracking_load.py")], input=json.dumps(asked), capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
        if done.returncode:
            msg = f"{what} of {self.who} failed:\n{(done.stdout + done.stderr)[-2000:]}"
            raise RuntimeError(msg)
        told = json.loads(done.stdout)
        time.sleep(0.05)  # the kernel counts in ticks
        took = {"p50": told["median"] * 1000, "p99": told["p99"] * 1000}
        return Sample(self.server.cpu() - before, told["wall"] * 1000, each * processes, **took)


def metric(_: Tracker, run: str) -> Request:
    """One point."""
    body = {"run_id": run, "key": "loss", "value": 0.5, "timestamp": "@N@", "step": "@N@"}
    return {"method": "POST", "path": f"{V2}/runs/log-metric", "body": body}


def batch(_: Tracker, run: str, *, keys: int) -> Request:
    """A thousand points, of later steps in each request."""
    metrics = [
        {"key": f"m{n % keys}", "value": n / 7, "timestamp": "@N@", "step": f"@N@{n // keys:02d}"} for n in range(1000)
    ]
    return {"method": "POST", "path": f"{V2}/runs/log-batch", "body": {"run_id": run, "metrics": metrics}}


def create(_: Tracker, __: str) -> Request:
    """A run, as a client begins it."""
    tags = [{"key": "mlflow.user", "value": "ann"}, {"key": "mlflow.source.name", "value": "train.py"}]
    body = {"experiment_id": "0", "user_id": "ann", "run_name": "train", "start_time": "@N@", "tags": tags}
    return {"method": "POST", "path": f"{V2}/runs/create", "body": body}


def search(_: Tracker, __: str) -> Request:
    """The best hundred."""
    body = {"experiment_ids": ["0"], "filter": "metrics.m0 < 0.5", "order_by": ["metrics.m0 DESC"], "max_results": 100}
    return {"method": "POST", "path": f"{V2}/runs/search", "body": body}


def history(tracker: Tracker, _: str) -> Request:
    """All of a long series."""
    return {"method": "GET", "path": f"{V2}/metrics/get-history?run_id={quote(tracker.long)}&metric_key=loss"}


def chart(tracker: Tracker, _: str) -> Request:
    """What a chart shows of it."""
    query = f"run_ids={quote(tracker.long)}&metric_key=loss&max_results={CHART}"
    return {"method": "GET", "path": f"{V2}/metrics/get-history-bulk-interval?{query}"}


WORK: tuple[tuple[str, str, Callable[[Tracker, str], Request], int], ...] = (
    ("log-metric, one connection", "log-metric", metric, 1),
    (f"log-metric, {PROCESSES} processes", "log-metric", metric, PROCESSES),
    ("log-batch of 1,000 metrics, 10 keys", "log-batch", partial(batch, keys=10), 1),
    (f"log-batch of 1,000 metrics, 10 keys, {PROCESSES} processes", "log-batch", partial(batch, keys=10), PROCESSES),
    ("log-batch of 1,000 metrics, 1,000 keys", "log-batch", partial(batch, keys=1000), 1),
    ("runs/create", "runs/create", create, 1),
    ("runs/search, metric filter and order, 100 results", "runs/search", search, 1),
    (f"metrics/get-history of {POINTS:,} points", "metrics/get-history", history, 1),
    (f"the chart's {CHART} points", "metrics/get-history-bulk-interval", chart, 1),
)


def cases(place: Path) -> list[Case]:
    """Three servers, everything that is asked of them, and how each stands."""
    env = environment(place / "home")
    starts = trackers(env)
    filled: list[Tracker] = []
    for (who, note), start in starts.items():
        folder = place / f"{who}{note[:3]}"
        server = start(folder)
        server.ready()
        filled.append(Tracker(who, note, server, _filled(who, folder, env)))
    asked = [
        Case(what, one.who, partial(one.load, route, make, processes), one.note)
        for what, route, make, processes in WORK
        for one in filled
    ]
    standing = {**starts, ("loopline", ""): lambda folder: loopline(folder, env)}
    return [
        *asked,
        *(
            Case("start, then idle", who, partial(_stand, start, place / f"{who}{note[:3]}idle"), note, rounds=3)
            for (who, note), start in standing.items()
        ),
    ]


def _filled(who: str, place: Path, env: dict[str, str]) -> str:
    """Write runs and a long series into a server's database; give the run of the series."""
    if who == "loopline":
        words = [str(OURS), str(HERE / "loopline_fill.py")]
    else:
        words = [str(peer("mlflow").python), str(HERE / "mlflow_fill.py"), f"sqlite:///{place / 'mlflow.db'}"]
    done = subprocess.run(
        [*words, str(RUNS[who]), str(POINTS)], cwd=place, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"{who} could not be filled:\n{(done.stdout + done.stderr)[-2000:]}"
        raise RuntimeError(msg)
    return str(json.loads(done.stdout.strip().splitlines()[-1])["run"])


def _stand(start: Callable[[Path], Server], folder: Path) -> Sample:
    """Start one in a folder of its own, and let it idle."""
    server = start(folder)
    try:
        wall = server.ready()
        cpu = server.cpu()
        time.sleep(SETTLING_S if SCALE >= 1 else 1.0)
        return Sample(cpu, wall, size=server.memory())
    finally:
        server.stop()


def notes(measured: list[Measured]) -> str:
    """Say how many times the better of MLflow's two shapes is slower, and what the server's CPU is."""
    told = []
    for what in dict.fromkeys(one.what for one in measured):
        ours = next(one for one in measured if one.what == what and one.who == "loopline")
        best = min(
            (one for one in measured if one.what == what and one.who == "mlflow"), key=lambda one: one.median("wall")
        )
        ratio = best.median("wall") / ours.median("wall")
        rate = "" if what.startswith("start") else f", {1000 / ours.median('wall'):,.0f} a second"
        told.append(f"{what}: {ratio:.3g} times MLflow ({best.note}){rate}")
    return "; ".join(told) + "."
