"""cold: one step, from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.measure import Case, Sample, command
from benchmarks.peers import environment, peer
from benchmarks.projects import LOOPLINE, dvc_project, loopline_project

TITLE = "The first run of one step"
ROUNDS = 7
ABOUT = """
A pipeline of one no-op step in a folder where nothing has run before: the whole command, with making the ledger,
taking the source tree and the environment's lock, and starting a worker. `dvc repro` runs one stage in a new
repository; Prefect runs a script with a flow of one task, which starts a server for itself.
"""


def cases(place: Path) -> list[Case]:
    """A new project each round."""
    env = environment(place / "home")
    prefect = peer("prefect")
    flow = Path(__file__).parent / "sides" / "prefect_steps.py"
    numbers = count()
    ours = _fresh(place / "ours", partial(loopline_project, env=env), numbers)
    theirs = _fresh(place / "theirs", lambda folder: dvc_project(folder, 1, env), numbers)
    one = (LOOPLINE, "run", "many", "--param", "count=1")
    return [
        Case("first run", "loopline", lambda: command(*one, cwd=ours(), env=env)),
        Case("first run", "dvc", lambda: command(peer("dvc").command, "repro", "-q", cwd=theirs(), env=env)),
        Case("first run", "prefect", lambda: command(prefect.python, flow, "1", "0", "fresh", cwd=place, env=env)),
        Case("again, from the cache", "loopline", lambda: _again(one, place / "ours", env)),
        Case(
            "again, from the cache", "dvc", lambda: _again((peer("dvc").command, "repro", "-q"), place / "theirs", env)
        ),
    ]


def _fresh(base: Path, make: Callable[[Path], Path], numbers: count[int]) -> Callable[[], Path]:
    def new() -> Path:
        shutil.rmtree(base, ignore_errors=True)
        return make(base / str(next(numbers)))

    return new


def _again(words: tuple[str | Path, ...], base: Path, env: dict[str, str]) -> Sample:
    (folder,) = base.iterdir()
    return command(*words, cwd=folder, env=env)
