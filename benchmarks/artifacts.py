"""artifacts: large files of runs to a tracking server and back, by MLflow's own API."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

from benchmarks.measure import OURS, Case, Measured, Sample, one
from benchmarks.peers import environment
from benchmarks.serving import SCALE, Server, trackers

TITLE = "Files of runs, to a tracking server and back"
CPU = "Server's CPU"
WALL = "Elapsed"
SIZE = "Server's peak memory (RSS)"
ROUNDS = 7
SIZE_BYTES = max(1 << 20, int((200 << 20) * SCALE))
LARGE_BYTES = 4 * SIZE_BYTES
MIB = 1 << 20
ABOUT = f"""
A file of {SIZE_BYTES / MIB:,.0f} MiB of random bytes, another one each time, is put to
`mlflow-artifacts/artifacts/0/RUN/artifacts/…` and fetched from there: `loopline up`, beside `mlflow server` on SQLite in its
default shape (four processes) and with one worker; what counts as MLflow's is the better of the two. The client uses plain
sockets and no memory for the bytes, on the same cores as the server. Loopline hashes what comes and answers when the disk has
it, and verifies what it sends; MLflow copies it to a folder, which the system writes to the disk later. The last row sends one
of {LARGE_BYTES / MIB:,.0f} MiB, for the memory: that of the one process of the server that holds most, at its peak.
"""
ROOT = "/api/2.0/mlflow-artifacts/artifacts"


class Place:
    """A server with a run, and the files that were sent to it."""

    def __init__(self, who: str, note: str, server: Server, file: Path, env: dict[str, str]) -> None:
        self.who, self.note, self.server, self.file, self.env = who, note, server, file, env
        made = server.ask("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": 1})
        self.run = str(made["run"]["info"]["run_id"])
        self.sent = 0

    def upload(self, size: int) -> Sample:
        """Send a file that nobody has yet."""
        written(self.file, size)
        self.sent += 1
        return self._measured("up")

    def download(self) -> Sample:
        """Fetch what was sent last."""
        return self._measured("down")

    def _measured(self, way: str) -> Sample:
        path = f"{ROOT}/0/{self.run}/artifacts/{self.sent}.bin"
        before = self.server.cpu()
        sample = one(
            OURS, "artifact_load", way, str(self.server.port), path, self.file, cwd=self.file.parent, env=self.env
        )
        time.sleep(0.05)  # the kernel counts in ticks
        return Sample(self.server.cpu() - before, sample.wall, size=max(map(_peak, self.server.pids), default=0.0))


def cases(place: Path) -> list[Case]:
    """Three servers, in turns."""
    env = environment(place / "home")
    starts = trackers(env)
    places = []
    for (who, note), start in starts.items():
        server = start(place / f"{who}{note[:3]}")
        server.ready()
        places.append(Place(who, note, server, place / f"{who}{note[:3]}.bin", env))
    what, large = f"{SIZE_BYTES / MIB:,.0f} MiB", f"{LARGE_BYTES / MIB:,.0f} MiB up"
    return [
        *(Case(f"{what} up", each.who, partial(each.upload, SIZE_BYTES), each.note) for each in places),
        *(Case(f"{what} down", each.who, each.download, each.note) for each in places),
        *(Case(large, each.who, partial(each.upload, LARGE_BYTES), each.note, rounds=2) for each in places),
    ]


def written(file: Path, size: int) -> None:
    """Write a file of random bytes, and wait until the disk has it."""
    with file.open("wb") as target:
        for _ in range(size // MIB):
            target.write(os.urandom(MIB))
        target.flush()
        os.fsync(target.fileno())


def _peak(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def notes(measured: list[Measured]) -> str:
    """Say it in bytes a second, and how many times MLflow's better shape that is."""
    told = []
    for what in dict.fromkeys(each.what for each in measured):
        size = float(what.split()[0].replace(",", ""))
        same = [each for each in measured if each.what == what]
        ours = next(each for each in same if each.who == "loopline")
        best = min((each for each in same if each.who == "mlflow"), key=lambda each: each.median("wall"))
        rates = [size / each.median("wall") * 1000 for each in (ours, best)]
        times = f"{rates[0] / rates[1]:.3g} times"
        told.append(f"{what}: {rates[0]:,.0f} MiB/s, MLflow {rates[1]:,.0f} MiB/s ({best.note}), {times}")
    return "; ".join(told) + "."
