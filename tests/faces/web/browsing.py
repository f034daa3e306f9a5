"""Every page by its address, for the tests that look at all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .story import Story

ADDRESSES: dict[str, Callable[[Story], str]] = {
    "overview": lambda _: "/p/flights",
    "runs": lambda _: "/p/flights/runs",
    "runs-filtered": lambda _: "/p/flights/runs?where=metrics.roc_auc+%3E+0.75&order=metrics.roc_auc+desc",
    "run": lambda story: f"/p/flights/runs/{story.named['finished']}",
    "run-running": lambda story: f"/p/flights/runs/{story.named['running']}",
    "run-failed": lambda story: f"/p/flights/runs/{story.named['failed']}",
    "run-metrics": lambda story: f"/p/flights/runs/{story.named['finished']}/metrics",
    "run-steps": lambda story: f"/p/flights/runs/{story.named['finished']}/steps",
    "run-log": lambda story: f"/p/flights/runs/{story.named['running']}/log",
    "compare": lambda story: "/p/flights/compare?" + "&".join(f"run={run}" for run in story.named["compared"].split()),
    "missing": lambda _: "/p/flights/nothing-here",
}
"""Name → address, of a story that was told. `story.named` has the ids to put in."""
