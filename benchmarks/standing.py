"""standing: how soon a server answers, and what it holds while nobody asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Case, Sample
from benchmarks.peers import environment
from benchmarks.serving import Server, loopline, mlflow, prefect

TITLE = "Starting a server, and one that idles"
CPU = "CPU until then"
WALL = "First 200"
SIZE = "Idle memory (PSS)"
ROUNDS = 5
SETTLING_S = 5.0
ABOUT = f"""
From the start of the command to the first 200 of its health address, in a folder that it has been started in before;
then, {SETTLING_S:.0f} s later, the memory of all its processes together, what they share counted once. `loopline up`
comes with a worker for pipelines. MLflow and Prefect as their manuals start them, on SQLite; MLflow also with one
worker.
"""


def cases(place: Path) -> list[Case]:
    """Each as it comes."""
    env = environment(place / "home")
    return [
        Case("start, then idle", "loopline", lambda: _stand(lambda: loopline(place / "ours", env))),
        Case("start, then idle", "mlflow", lambda: _stand(lambda: mlflow(place / "mlflow", env))),
        Case(
            "start, then idle", "mlflow", lambda: _stand(lambda: mlflow(place / "mlflow1", env, "--workers", "1")), "one worker"
        ),
        Case("start, then idle", "prefect", lambda: _stand(lambda: prefect(place / "prefect", env))),
    ]  # fmt: skip


def _stand(start: Callable[[], Server]) -> Sample:
    server = start()
    try:
        wall = server.ready()
        cpu = server.cpu()
        time.sleep(SETTLING_S)
        return Sample(cpu, wall, size=server.memory())
    finally:
        server.stop()
