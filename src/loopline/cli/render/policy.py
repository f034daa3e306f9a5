"""policy: what must hold before refs move, rule by rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.text import clean, facts, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from loopline.cli.screen import Screen
    from loopline.nouns.policy import Approvals, Policy


def list_of_policy(values: Sequence[Policy], screen: Screen) -> Iterator[str]:
    """Draw each policy with what it asks for."""
    for index, one in enumerate(values):
        if index:
            yield ""
        yield f"{screen.paint('head', clean(one.name))}  for {screen.paint('name', clean(', '.join(one.refs)))}"
        yield from facts([(screen.paint("dim", key), clean(text)) for key, text in _rules(one) if text], indent="  ")


def _rules(one: Policy) -> list[tuple[str, str]]:
    soak = f"{_span(one.soak.duration)} on {one.soak.on}, at most {one.soak.max_alerts} alerts" if one.soak else ""
    rules = [("check", text) for text in one.checks] + [("metric", text) for text in one.metrics]
    return [
        *rules,
        ("approvals", _approvals(one.approvals) if one.approvals else ""),
        ("soak", soak),
        ("freshness", f"evidence at most {_span(one.freshness)} old" if one.freshness else ""),
        ("pickle", "forbidden" if one.forbid_pickle else ""),
        (
            "override",
            f"by {', '.join(one.override.by)}, for {_span(one.override.expires)}" if one.override.by else "by nobody",
        ),
    ]


def _approvals(rule: Approvals) -> str:
    notes = [
        f"from {', '.join(rule.source)}" if rule.source else "from anybody",
        "not the author" if rule.not_author else "",
        "people only" if rule.humans_only else "",
        "verified identities only" if rule.verified else "",
    ]
    return f"{rule.count} {', '.join(note for note in notes if note)}"


def _span(value: timedelta) -> str:
    return span(value.total_seconds() * 1e6)
