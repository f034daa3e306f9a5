"""drift: a window of a million predictions against what the model was trained on, beside Evidently and by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from benchmarks.measure import OURS, Case, Sample, one, side
from benchmarks.peers import environment, peer

TITLE = "Drift"
ROUNDS = 3
ABOUT = """
A window of 1,000,000 rows of 20 columns (14 of decimal and 3 of whole numbers, 3 of text) against a reference of as many. Every
contestant reads Parquet files, in a process of its own, after its imports; size is the most memory that the process ever had,
imports included. Loopline reads the records of a deployment, as `loopline drift` does, and compares them with the profile that
travels with the model; "profile and report" also makes that profile from the rows of the reference. Evidently: its
DataDriftPreset with its defaults, over the same files. By hand: PSI in 20 quantile bins with NumPy, and for numbers the
two-sample Kolmogorov-Smirnov test of SciPy.
"""
REPORT = "report of 1,000,000 rows × 20 columns"
WHOLE = "profile and report"


@lru_cache
def prepared(place: Path, home: Path) -> Path:
    """Write the tables once, and the records of a deployment with the same rows."""
    side(OURS, "loopline_drift", "prepare", place, cwd=place, env=environment(home))
    return place


def cases(place: Path) -> list[Case]:
    """Ours, by hand, and Evidently, which is slow: once."""
    home = place / "home"
    env = environment(home)

    def run(python: Path, script: str, what: str) -> Callable[[], Sample]:
        return lambda: one(python, script, what, prepared(place, home), cwd=place, env=env)

    evidently = peer("evidently")
    return [
        Case(REPORT, "loopline", run(OURS, "loopline_drift", "report")),
        Case(REPORT, "by hand", run(OURS, "loopline_drift", "hand"), "NumPy and SciPy"),
        Case(REPORT, "evidently", run(evidently.python, "evidently_drift", "report"), evidently.version, rounds=1),
        Case(WHOLE, "loopline", run(OURS, "loopline_drift", "whole")),
    ]
