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
    "change-unchecked": lambda story: f"/p/flights/changes/{story.named['unchecked']}",
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

EMPTY: dict[str, str] = {
    "empty-overview": "/p/flights",
    "empty-runs": "/p/flights/runs",
    "empty-assets": "/p/flights/assets",
    "empty-changes": "/p/flights/changes",
    "empty-feed": "/p/flights/feed",
    "empty-search": "/p/flights/search?text=delay",
}
"""Name → address, of a ledger in which nothing has happened."""
CLOSED: dict[str, str] = {"login-closed": "/login?next=%2Fp%2Fflights"}
"""Name → address, of a server that asks for tokens, as somebody whom it does not know."""
SAID: dict[str, str] = {
    "overview": "What is current, what waits, what runs and what failed, on one page.",
    "runs": "Runs with their params and metrics; a filter, columns to choose, and up to ten to compare.",
    "runs-filtered": "Runs by a filter over metrics, in the order of one of them.",
    "run": "One run: its curves, steps, inputs and outputs, and the commands that get it again.",
    "run-running": "A run that still runs: steps and curves grow by themselves.",
    "run-failed": "A run that failed says why on top, and leads to the log of the step that broke.",
    "run-metrics": "Every metric of a run, over steps or time, and by slice.",
    "run-steps": "What the steps of a pipeline did, when, and what they waited for.",
    "run-log": "What a step prints, while it prints it.",
    "compare": "Runs beside each other: what differs comes first.",
    "assets": "Data, models, code and environments, with the refs that name their versions.",
    "asset": "One model: its refs, its versions, and how they came to be current.",
    "version": "One version of a model with its files and its card, written from what the ledger knows.",
    "dataset": "One version of a dataset: its files, and what it says of itself.",
    "file": "A table inside of a dataset, column by column, and its first rows.",
    "airports": "A table with empty cells: what is missing is told apart from what is written.",
    "notes": "A text inside of a dataset.",
    "environment": "The packages that runs had, as they were locked.",
    "diff": "Two versions of a dataset, row by row.",
    "changes": "Changes: which refs somebody wants to move, and what they still lack.",
    "change": "The page of a reviewer: what would move, what the policy says, what was measured, and the answer.",
    "change-applied": "A change that was applied, with what held when it was.",
    "change-sliced": "A change that was measured on many slices, and a yes that no longer counts.",
    "change-unchecked": "A change that no check compares: what the runs have measured themselves, and how to take it back.",
    "lineage": "Where a version came from: data, code, runs.",
    "impact": "What a version of the data has touched.",
    "feed": "Everything that happened, in order.",
    "search": "One search over runs, assets and changes.",
    "settings": "Who one is here, and what one may.",
    "settings-people": "Teams and roles.",
    "settings-tokens": "Tokens: issued, narrowed, revoked; a secret is shown once.",
    "settings-policies": "The policies in force, as the project file has them.",
    "settings-subscriptions": "Webhooks that are told of events.",
    "settings-work": "Work that was asked of this server, and the workers that do it.",
    "settings-server": "What this server is.",
    "login": "An open server says that nobody needs to sign in, and how to close it.",
    "login-closed": "A server with tokens asks for one.",
    "device": "A command line is let in by the code that it shows.",
    "device-waiting": "Who asks to be let in, and as whom.",
    "missing": "An address that leads nowhere says so, and where to begin.",
    "empty-overview": "An empty ledger says what to type first.",
    "empty-runs": "No run yet.",
    "empty-assets": "No asset yet.",
    "empty-changes": "No change yet.",
    "empty-feed": "An empty feed.",
    "empty-search": "A search that finds nothing.",
}
"""Name → what its picture shows, in a sentence."""
