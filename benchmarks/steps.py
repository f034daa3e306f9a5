"""steps: what a pipeline adds to the work of its steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks.measure import Case, Sample, command, one
from benchmarks.peers import environment, peer
from benchmarks.projects import LOOPLINE, dvc_project, loopline_project

TITLE = "Steps that do nothing, and steps that need not run"
ROUNDS = 5
MANY = 1000
STAGES = 50
ABOUT = f"""
{MANY:,} no-op steps: `loopline run` with two warm workers; a Prefect flow that submits {MANY:,} no-op tasks to its
thread pool, timed inside the flow (its server's start and CPU are not counted, Loopline's processes all are); `dvc
repro` with {STAGES} stages (scaled down, figures per stage), each a shell that writes one number. "Each further step"
is the difference between a command with many and a command with one step, divided by the steps between. Cached: the
same again, nothing has changed.
"""


def cases(place: Path) -> list[Case]:
    """Whole commands, then what each further step costs, first fresh and then cached."""
    env = environment(place / "home")
    project = loopline_project(place / "ours", env)
    many, single = (dvc_project(place / f"dvc{n}", n, env) for n in (STAGES, 1))
    prefect, dvc = peer("prefect"), peer("dvc").command
    salts = count(0, 10 * MANY)
    salt = [0]

    def ours(steps: int, *, fresh: bool) -> Sample:
        if fresh:
            salt[0] = next(salts)
        words = (LOOPLINE, "run", "many", "--param", f"count={steps}", "--param", f"salt={salt[0]}")
        return command(*words, cwd=project, env=env)

    def theirs(folder: Path, *, fresh: bool) -> Sample:
        if fresh:
            (folder / "in.txt").write_text(f"{next(salts)}\n")
        return command(dvc, "repro", "-q", cwd=folder, env=env)

    def flow(*, fresh: bool) -> Sample:
        way = ("fresh", next(salts)) if fresh else ("cached", 0)
        return one(prefect.python, "prefect_steps", MANY, way[1], way[0], cwd=place, env=env)

    def pair(word: str, *, fresh: bool) -> list[Case]:
        ours_whole, ours_further = further(lambda n: ours(n, fresh=fresh), MANY)
        dvc_whole, dvc_further = further(lambda n: theirs(many if n > 1 else single, fresh=fresh), STAGES)
        return [
            Case(f"{word} steps, whole command", "loopline", ours_whole),
            Case(f"{word} steps, whole command", "dvc", dvc_whole, f"{STAGES} stages"),
            Case(f"each further {word}".replace("no-op", "step").replace("cached", "cached step"), "loopline", ours_further),
            Case(f"each further {word}".replace("no-op", "step").replace("cached", "cached step"), "prefect",
                 lambda: flow(fresh=fresh), "in its flow"),
            Case(f"each further {word}".replace("no-op", "step").replace("cached", "cached step"), "dvc", dvc_further,
                 f"{STAGES} stages"),
        ]  # fmt: skip

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
