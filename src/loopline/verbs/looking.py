"""looking: what a monitor has to look at, out of the ledger, the store and the records; shared by `drift` and who watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid
from loopline.nouns.drift import Drift
from loopline.nouns.look import AHEAD, Look
from loopline.nouns.service import Arm, Monitor, Service
from loopline.signals import drift, monitors, queries
from loopline.signals.counts import Tally
from loopline.verbs.deploying import service_at, service_ref
from loopline.verbs.measured import METRICS, measured
from loopline.verbs.recorded import signals_of

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.name import RefName
    from loopline.nouns.profile import Profile
    from loopline.nouns.quality import Quality

MOST: Final = 1_000_000
"""Rows of a window that are counted, about: of more, always the same ones are taken."""
_WORST: Final = {"bad": 2, "undecided": 1, "good": 0}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A ref of a service, and what it serves."""

    ref: RefName
    number: int
    change: str
    service: Service
    folder: Path
    """Where its records are."""


def deployed(tx: Tables, loop: Loop, ref: RefName) -> Deployed:
    """Read what a ref serves. Raise NotFound, Invalid kind="not-a-service"."""
    here = tx.refs.get(service_ref(ref))
    return Deployed(ref, here.target, here.change or "", service_at(tx, loop, here), signals_of(loop, ref))


def reference_of(loop: Loop, arm: Arm) -> Profile | None:
    """Read what the model of an arm was trained on; None where it was made without."""
    from loopline.models.profile import decode

    return decode(loop.blobs.read(arm.profile)) if arm.profile else None


def answering(service: Service, name: str = "") -> Arm:
    """Give an arm by its name, or the one that gets most of the traffic. Raise Invalid kind="no-arm"."""
    arms = [one for one in service.arms if (one.name == name if name else not one.shadow and one.weight)]
    if not arms:
        raise Invalid(
            f"{service.name} has no arm {name}", kind="no-arm", arm=name,
            hint=f"name one of {', '.join(one.name for one in service.arms)}",
        )  # fmt: skip
    return max(arms, key=lambda one: one.weight)


def newest_event(here: Deployed, now: int) -> int | None:
    """Tell the time of the newest event that was predicted; None where there is none. Clocks that went wrong do not count."""
    return queries.newest(here.folder, answering(here.service).name, before=now + AHEAD)


def drift_of(loop: Loop, here: Deployed, arm: Arm, span: tuple[int, int], monitor: Monitor) -> Drift:
    """Compare a window of event time with what the arm's model was trained on, with a monitor's bounds."""
    unknown = sorted(set(monitor.bounds) - {"effect", "q"}) if monitor.kind == "drift" else []
    if unknown:
        raise Invalid(
            f"a monitor of kind drift has no bound {unknown[0]!r}", kind="bad-bound", hint="use effect, q",
            monitor=monitor.name, bound=unknown[0],
        )  # fmt: skip
    reference = reference_of(loop, arm)
    told = Drift(str(here.ref), arm.name, arm.version, *span, rows=0, columns=())
    if reference is None:
        return told
    tally = Tally(reference, monitor.columns)
    names = [f"{'in' if role == 'input' else 'out'}.{name}" for role, name in tally.columns]
    for batch in queries.window(here.folder, *span, arm.name, names, limit=MOST):
        tally.add(batch)
    columns = drift.judge(
        tally, rows=monitor.rows, effect=monitor.bounds.get("effect", monitors.EFFECT),
        q=monitor.bounds.get("q", monitors.Q),
    )  # fmt: skip
    return replace(told, rows=tally.rows, columns=columns)


def look(loop: Loop, here: Deployed, monitor: Monitor, end: int) -> Look:
    """Look once, at the window of a monitor that ends at a time. Of several arms that answer the worst counts."""
    start = end - round(monitor.window.total_seconds() * 1e6)
    if monitor.kind == "service":
        buckets = queries.traffic(here.folder, start, end, end - start)
        seen = monitors.served(monitor, monitors.traffic(buckets))
        return replace(seen, start=start, end=end)
    if monitor.kind == "quality":
        seen = monitors.realised(monitor, _quality(loop, here, monitor, (start, end)), _training(loop, here))
        return replace(seen, start=start, end=end)
    judged = monitors.drifted if monitor.kind == "drift" else monitors.sound
    looks = []
    arms = [one for one in here.service.arms if one.weight and not one.shadow]
    for arm in arms:
        told = drift_of(loop, here, arm, (start, end), monitor)
        seen = replace(judged(monitor, told.columns), start=start, end=end, rows=told.rows)
        looks.append(replace(seen, summary=f"{arm.name}: {seen.summary}") if len(arms) > 1 else seen)
    return max(looks, key=lambda one: _WORST[one.seen])


def _quality(loop: Loop, here: Deployed, monitor: Monitor, span: tuple[int, int]) -> Quality:
    """Measure what a monitor bounds, as far as it can be measured of this service."""
    from loopline.verbs.quality import quality

    start, end = span
    known = METRICS[measured(here.service.labels, here.service.arms).kind]
    wanted = tuple(dict.fromkeys(one.removesuffix("_drop") for one in monitor.bounds))
    metrics = tuple(one for one in wanted if one in known)
    return quality(loop, here.ref, since=start, until=end, window=timedelta(microseconds=end - start), metrics=metrics)


def _training(loop: Loop, here: Deployed) -> dict[str, Mapping[str, float]]:
    """Give what the run that made the model of each arm has measured, where it is known."""
    with loop.ledger.read() as tx:
        return {arm.name: tx.runs.get(arm.run).metrics for arm in here.service.arms if arm.run}
