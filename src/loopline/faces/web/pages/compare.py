"""compare: up to ten runs side by side: what they were given, how they went, where they ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.faces.desk import act
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.bar import Bar, bar
from loopline.faces.web.charts.line import Across, Curve, line
from loopline.faces.web.charts.scatter import Dot, Line, box_plot, parallel, scatter
from loopline.faces.web.page import address, door, project_of, render, shown
from loopline.verbs.compare import compare
from loopline.verbs.series import series

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.lineup import Figure, Lineup
    from loopline.nouns.lineup import Line as NamedLine
    from loopline.nouns.series import Series

LETTERS: Final = "ABCDEFGHIJ"
CURVES: Final = 6
POINTS: Final = 3600
"""Points on the page, over all curves: what keeps it below 150 KB."""
MOST: Final = 400
"""Points of one curve: as many as its picture has room for."""
AXES: Final = 8
BARS: Final = 6
PLOTS: Final = 4
FEW: Final = 3
"""Runs, or slices, below which a picture of their spread would show nothing."""
_SLICE: Final = re.compile(r"(?P<metric>[^\[]+)\[(?P<column>[^=\]]+)=.*\]\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart and its caption."""

    title: str
    drawing: Markup


@shown
async def page(request: Request) -> Response:
    """Show runs side by side."""
    names = tuple(request.query_params.getlist("run"))
    across: Across = "elapsed" if request.query_params.get("across") == "elapsed" else "step"
    loop = door(request, "compare")
    found = await act(request, compare, loop, names)
    points = await act(
        request, series, door(request, "series"), tuple(run.id for run in found.runs), points=min(MOST, POINTS // len(found.runs))
    )  # fmt: skip
    chosen = tuple(run.id for run in found.runs)
    project = project_of(request)
    return await render(
        request, "compare.html", title="Compare", section="runs", asked=Asked("compare", {"runs": chosen}),
        crumbs=[("Runs", address(project, "runs"))], found=found, letters=LETTERS,
        curves=curves(found, points, across), bars=bars(found), lines=lines(found), across=across, dots=dots(found, project),
        spreads=spreads(found),
        others=[address(project, "compare", run=chosen), address(project, "compare", run=chosen, across="elapsed")],
        without=[address(project, "compare", run=[one for one in chosen if one != run]) for run in chosen],
    )  # fmt: skip


def curves(found: Lineup, points: Sequence[Series], across: Across) -> list[Picture]:
    """Draw each metric that has a course, all runs in one picture."""
    place = {run.id: i for i, run in enumerate(found.runs)}
    by_key: dict[str, list[Series]] = {}
    for one in points:
        if one.count > 1:
            by_key.setdefault(one.key, []).append(one)
    keys = sorted(by_key, key=lambda key: (-len(by_key[key]), key))[:CURVES]
    most = min(MOST, POINTS // max(1, sum(len(by_key[key]) for key in keys)))
    return [
        Picture(
            key,
            line(
                [_curve(one, found, place[one.run], across) for one in by_key[key]],
                title=key,
                across=across,
                named=False,
                most=most,
            ),
        )
        for key in keys
    ]


def _curve(one: Series, found: Lineup, number: int, across: Across) -> Curve:
    if across == "elapsed":
        pairs = sorted(zip(one.times, one.values, strict=True), key=lambda pair: pair[0])
        start = pairs[0][0] if pairs else 0
        xs: Sequence[float] = [at - start for at, _ in pairs]
        ys = [value for _, value in pairs]
    else:
        xs, ys = one.steps, list(one.values)
    return Curve(f"{LETTERS[number]} {found.runs[number].name}", xs, ys, number + 1, LETTERS[number])


def bars(found: Lineup) -> list[Picture]:
    """Draw where the runs ended, for the metrics that differ."""
    figures = _ends(found)[:BARS]
    return [
        Picture(
            one.name,
            bar(
                [
                    Bar(f"{LETTERS[i]} {found.runs[i].name}", value, i + 1)
                    for i, value in enumerate(one.values)
                    if value is not None
                ],
                title=f"{one.name} at the end",
                width=420,
                zoomed=True,
            ),
        )
        for one in figures
    ]


def lines(found: Lineup) -> Markup | None:
    """Draw params and final metrics as one line for each run; None where fewer than two differ."""
    params = [one for one in found.params if one.differs]
    figures = _ends(found)
    axes: list[NamedLine | Figure] = list(params[: AXES - min(len(figures), 3)])
    axes += figures[:3]
    if len(axes) < 2:
        return None
    drawn = [
        Line(f"{LETTERS[i]} {run.name}", [_value(one.values[i]) for one in axes], i + 1)
        for i, run in enumerate(found.runs)
    ]
    return parallel([one.name for one in axes], drawn, title="Params and metrics of each run")


def dots(found: Lineup, project: str) -> list[Picture]:
    """Draw metrics over the numeric param that takes the most values, a dot for each run; nothing for fewer than three runs."""
    by_param = {one.name: [_value(value) for value in one.values] for one in found.params if one.differs}
    numeric = {
        name: values for name, values in by_param.items() if all(isinstance(v, (float, type(None))) for v in values)
    }
    if len(found.runs) < FEW or not numeric:
        return []
    param = max(numeric, key=lambda name: len(set(numeric[name])))
    drawn = []
    for figure in _ends(found)[:PLOTS]:
        pairs = zip(numeric[param], figure.values, strict=True)
        places = [
            Dot(float(x), y, f"{LETTERS[i]} {found.runs[i].name}", i + 1, address(project, "runs", found.runs[i].id))
            for i, (x, y) in enumerate(pairs)
            if x is not None and y is not None
        ]
        title = f"{figure.name} over {param}"
        drawn += [Picture(title, scatter(places, title=title, x_name=param, y_name=figure.name))] if places else []
    return drawn


def spreads(found: Lineup) -> list[Picture]:
    """Draw how far each run's slices lie apart: a box for each run, for each metric and column that was sliced by."""
    groups: dict[tuple[str, str], list[Figure]] = {}
    for one in found.metrics:
        cut = _SLICE.match(one.name)
        if cut:
            groups.setdefault((cut["metric"], cut["column"]), []).append(one)
    drawn = []
    for (metric, column), figures in groups.items():
        boxes = [
            (f"{LETTERS[i]} {run.name}", [v for v in (one.values[i] for one in figures) if v is not None])
            for i, run in enumerate(found.runs)
        ]
        if len(figures) > FEW:
            title = f"{metric} by {column}"
            drawn.append(Picture(title, box_plot(boxes, title=title)))
    return drawn[:PLOTS]


def _ends(found: Lineup) -> list[Figure]:
    """Give the whole metrics in which the runs differ."""
    return [one for one in found.metrics if one.differs and "[" not in one.name and "/" not in one.name]


def _value(value: str | float | None) -> str | float | None:
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value[:40]


ROUTES = (Route("/p/{project}/compare", page, name="compare"),)
