"""quality: how good a service's predictions turned out to be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.evaluation import Estimate
from loopline.nouns.name import RefName
from loopline.nouns.quality import Cell, Quality
from loopline.verbs.deploying import service_at, service_ref
from loopline.verbs.instants import instant
from loopline.verbs.measured import Measured, allowed, measured
from loopline.verbs.recorded import signals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.checks.grouped import Grouped
    from loopline.signals.quality import Scored

DAY: Final = timedelta(days=1)
NONE: Final = timedelta()
MOST: Final = 20_000
"""Cells of one answer."""
_MEMBERS: Final = 100
"""Members of a slice that are told one by one, the largest; the rest is `(other)`."""
_OTHER: Final = "(other)"


def quality(
    loop: Loop,
    ref: Annotated[RefName, "service/delay@prod"],
    *,
    since: Annotated[
        int | None, "first event time: 2026-07-01, 2026-07-01T09:30 (UTC), or microseconds", instant
    ] = None,
    until: Annotated[int | None, "event time before which it lies", instant] = None,
    window: Annotated[timedelta, "how much event time is measured together"] = DAY,
    maturity: Annotated[
        timedelta, "labels count that were known within this time of the event; 0: whenever they were"
    ] = NONE,
    slices: Annotated[tuple[str, ...], "input columns; those that the service declares when left out"] = (),
    metrics: Annotated[tuple[str, ...], "those that the service declares, or else the usual ones"] = (),
    rows: Annotated[int, "with fewer labels a cell has no estimates"] = 30,
) -> Quality:
    """Measure a service by the labels that have come, by window, arm and slice, and tell how many predictions have one.

    Cells without a slice are all rows of their window; windows follow each other from `since` on. With a maturity all arms are
    measured on labels of the same age. Where a model tells more than two classes apart and the service does not declare which
    counts as 1 (`labels.positive`), `accuracy` is measured: how often `predict` is the label.

    Example:
        loopline quality service/delay@prod --since 2013-07-01 --window 7d --slice carrier
    """
    from loopline.signals.quality import Asked, scored

    step, age = (one // timedelta(microseconds=1) for one in (window, maturity))
    if step <= 0 or age < 0:
        raise Invalid(
            "a window must be longer than nothing, a maturity not shorter", kind="bad-value", hint="write for example 1d",
            window=window.total_seconds(), maturity=maturity.total_seconds(),
        )  # fmt: skip
    with loop.ledger.read() as tx:
        service = service_at(tx, loop, tx.refs.get(service_ref(ref)))
    how = measured(service.labels, service.arms)
    chosen = metrics or service.labels.metrics or how.usual
    allowed(how, chosen or ())
    cut = tuple(dict.fromkeys(slices or service.labels.slices))
    found = scored(
        signals_of(loop, ref), Asked(how.score, since, until, step, age, cut, how.positive, classes=how.named)
    )
    cells = tuple(_cells(found, how, chosen, step, rows))
    return Quality(
        str(ref), age, cells, found.contradicted, found.unmatched, how.kind, how.score, how.positive, how.classes
    )


def _cells(found: Scored, how: Measured, metrics: Sequence[str] | None, step: int, least: int) -> Iterator[Cell]:
    import numpy as np

    from loopline.checks.grouped import Grouped

    labelled = np.isfinite(found.truth) & np.isfinite(found.score)
    odd = 0
    binary = how.kind != "regression"
    if binary:
        outside = labelled & ((found.score < 0) | (found.score > 1))
        odd = int(np.count_nonzero(outside))
        labelled &= ~outside
    measure = Grouped(
        found.truth[labelled], found.score[labelled], kind="binary" if binary else "regression", metrics=metrics
    )
    told = 0
    ways: list[tuple[str, Any, tuple[str, ...]]] = [("", np.zeros(len(found.group), dtype=np.int32), ("",))]
    ways += [(column, *_few(*coded)) for column, coded in found.slices.items()]
    for column, codes, members in ways:
        group = found.group * np.int32(len(members)) + codes
        count = len(found.groups) * len(members)
        sizes = np.bincount(group, minlength=count)
        told += int(np.count_nonzero(sizes))
        if told > MOST:
            raise Invalid(
                f"there are more than {MOST:,} cells", kind="too-many-cells", hint="take a longer --window, or fewer slices",
                most=MOST,
            )  # fmt: skip
        values = _Values(measure, group[labelled], count)
        for at in np.flatnonzero(sizes):
            where, member = divmod(int(at), len(members))
            start, arm, version = found.groups[where]
            estimates, note = values.of(int(at), column, members[member], least)
            if odd and not column:
                note = f'{odd} scores of all windows are no probabilities; for numbers declare labels = {{ kind = "regression" }}'
            yield Cell(
                start,
                start + step,
                arm,
                version,
                column,
                members[member],
                int(sizes[at]),
                values.count(int(at)),
                estimates,
                note,
            )


class _Values:
    """The metrics of all groups of one way to cut rows."""

    def __init__(self, measure: Grouped, group: Any, count: int) -> None:
        import numpy as np

        self._counts = np.bincount(group, minlength=count).tolist()
        self._values = {metric: values.tolist() for metric, values in measure.measure(group, count).items()}

    def count(self, at: int) -> int:
        return int(self._counts[at])

    def of(self, at: int, column: str, member: str, least: int) -> tuple[tuple[Estimate, ...], str]:
        n = self.count(at)
        if n < max(least, 1):
            return (), "no labels yet" if not n else f"{n} labelled, fewer than {least}"
        found = {metric: values[at] for metric, values in self._values.items()}
        defined = {metric: value for metric, value in found.items() if value == value}  # noqa: PLR0124 (only NaN differs)
        note = (
            f"not defined: {', '.join(one for one in found if one not in defined)}" if len(defined) < len(found) else ""
        )
        return (
            tuple(
                Estimate(metric, float(f"{value:.12g}"), n=n, slice=column, member=member)
                for metric, value in defined.items()
            ),
            note,
        )


def _few(codes: Any, members: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Keep the largest members, and put the others together."""
    import numpy as np

    if len(members) <= _MEMBERS + 1:
        return codes, members
    sizes = np.bincount(codes, minlength=len(members))
    kept = np.sort(np.argsort(-sizes, kind="stable")[:_MEMBERS])
    new = np.full(len(members), _MEMBERS, dtype=np.int32)
    new[kept] = np.arange(_MEMBERS, dtype=np.int32)
    return new[codes], (*(members[k] for k in kept), _OTHER)
