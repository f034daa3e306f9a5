"""steps: what a pipeline adds to the work of its steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks.measure import Case, Sample, command
from benchmarks.peers import environment, peer
from benchmarks.projects import LOOPLINE, dvc_project, loopline_project

TITLE = "Steps that do nothing, and steps that need not run"
ROUNDS = 5
MANY = 1000
STAGES = 50
ABOUT = f"""
{MANY:,} no-op steps: `loopline run` with two warm workers; a Prefect flow that submits {MANY:,} no-op tasks to its
thread pool; `dvc repro` with {STAGES} stages (scaled down, figures per stage), each a shell that writes one number.
"Whole command" is per step, with everything. "Each further step" is what is left without the start: for Loopline and
DVC the difference between many steps and one, divided by the steps between; for Prefect the time inside the flow (its
server's start, its CPU and the events that it still writes when the flow is over are not in it; Loopline's processes
and writes all are). Cached: the same again, nothing has changed.
"""


FLOW = Path(__file__).parent / "sides" / "prefect_steps.py"


def cases(place: Path) -> list[Case]:
    """Whole commands, then what each further step costs, first fresh and then cached."""
    env = environment(place / "home")
    project = loopline_project(place / "ours", env)
    many, single = (dvc_project(place / f"dvc{n}", n, env) for n in (STAGES, 1))
    prefect, dvc = peer("prefect"), peer("dvc").command
    salts = count(10 * MANY, 10 * MANY)

    def ours(steps: int, *, fresh: bool) -> Sample:
        salt = next(salts) if fresh else 0  # what is cached was run in the warm-up
        words = (LOOPLINE, "run", "many", "--param", f"count={steps}", "--param", f"salt={salt}")
        return command(*words, cwd=project, env=env)

    def theirs(folder: Path, *, fresh: bool) -> Sample:
        if fresh:
            (folder / "in.txt").write_text(f"{next(salts)}\n")
        return command(dvc, "repro", "-q", cwd=folder, env=env)

    def flow(*, fresh: bool) -> Sample:
        words = (str(MANY), str(next(salts)), "fresh") if fresh else (str(MANY), "0", "cached")
        whole = command(prefect.python, FLOW, *words, cwd=place, env=env)
        return Sample(whole.cpu, whole.wall, MANY)

    def in_flow() -> Sample:
        told = [line for line in (place / "output.txt").read_text().splitlines() if line.startswith('{"steps"')]
        return Sample(*json.loads(told[-1])["steps"])

    def pair(word: str, *, fresh: bool) -> list[Case]:
        ours_whole, ours_further = further(lambda n: ours(n, fresh=fresh), MANY)
        dvc_whole, dvc_further = further(lambda n: theirs(many if n > 1 else single, fresh=fresh), STAGES)
        each = "each further step" if fresh else "each further cached step"
        return [
            Case(f"{word} steps, whole command", "loopline", ours_whole),
            Case(f"{word} steps, whole command", "prefect", lambda: flow(fresh=fresh)),
            Case(f"{word} steps, whole command", "dvc", dvc_whole, f"{STAGES} stages"),
            Case(each, "loopline", ours_further),
            Case(each, "prefect", in_flow, "in its flow"),
            Case(each, "dvc", dvc_further, f"{STAGES} stages"),
        ]

    return [*pair("no-op", fresh=True), *pair("cached", fresh=False)]


def further(run: Callable[[int], Sample], steps: int) -> tuple[Callable[[], Sample], Callable[[], Sample]]:
    """Give two measurements: a command with all steps, per step, and what each step behind the first has added."""
    last = [Sample(0, 0)]

    def whole() -> Sample:
        last[0] = run(steps)
        return Sample(last[0].cpu, last[0].wall, steps)

    def rest() -> Sample:
        alone = run(1)
        return Sample(last[0].cpu - alone.cpu, last[0].wall - alone.wall, steps - 1)

    return whole, rest
