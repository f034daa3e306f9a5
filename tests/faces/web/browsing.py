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
    "assets": lambda _: "/p/flights/assets",
    "asset": lambda _: "/p/flights/assets/model/delay",
    "version": lambda _: "/p/flights/assets/model/delay@2",
    "dataset": lambda _: "/p/flights/assets/data/flights@3",
    "file": lambda _: "/p/flights/assets/data/flights@3?file=2026_06.csv",
    "airports": lambda _: "/p/flights/assets/data/airports@1?file=airports.csv",
    "notes": lambda _: "/p/flights/assets/data/airports@1?file=NOTES.txt",
    "environment": lambda _: "/p/flights/assets/env/flights@1",
    "diff": lambda _: "/p/flights/diff?old=data%2Fflights%402&new=data%2Fflights%403&rows=1",
    "changes": lambda _: "/p/flights/changes?all=1",
    "change": lambda story: f"/p/flights/changes/{story.named['waiting']}",
    "change-applied": lambda story: f"/p/flights/changes/{story.named['applied']}?rows=1",
    "change-sliced": lambda story: f"/p/flights/changes/{story.named['sliced']}",
    "lineage": lambda _: "/p/flights/lineage?of=model%2Fdelay%40champion",
    "impact": lambda _: "/p/flights/lineage?of=data%2Fflights%401&way=impact",
    "feed": lambda _: "/p/flights/feed",
    "search": lambda _: "/p/flights/search?text=delay",
    "settings": lambda _: "/p/flights/settings",
    "settings-people": lambda _: "/p/flights/settings/people",
    "settings-tokens": lambda _: "/p/flights/settings/tokens",
    "settings-policies": lambda _: "/p/flights/settings/policies",
    "settings-subscriptions": lambda _: "/p/flights/settings/subscriptions",
    "settings-work": lambda _: "/p/flights/settings/work",
    "settings-server": lambda _: "/p/flights/settings/server",
    "login": lambda _: "/login",
    "device": lambda _: "/device",
    "device-waiting": lambda story: f"/device?code={story.named['device']}",
    "missing": lambda _: "/p/flights/nothing-here",
}
"""Name → address, of a story that was told. `story.named` has the ids to put in."""
