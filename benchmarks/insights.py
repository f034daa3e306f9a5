"""insights: delivery measured over two years of a large project."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from benchmarks.measure import OURS, Case, Sample, one, side
from benchmarks.peers import environment

TITLE = "Insights"
ROUNDS = 3
ABOUT = """
A ledger of 100,000 changes and 1,000,000 commits with branches and merges, over two years: 55,000 moves of the main branch,
25,000 deployments of code, 10,000 of models and of data each, with runs, checks, approvals and incidents. What `loopline
insights` tells of a window, all of it, in a process of its own, after its imports, on SQLite; size is the most memory that the
process ever had. A window costs what lies in it: commits below it are not walked. No peer computes these from its own records.
"""
WINDOWS = {"month": "the last 30 days", "quarter": "the last 90 days", "all": "all of it"}


@lru_cache
def prepared(place: Path, home: Path) -> Path:
    """Write the ledger once."""
    side(OURS, "loopline_insights", "prepare", place, cwd=place, env=environment(home))
    return place


def cases(place: Path) -> list[Case]:
    """One for each window."""
    home = place / "home"
    env = environment(home)

    def run(what: str) -> Callable[[], Sample]:
        return lambda: one(OURS, "loopline_insights", what, prepared(place, home), cwd=place, env=env)

    return [Case(told, "loopline", run(what)) for what, told in WINDOWS.items()]
