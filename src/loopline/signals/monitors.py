"""monitors: one look at a window, and when looks that are bad become an alert. Pure: what was measured in, what it means out.

A look is good, bad, or undecided where there is too little to say either. An alert rises after `rise` bad looks and is over after
`clear` good ones; in between, and for a look that is undecided, everything stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from loopline.errors import Invalid
from loopline.nouns.drift import ColumnDrift
from loopline.nouns.look import Look, Seen, Watch
from loopline.nouns.quality import Cell, Quality
from loopline.nouns.service import Monitor

EFFECT: Final = 0.1
Q: Final = 0.01
SHARES: Final = {"nulls": 0.05, "range": 0.01, "new": 0.01}
"""Shares of rows that a monitor of kind `data` allows where it names none."""
BETTER_LOW: Final = frozenset({"log_loss", "brier", "calibration_error", "mae", "rmse"})
SERVICE: Final = ("p50_ms", "p99_ms", "errors", "saturation")
_COUNTED: Final = {"errors": "errors", "saturation": "busy"}
_NAMED: Final = 5
"""Columns that a summary names."""

Turn = Literal["rise", "clear", "stay"]


def drifted(monitor: Monitor, columns: Sequence[ColumnDrift]) -> Look:
    """Look at drift, as `signals.drift.judge` has told it with this monitor's bounds."""
    tested = [one for one in columns if one.verdict in ("drift", "stable")]
    if not tested:
        return _undecided(_why_none(monitor, columns))
    moved = [one for one in tested if one.verdict == "drift"]
    facts = {"columns": len(tested), "moved": {one.column: _measured(one) for one in moved}}
    if not moved:
        return Look("good", f"none of {len(tested)} columns moved", facts=facts)
    return Look("bad", f"{_of(len(moved), len(tested))} moved: {_list([_moved(one) for one in moved])}", facts=facts)


def sound(monitor: Monitor, columns: Sequence[ColumnDrift]) -> Look:
    """Look at what the data are like: missing values, values out of range, categories that training never saw.

    `nulls` is the share of rows beyond what the reference had itself. A column that the window does not have at all is bad,
    whatever is allowed.
    """
    allowed = {**SHARES, **monitor.bounds}
    _known(monitor, SHARES)
    present = [one for one in columns if one.rows >= monitor.rows and one.role == "input"]
    most = max((one.rows for one in columns), default=0)
    if not present:
        return _undecided(f"{most} rows, {monitor.rows} are needed")
    wrong: dict[str, dict[str, float]] = {}
    for one in columns:
        if one.role == "input" and not one.rows:
            wrong[one.column] = {"missing": 1.0}
    for one in present:
        over = {name: share for name, share in _shares(one).items() if share > allowed[name]}
        if over:
            wrong[one.column] = over
    facts: dict[str, Any] = {"columns": len(present), "wrong": wrong}
    if not wrong:
        return Look("good", f"{len(present)} columns are as they were in training", facts=facts)
    worst = sorted(wrong.items(), key=lambda pair: (-max(pair[1].values()), pair[0]))
    said = [f"{name} ({', '.join(_share(*one) for one in over.items())})" for name, over in worst]
    total = len([one for one in columns if one.role == "input"])
    return Look("bad", f"{_of(len(wrong), total)} not as in training: {_list(said)}", facts=facts)


def realised(monitor: Monitor, quality: Quality, training: Mapping[str, Mapping[str, float]] | None = None) -> Look:
    """Look at quality that labels have shown, against a worst value (`METRIC`) or the fall since training (`METRIC_drop`).

    `training` tells for each arm what the run that made its model has measured.
    Where there is an interval, bad means that all of it is worse than allowed; a value that is worse while its interval is not
    decides nothing. Only whole windows count, no slices.
    """
    cells = [one for one in quality.cells if not one.slice]
    enough = [one for one in cells if one.labelled >= monitor.rows]
    if not enough:
        most = max((one.labelled for one in cells), default=0)
        return _undecided(f"{most} labels, {monitor.rows} are needed")
    said, facts, seen, unknown = [], {}, list[Seen](), list[str]()
    for cell in enough:
        for bound, allowed in monitor.bounds.items():
            found = _held(cell, bound, allowed, (training or {}).get(cell.arm, {}))
            if found is None:
                unknown.append(f"{bound} of {cell.arm}")
                continue
            one, text, measured = found
            seen.append(one)
            facts[f"{cell.arm}.{bound}"] = measured
            if one != "good":
                said.append(text)
    if not seen:
        return _undecided(
            f"not measured, there or in training: {_list(unknown)}" if unknown else "no bound is declared"
        )
    if "bad" in seen:
        return Look("bad", "; ".join(said), facts=facts)
    if "undecided" in seen:
        return Look("undecided", f"{'; '.join(said)}, but not for certain", facts=facts)
    return Look("good", "quality is within its bounds", facts=facts)


def served(monitor: Monitor, measured: Mapping[str, float]) -> Look:
    """Look at how requests were answered: `rows` of them, and what is measured of SERVICE."""
    _known(monitor, SERVICE)
    rows = int(measured.get("rows", 0))
    if rows < monitor.rows:
        return _undecided(f"{rows} requests, {monitor.rows} are needed")
    facts = {name: measured[name] for name in SERVICE if name in measured}
    over = [
        f"{name} {_number(name, facts[name])}, at most {_number(name, bound)}"
        for name, bound in monitor.bounds.items()
        if name in facts and facts[name] > bound
    ]
    if over:
        return Look("bad", "; ".join(over), facts=facts)
    return Look("good", f"{rows} requests were answered as they should be", facts=facts)


def traffic(buckets: Iterable[Any]) -> dict[str, float]:
    """Put pieces of traffic (`signals.queries.traffic`, one for each arm) together into what `served` wants.

    Of quantiles the worst arm counts. `errors` is the share of 5xx, `saturation` the share that was sent away as
    too much (429, 503).
    """
    told = [one for one in buckets if not one.shadow]
    rows = sum(one.requests for one in told)
    if not rows:
        return {"rows": 0}
    found = {name: sum(getattr(one, of) for one in told) / rows for name, of in _COUNTED.items()}
    times = {f"p{at}_ms": max(getattr(one, f"p{at}_us") for one in told) / 1e3 for at in (50, 99)}
    return {"rows": rows, **found, **times}


def step(watch: Watch, look: Look, monitor: Monitor, *, number: int) -> tuple[Watch, Turn]:
    """Go on by one look, and tell whether an alert rises or is over. A new version of the service starts counting anew.

    What fires goes on firing across versions until it was good often enough: a new model that does the same is no end.
    """
    if watch.number != number:
        watch = Watch(number, firing=watch.firing, since=watch.since if watch.firing else 0)
    if look.seen == "undecided":
        return replace(watch, last=look), "stay"
    if look.seen == "bad":
        since = watch.since if watch.bad or watch.firing else look.end
        watch = replace(watch, bad=watch.bad + 1, good=0, since=since, last=look)
        if not watch.firing and watch.bad >= monitor.rise:
            return replace(watch, firing=True), "rise"
        return watch, "stay"
    watch = replace(watch, bad=0, good=watch.good + 1, last=look)
    if watch.firing and watch.good >= monitor.clear:
        return replace(watch, firing=False, since=0), "clear"
    return watch, "stay"


def write(watch: Watch) -> str:
    """Give the state as a short text: equal states give equal texts."""
    import msgspec

    from loopline.nouns.event import canonical

    return canonical(msgspec.to_builtins(watch)).decode()


def read(text: str) -> Watch:
    """Take what `write` gave."""
    import msgspec

    return msgspec.json.decode(text, type=Watch)


def _undecided(why: str) -> Look:
    return Look("undecided", why)


def _why_none(monitor: Monitor, columns: Sequence[ColumnDrift]) -> str:
    if all(one.verdict == "no reference" for one in columns):
        return "the model has no reference profile: sign it with its training rows"
    most = max(one.rows - one.nulls for one in columns)
    return f"{most} rows, {monitor.rows} are needed"


def _known(monitor: Monitor, names: Sequence[str] | Mapping[str, float]) -> None:
    wrong = sorted(set(monitor.bounds) - set(names))
    if wrong:
        raise Invalid(
            f"a monitor of kind {monitor.kind} has no bound {wrong[0]!r}", kind="bad-bound", hint=f"use {', '.join(names)}",
            monitor=monitor.name, bound=wrong[0],
        )  # fmt: skip


def _moved(one: ColumnDrift) -> str:
    return f"{one.column} ({'D' if one.test == 'ks' else 'TV'} {one.effect or 0.0:.2f})"


def _measured(one: ColumnDrift) -> dict[str, Any]:
    return {
        "test": one.test, "effect": _short(one.effect), "q": _short(one.q), "psi": _short(one.psi), "new": list(one.new)
    }  # fmt: skip


def _shares(one: ColumnDrift) -> dict[str, float]:
    """Give the shares of rows of a column that are missing beyond the reference's own, out of range, and new."""
    usual = one.reference.nulls / one.reference.rows if one.reference and one.reference.rows else 0.0
    return {
        "nulls": max(0.0, one.nulls / one.rows - usual), "range": one.outside / one.rows, "new": one.new_rows / one.rows
    }  # fmt: skip


def _share(name: str, share: float) -> str:
    if name == "missing":
        return "missing"
    return f"{share:.1%} {({'nulls': 'more missing', 'range': 'out of range', 'new': 'new'})[name]}"


def _held(
    cell: Cell, bound: str, allowed: float, training: Mapping[str, float]
) -> tuple[Seen, str, dict[str, float | None]] | None:
    """Hold one metric of a window against its bound; None where it was not measured."""
    metric = bound.removesuffix("_drop")
    found = next((one for one in cell.estimates if one.metric == metric and not one.slice), None)
    before = training.get(metric)
    if found is None or (bound != metric and before is None):
        return None
    sign = 1.0 if metric in BETTER_LOW else -1.0
    limit = allowed if before is None or bound == metric else before + sign * allowed
    nearest = found.low if metric in BETTER_LOW else found.high
    worse = sign * (found.value - limit) > 0
    surely = worse and (nearest is None or sign * (nearest - limit) > 0)
    text = f"{metric} {found.value:.3f} of {cell.arm}, at {'most' if metric in BETTER_LOW else 'least'} {limit:.3f}"
    measured = {
        "value": _short(found.value),
        "low": _short(found.low),
        "high": _short(found.high),
        "limit": _short(limit),
    }
    return ("bad" if surely else "undecided" if worse else "good"), text, measured


def _of(some: int, total: int) -> str:
    return f"{some} of {total} columns"


def _list(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_NAMED]) + (", …" if len(texts) > _NAMED else "")


def _number(name: str, value: float) -> str:
    return f"{value:.1f} ms" if name.endswith("_ms") else f"{value:.2%}"


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
