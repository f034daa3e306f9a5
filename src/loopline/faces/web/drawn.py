"""drawn: the metrics of a run as pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.faces.web.charts.bar import Bar, bar
from loopline.faces.web.charts.line import Curve, line
from loopline.faces.web.words import number

if TYPE_CHECKING:
    from markupsafe import Markup

    from loopline.nouns.run import Run
    from loopline.nouns.series import Series

SPLITS: Final = ("train", "training", "valid", "validation", "val", "eval", "test", "holdout")
"""Beginnings of names that tell parts of the data apart: `train/loss` and `valid/loss` stand in one picture."""
BARS: Final = 40
"""Bars of one picture."""
ALL_BARS: Final = 96
"""Bars on a page, over all pictures."""
_SLICE: Final = re.compile(r"(?P<metric>[^\[]+)\[(?P<column>[^=\]]+)=(?P<member>.*)\]\Z", re.DOTALL)


class Picture(NamedTuple):
    """A chart and its caption."""

    title: str
    drawing: Markup
    note: str = ""


def curves_of(
    points: Sequence[Series], run: Run, *, across: Any = "step", log: bool = False, zone: tzinfo = UTC
) -> list[Picture]:
    """Draw every metric that has a course, those of one name in one picture."""
    groups: dict[str, list[Series]] = {}
    for one in points:
        if one.count > 1:
            head, slash, rest = one.key.partition("/")
            groups.setdefault(rest if slash and head in SPLITS else one.key, []).append(one)
    return [
        Picture(
            name,
            line(
                [_curve(one, i, run, across) for i, one in enumerate(several)],
                title=name,
                across=across,
                log=log,
                zone=zone,
            ),
            ", ".join(number(one.values[-1]) for one in several) if len(several) == 1 else "",
        )
        for name, several in groups.items()
    ]


def _curve(one: Series, index: int, run: Run, across: str) -> Curve:
    tone = index % 10 + 1
    if across == "step":
        return Curve(one.key, one.steps, one.values, tone)
    pairs = sorted(zip(one.times, one.values, strict=True), key=lambda pair: pair[0])
    start = (run.started_at or (pairs[0][0] if pairs else 0)) if across == "elapsed" else 0
    return Curve(one.key, [at - start for at, _ in pairs], [value for _, value in pairs], tone)


def slices_of(metrics: Mapping[str, float], most: int = 12) -> list[Picture]:
    """Draw metrics of slices (`roc_auc[carrier=AA]`): a bar for each member."""
    groups: dict[tuple[str, str], list[Bar]] = {}
    for key, value in metrics.items():
        found = _SLICE.match(key)
        if found and math.isfinite(value):
            groups.setdefault((found["metric"], found["column"]), []).append(Bar(found["member"], value))
    drawn = list(groups.items())[:most]
    fit = min(BARS, ALL_BARS // max(1, len(drawn)))
    return [
        Picture(
            f"{metric} by {column}",
            bar(sorted(bars, key=lambda one: one.value)[:fit], title=f"{metric} by {column}", width=420, zoomed=True),
            f"the lowest {fit} of {len(bars)}" if len(bars) > fit else "",
        )
        for (metric, column), bars in drawn
    ]
