"""learning: what only loops of data and models have: how long data wait, how old a model is, how soon bad data show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loopline.insights.sums import Sample, quantile, spread, unknown
from loopline.nouns.insight import Measure

if TYPE_CHECKING:
    from loopline.insights.calendar import Window


@dataclass(frozen=True, slots=True)
class Used:
    """A data commit, and the first deployment of a model that was trained on it."""

    id: str
    committed: int
    deployed: int


@dataclass(frozen=True, slots=True)
class Serving:
    """A model that is in production now."""

    ref: str
    newest: int | None
    """The latest time that its training data are about; None: they do not say."""


@dataclass(frozen=True, slots=True)
class Retrained:
    """A drift or quality alert that asked for another model."""

    alert: str
    opened: int
    moved: int | None
    """When that model got to production; None: it has not."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A data commit that turned out to be bad, and the first alert that was linked to it."""

    id: str
    committed: int
    seen: int | None


def data_to_decision(used: Iterable[Used], window: Window) -> Measure:
    """Take the time from a data commit to the first production deployment of a model whose training closure has it."""
    some = sorted((one for one in used if one.deployed in window), key=lambda one: (one.deployed, one.id))
    return spread(
        "data-to-decision lead time",
        [Sample(one.deployed, max(0, one.deployed - one.committed), one.id) for one in some],
        window,
    )


def staleness(serving: Sequence[Serving], window: Window) -> Measure:
    """Take now − the latest time that the training data of a serving model are about."""
    name = "model staleness"
    if not serving:
        return unknown(name, "s", "no model is in production")
    told = [one for one in serving if one.newest is not None]
    if not told:
        return unknown(name, "s", "no training data say what time they are about: loopline add … --event-time …")
    ages = sorted(window.now - (one.newest or 0) for one in told)
    why = (
        f"{len(serving) - len(told)} of {len(serving)} do not say what time their data are about"
        if told != list(serving)
        else ""
    )
    return Measure(
        name, "s", quantile(ages, 0.5), quantile(ages, 0.9), len(ages), why=why,
        ids=tuple(one.ref for one in told[: window.limit]),
    )  # fmt: skip


def retrain(retrained: Iterable[Retrained], window: Window) -> Measure:
    """Take the time from a drift or quality alert to the production move of what a trigger proposed for it."""
    samples = [
        Sample(
            one.opened,
            max(0, (window.now if one.moved is None else one.moved) - one.opened),
            one.alert,
            one.moved is not None,
        )
        for one in retrained
        if one.opened in window
    ]
    why = "" if samples else "no alert has set a trigger off that proposes a model"
    return spread("retrain lead time", sorted(samples), window, why=why)


def detection(bad: Iterable[Bad], window: Window) -> Measure:
    """Take the time from a bad data commit to the first alert linked to it. Bad: in quarantine, or blamed by an incident."""
    samples = [
        Sample(
            one.committed,
            max(0, (window.now if one.seen is None else one.seen) - one.committed),
            one.id,
            one.seen is not None,
        )
        for one in bad
        if one.committed in window
    ]
    return spread("detection latency", sorted(samples), window, why="" if samples else "no data turned out to be bad")


def evidence_age(rows: Iterable[tuple[str, int, int]], window: Window) -> Measure:
    """Take how old the oldest verdict was that counted, when a change was applied: rows are (change, closed, verdict)."""
    return spread("evidence age", [Sample(closed, closed - at, change) for change, closed, at in rows], window)


def rollback_distance(moved: Mapping[str, tuple[int, int]], window: Window) -> Measure:
    """Count the refs that had to move together in a rollback: by change, when it was and how many there were."""
    samples = sorted(Sample(at, count, change) for change, (at, count) in moved.items())
    return replace(spread("rollback distance", samples, window, unit="count"), why="refs that moved together")
