"""judging: what is known about a rollout: its units out of the records, the judgement of them, and what will be needed.

What was judged is kept whole, so that anybody can judge it again and come to the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loopline.nouns.artifact import JSON
from loopline.nouns.digest import Digest
from loopline.nouns.event import canonical
from loopline.nouns.look import AHEAD
from loopline.nouns.name import parse_ref
from loopline.nouns.rolling import Forecast, Judgement, Plan, Weighting
from loopline.nouns.run import Link
from loopline.verbs.deploying import service_of
from loopline.verbs.measured import measured
from loopline.verbs.recorded import signals_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from loopline.loop import Loop
    from loopline.nouns.rollout import Rollout
    from loopline.nouns.run import Run
    from loopline.rollout.units import Rows
    from loopline.signals.judging import Between, Told

PARQUET: Final = "application/vnd.apache.parquet"
BEFORE: Final = timedelta(days=14)
"""How much of what was recorded before the start a forecast is made of, by event time."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look has found."""

    judged: Judgement
    told: Told
    until: int
    """Event time up to which it was judged."""


def judge_again(loop: Loop, run: Run) -> tuple[Digest, Digest]:
    """Judge once more what a run of kind `rollout` has judged; give the digest of its verdict and that of the new one."""
    from loopline.signals.judging import unpack

    inputs = {link.name: link.digest for link in run.inputs}
    (verdict,) = (link.digest for link in run.outputs if link.name == "judgement")
    plan, weights, until, labelled = _told(loop.blobs.read(inputs["plan"]))
    found = unpack(loop.blobs.read(inputs["units"]), labelled)
    return verdict, loop.blobs.put(_written(_judged(found, plan, weights, until)))


def look(loop: Loop, one: Rollout) -> Looked | None:
    """Judge what has been recorded since it began to roll; None where nothing has."""
    from loopline.signals.judging import told

    between = _between(loop, one, one.weights[0].since)
    found = told(signals_of(loop, parse_ref(one.ref, project=one.project)), between)
    sound = found.at[found.at <= loop.clock.now() + AHEAD]  # clocks that went wrong do not count
    if not len(sound):
        return None
    until = int(sound.max())
    return Looked(_judged(found, one.plan, one.weights, until), found, until)


def _between(loop: Loop, one: Rollout, start: int) -> Between:
    """Say which predictions are judged, from a recorded time on."""
    from loopline.signals.judging import Between

    ref = parse_ref(one.ref, project=one.project)
    with loop.ledger.read() as tx:
        service = service_of(loop, tx.versions.get(ref.asset, one.old))
        before = tx.refs.get(ref).change or ""
    between = Between(before, one.change, start, maturity=round(one.plan.maturity.total_seconds() * 1e6))
    if any(metric.labelled for metric in one.plan.metrics):
        how = measured(service.labels, service.arms)
        between = replace(between, score=how.score, positive=how.positive, classes=how.named)
    if one.plan.column:
        stretches = tuple((weight.since, one.plan.steps[weight.step].members) for weight in one.weights)
        between = replace(between, column=one.plan.column, members=stretches)
    return between


def _judged(found: Told, plan: Plan, weights: tuple[Weighting, ...], until: int) -> Judgement:
    from loopline.rollout.judge import judge
    from loopline.rollout.units import observe

    rows = _rows(found, plan)
    return judge(observe(rows, weights, plan, until=until, labelled_until=found.labelled_until), plan)


def _rows(found: Told, plan: Plan) -> Rows:
    """Say what each event was worth, by metric. A label that came in time was known at once, for whoever counts."""
    import numpy as np

    from loopline.rollout.units import NEVER, Rows

    values: dict[str, Any] = {}
    for one in plan.metrics:
        match one.metric:
            case "errors":
                values[one.metric] = found.failed.astype(np.float64)
            case "latency":
                values[one.metric] = np.where(found.failed, np.nan, found.latency_us)
            case _:
                values[one.metric] = loss(one.metric, found.score, found.truth)
    known = np.where(np.isfinite(found.truth), found.at, NEVER)
    return Rows(found.unit, found.new, found.seen, found.at, known, values)


def loss(metric: str, score: Any, truth: Any) -> Any:
    """Give what each answer cost by a metric, as float64 of one length; NaN where score or truth is missing."""
    import numpy as np

    match metric:
        case "brier" | "squared_error":
            return (score - truth) ** 2
        case "absolute_error":
            return np.abs(score - truth)
        case "wrong":
            missing = np.isnan(score) | np.isnan(truth)
            return np.where(missing, np.nan, ((score >= 0.5) != (truth >= 0.5)).astype(np.float64))
        case _:
            chance = np.clip(np.where(truth >= 0.5, score, 1 - score), 1e-15, 1.0)
            return np.where(np.isnan(truth), np.nan, -np.log(chance))


def foresee(loop: Loop, one: Rollout) -> tuple[Forecast, ...]:
    """Say how many units each answer will take, from what the old version has met; nothing where nothing is recorded."""
    import numpy as np

    from loopline.rollout.power import Usual, forecast
    from loopline.signals.judging import told

    between = replace(_between(loop, one, 0), members=((0, one.plan.steps[0].members),) if one.plan.column else ())
    found = told(signals_of(loop, parse_ref(one.ref, project=one.project)), between)
    sound = found.at[~found.new & (found.at <= loop.clock.now() + AHEAD)]
    if not len(sound):
        return ()
    until = int(sound.max())
    since = max(until - BEFORE // timedelta(microseconds=1), int(sound.min()))
    mine = ~found.new & (found.at >= since) & (found.at <= until)
    rows = _rows(found, one.plan)
    units, whose = np.unique(rows.unit[mine], return_inverse=True)
    usual = {}
    for metric in one.plan.metrics:
        values = rows.values[metric.metric][mine]
        good = np.isfinite(values)
        counts = np.bincount(whose[good], minlength=len(units))
        means = np.bincount(whose[good], values[good], minlength=len(units))[counts > 0] / counts[counts > 0]
        if metric.kind == "events":
            means = (means > 0).astype(np.float64)
        if len(means) > 1:
            usual[metric.metric] = Usual(float(means.mean()), float(means.std()))
    days = max((until - since) / 86_400e6, 1.0)
    return forecast(one.plan, units_a_day=len(units) / days, usual=usual)


def kept(loop: Loop, one: Rollout, looked: Looked) -> Mapping[str, Link]:
    """Keep what was judged, how, and what came of it."""
    import msgspec

    from loopline.signals.judging import pack

    plan = canonical({
        "plan": msgspec.to_builtins(one.plan),
        "weights": msgspec.to_builtins(one.weights),
        "until": looked.until,
        "labelled_until": looked.told.labelled_until,
    })
    told = {"units": (pack(looked.told), PARQUET), "plan": (plan, JSON), "judgement": (_written(looked.judged), JSON)}
    return {name: Link(name, loop.blobs.put(data), media_type, len(data)) for name, (data, media_type) in told.items()}


def _written(judged: Judgement) -> bytes:
    import msgspec

    return canonical(msgspec.to_builtins(judged))


def _told(data: bytes) -> tuple[Plan, tuple[Weighting, ...], int, int]:
    import msgspec

    found = msgspec.json.decode(data)
    return (
        msgspec.convert(found["plan"], Plan),
        msgspec.convert(found["weights"], tuple[Weighting, ...]),
        int(found["until"]),
        int(found["labelled_until"]),
    )
