"""rollouts: `[services."service/delay".rollout]` of a project's file: how a new version takes over from the one before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, get_args

from loopline.errors import Invalid
from loopline.nouns.rolling import Judged, Kind, Over, Plan, Step
from loopline.rollout.plan import sound, usual
from loopline.settings.table import near

if TYPE_CHECKING:
    from loopline.settings.table import Table

BOUNDED: Final = {"brier": 1.0, "wrong": 1.0}
"""Losses with a greatest value of their own: the squared error of a probability, and whether the likelier class was wrong."""
BOUNDLESS: Final = ("log_loss", "absolute_error", "squared_error")
"""Losses that have none: `most` says from where on one is as bad as the other."""
EVENTS: Final = ("errors",)
LATENCY: Final = ("latency",)
METRICS: Final = (*BOUNDED, *BOUNDLESS, *EVENTS, *LATENCY)
_DEFAULT: Final = Plan("at-once", ())
_STEP: Final = Step(1.0)


def rollout(table: Table | None) -> Plan | None:
    """Take how a service rolls out; None where nothing is said."""
    if table is None:
        return None
    table.needed("kind")
    kind = table.choice("kind", get_args(Kind), "at-once")
    column = table.text("column")
    if (kind == "slice") != bool(column):
        hint = 'write column = "NAME"' if kind == "slice" else 'remove it, or write kind = "slice"'
        table.fail("column", f"kind {kind} and column = {column!r} do not fit", kind="bad-value", hint=hint)
    found = Plan(
        kind=kind,
        steps=tuple(_step(one, kind) for one in table.many("steps")) or usual(kind),
        metrics=tuple(_metric(one) for one in table.many("metrics")),
        alpha=table.number("alpha", _DEFAULT.alpha, least=1e-9, most=0.5),
        maturity=table.duration("maturity", _DEFAULT.maturity),
        unit_window=table.positive("unit_window", _DEFAULT.unit_window),
        cap=table.whole("cap", _DEFAULT.cap, least=1),
        missing=table.number("missing", _DEFAULT.missing, most=0.999),
        most=table.positive("most", _DEFAULT.most),
        units=table.whole("units", _DEFAULT.units),
        over=table.choice("over", get_args(Over), _DEFAULT.over),
        column=column,
    )
    table.done()
    if any(one.labelled for one in found.metrics) and not found.maturity:
        table.fail(
            "maturity", "labels are judged at one age, and nothing says at which", kind="missing-key",
            hint='write maturity = "2d": as long as nearly all labels take',
        )  # fmt: skip
    try:
        return sound(found)
    except Invalid as error:
        table.source.fail(table.path, error.message, kind=error.kind, hint=error.hint, **error.facts)


def _step(table: Table, kind: str) -> Step:
    table.needed("weight")
    found = Step(
        weight=table.number("weight", 0.0, most=1.0),
        least=table.whole("least", _STEP.least, least=1),
        most=table.positive("most", _STEP.most),
        hold=table.duration("hold", _STEP.hold),
        slack=table.number("slack", _STEP.slack, least=1.0),
        members=table.texts("members"),
    )
    if found.members and kind != "slice":
        table.fail(
            "members", f"members and kind {kind} do not fit", kind="bad-value", hint="name members for a slice alone"
        )
    table.done()
    return found


def _metric(table: Table) -> Judged:
    for key in ("name", "tolerance"):
        table.needed(key)
    name = table.text("name")
    if name not in METRICS:
        hint = near(name, METRICS) or f"write one of {', '.join(METRICS)}"
        table.fail("name", f"{name!r} is not judged", kind="bad-value", hint=hint, text=name)
    if name in BOUNDLESS:
        table.needed("most")
    facts: dict[str, Any] = {}
    if name in LATENCY:
        facts["quantile"] = table.number("quantile", 0.95, least=0.01, most=0.999)
    elif name not in EVENTS:
        facts = {"labelled": True, "high": table.number("most", BOUNDED.get(name, 1.0), least=1e-9)}
    if "window" in table:
        facts["window"] = table.positive("window", timedelta())
    measure = "latency" if name in LATENCY else "events" if name in EVENTS else "loss"
    found = Judged(name, measure, table.number("tolerance", 0.0), **facts)  # type: ignore[arg-type] # one of three words
    table.done()
    return found
