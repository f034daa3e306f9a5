"""render: nouns as people read them, in lines.

A *drawer* is a function from a noun and the screen to lines. The table below says by the noun's name who draws it, alone
and in a list, so that only what is drawn is imported. What the table does not know is drawn field by field (plainly.py).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen

ALONE = {
    "About": "about",
    "Alert": "alert",
    "Assessment": "insights",
    "Change": "change",
    "Comparison": "comparison",
    "Drift": "drift",
    "Evaluation": "evaluation",
    "Expected": "expected",
    "Exported": "adoption",
    "Firing": "trigger",
    "Granted": "granted",
    "Handover": "adoption",
    "Impact": "lineage",
    "Insights": "insights",
    "Lineup": "lineup",
    "Imported": "imported",
    "Merge": "merge",
    "Outlook": "plan",
    "Overview": "overview",
    "Postmortem": "incident",
    "Preview": "preview",
    "Published": "version",
    "Quality": "quality",
    "Ran": "plan",
    "Reason": "lineage",
    "Reclaim": "reclaim",
    "Ref": "ref",
    "Registration": "registration",
    "Repeat": "plan",
    "Response": "insights",
    "Review": "comparison",
    "Rollout": "rollout",
    "Run": "run",
    "Silence": "alert",
    "Tail": "series",
    "Takeover": "adoption",
    "Task": "task",
    "Transfer": "transfer",
    "Version": "version",
    "WayBack": "wayback",
    "WholeTrace": "trace",
}
"""Noun → module of this package; the drawer has the noun's name in small letters."""

MANY = {
    "Adopted": "adoption",
    "Alert": "alert",
    "Armed": "trigger",
    "Bucket": "traffic",
    "Change": "change",
    "Clash": "merge",
    "Comment": "discussion",
    "Delivery": "subscription",
    "Deployment": "deployment",
    "Difference": "comparison",
    "Entry": "listing",
    "Event": "event",
    "Finding": "finding",
    "Firing": "trigger",
    "Folder": "listing",
    "Hit": "hit",
    "Incident": "incident",
    "Listed": "listing",
    "Merge": "merge",
    "Monitored": "alert",
    "Moved": "ref",
    "Policy": "policy",
    "Prediction": "prediction",
    "Ref": "ref",
    "Rollout": "rollout",
    "Run": "run",
    "Series": "series",
    "Silence": "alert",
    "Standing": "standing",
    "Subscription": "subscription",
    "Task": "task",
    "Trace": "trace",
    "Verdict": "change",
    "Version": "version",
}
"""Noun → module of this package; the drawer of a list is called `list_of_` and the noun."""


def draw(value: Any, screen: Screen) -> Iterator[str]:
    """Give the lines for a result. An empty list says so on stderr: it has no data."""
    name = type(value).__name__
    if isinstance(value, (tuple, list)):
        if not value:
            screen.say("nothing found")
            return
        name = type(value[0]).__name__
        if name in MANY:
            module = import_module(f"{__name__}.{MANY[name]}")
            yield from getattr(module, f"list_of_{name.lower()}")(value, screen)
            return
    elif name in ALONE:
        module = import_module(f"{__name__}.{ALONE[name]}")
        yield from getattr(module, name.lower())(value, screen)
        return
    elif name in MANY:
        yield from draw((value,), screen)
        return
    from loopline.cli.render.plainly import plainly

    yield from plainly(value, screen)
