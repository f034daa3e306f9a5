"""written: policies as the project's file has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta

from loopline.nouns.policy import Approvals, OverrideRule, Policy


def written(policies: Sequence[Policy]) -> str:
    """Write policies as TOML: what is as it is by default is left out. `loopline.toml` with it proposes the same."""
    return "\n\n".join("\n".join(_policy(one)) for one in policies) + ("\n" if policies else "")


def _policy(one: Policy) -> Iterator[str]:
    yield "[[policies]]"
    yield f"name = {_text(one.name)}"
    yield f"refs = {_list(one.refs)}"
    if one.checks:
        yield f"checks = {_list(one.checks)}"
    if one.metrics:
        yield f"metrics = {_list(one.metrics)}"
    if one.freshness is not None:
        yield f"freshness = {_text(_span(one.freshness))}"
    if one.forbid_pickle:
        yield "forbid_pickle = true"
    if one.approvals is not None:
        yield f"approvals = {{ {', '.join(_approvals(one.approvals))} }}"
    if one.soak is not None:
        alerts = f", max_alerts = {one.soak.max_alerts}" if one.soak.max_alerts else ""
        yield f"soak = {{ on = {_text(one.soak.on)}, for = {_text(_span(one.soak.duration))}{alerts} }}"
    if one.override != OverrideRule():
        expires = (
            f", expires = {_text(_span(one.override.expires))}"
            if one.override.expires != OverrideRule().expires
            else ""
        )
        yield f"override = {{ by = {_list(one.override.by)}{expires} }}"


def _approvals(rule: Approvals) -> Iterator[str]:
    yield f"count = {rule.count}"
    if rule.source:
        yield f"from = {_list(rule.source)}"
    if not rule.not_author:
        yield "not_author = false"
    if not rule.humans_only:
        yield "humans_only = false"
    if rule.verified:
        yield "verified = true"


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    """Write a basic string: JSON's escapes are TOML's, but for the character that JSON leaves alone."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _span(value: timedelta) -> str:
    seconds = value.total_seconds()
    for length, sign in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % length == 0:
            return f"{int(seconds // length)}{sign}"
    return f"{seconds:g}s"
