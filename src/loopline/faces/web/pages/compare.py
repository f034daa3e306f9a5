"""compare: up to ten runs side by side: what they were given, how they went, where they ended."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid
from loopline.faces.desk import act
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.bar import Bar, bar
from loopline.faces.web.charts.line import Across, Curve, line
from loopline.faces.web.charts.scatter import Dot, Line, box_plot, parallel, scatter
from loopline.faces.web.page import address, door, number_of, project_of, render, taking
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
"""Pictures of curves on a page, where the points suffice."""
POINTS: Final = 2400
"""Points on the page, over all curves: what keeps it small."""
LEAST: Final = 60
"""Points below which a curve would look like another one."""
MOST: Final = 400
"""Points of one curve: as many as its picture has room for."""
ROWS: Final = 15
"""Rows of a table on the first page."""
PART: Final = 60
"""Rows on a page of one part."""
PARTS: Final = {"curves": "Curves", "params": "Params", "metrics": "Metrics at the end", "packages": "Environment"}
"""What has pages of its own where there is much of it, with its title."""
AXES: Final = 8
BARS: Final = 4
PLOTS: Final = 2
FEW: Final = 3
"""Runs, or slices, below which a picture of their spread would show nothing."""
_SLICE: Final = re.compile(r"(?P<metric>[^\[]+)\[(?P<column>[^=\]]+)=.*\]\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart and its caption."""

    title: str
    drawing: Markup


@taking("run", "part", "start", "across")
async def page(request: Request) -> Response:
    """Show runs side by side; of much the beginning, and where the rest is."""
    part, start = _part_of(request), number_of(request, "start", 0)
    if start < 0:
        raise Invalid(f"start is {start}", kind="bad-value", hint="write a whole number from 0", value=str(start))
    across: Across = "elapsed" if request.query_params.get("across") == "elapsed" else "step"
    found = await act(request, compare, door(request, "compare"), tuple(request.query_params.getlist("run")))
    chosen, project = tuple(run.id for run in found.runs), project_of(request)
    courses = await _courses(request, found) if part in ("", "curves") else {}
    keys = list(courses)[start : start + _fitting(len(chosen))]

    def here(**changed: object) -> str:
        kept = {"run": chosen, "across": across if across != "step" else "", "part": part}
        return address(project, "compare", **(kept | changed))

    values: dict[str, Any] = {
        "found": found, "letters": LETTERS, "across": across, "part": part, "most": ROWS,
        "curves": curves(found, {key: courses[key] for key in keys}, across),
        "left_out": len(courses) - len(keys),
        "others": [here(across="", start=start or ""), here(across="elapsed", start=start or "")],
        "without": [here(run=[one for one in chosen if one != run]) for run in chosen],
    }  # fmt: skip
    frame: dict[str, Any] = {"section": "runs", "asked": Asked("compare", {"runs": chosen})}
    runs = [("Runs", address(project, "runs"))]
    if part:
        listed = _lines_of(found, part)
        step, count = (len(keys) or 1, len(courses)) if part == "curves" else (PART, len(listed))
        return await render(
            request, "compare-part.html", title=f"{PARTS[part]}, compared", **frame, **values, part_title=PARTS[part],
            crumbs=[*runs, ("Compare", here(part=""))], lines=listed[start : start + PART],
            first=here() if start else "", more=here(start=start + step) if start + step < count else "",
        )  # fmt: skip
    return await render(
        request, "compare.html", title="Compare", **frame, **values, crumbs=runs, bars=bars(found), lines=lines(found),
        dots=dots(found, project), spreads=spreads(found),
        rest={one: here(part=one, start=len(keys) if one == "curves" else "") for one in PARTS},
    )  # fmt: skip


def _part_of(request: Request) -> str:
    part = request.query_params.get("part", "")
    if part and part not in PARTS:
        raise Invalid(
            f"no part of this page is called {part[:80]!r}", kind="bad-value", hint=f"write one of {', '.join(PARTS)}",
            value=part[:80],
        )  # fmt: skip
    return part


def _lines_of(found: Lineup, part: str) -> list[NamedLine | Figure]:
    """Give the rows of a part, those that differ first."""
    every: dict[str, Sequence[NamedLine | Figure]] = {
        "params": found.params, "metrics": found.metrics, "packages": found.packages,
    }  # fmt: skip
    return sorted(every.get(part, ()), key=lambda one: not one.differs)


def _fitting(runs: int) -> int:
    """Say how many pictures of so many curves a page has room for."""
    return max(1, min(CURVES, POINTS // (LEAST * runs)))


async def _courses(request: Request, found: Lineup) -> dict[str, list[Series]]:
    """Give each metric that has a course, those that most runs have first."""
    most = min(MOST, POINTS // len(found.runs))
    points = await act(
        request, series, door(request, "series"), tuple(run.id for run in found.runs), points=most
    )  # fmt: skip
    by_key: dict[str, list[Series]] = {}
    for one in points:
        if one.count > 1:
            by_key.setdefault(one.key, []).append(one)
    return {key: by_key[key] for key in sorted(by_key, key=lambda key: (-len(by_key[key]), key))}


def curves(found: Lineup, courses: Mapping[str, Sequence[Series]], across: Across) -> list[Picture]:
    """Draw metrics over their course, all runs in one picture."""
    place = {run.id: i for i, run in enumerate(found.runs)}
    most = min(MOST, POINTS // max(1, sum(map(len, courses.values()))))
    return [
        Picture(
            key,
            line(
                [_curve(one, found, place[one.run], across) for one in several],
                title=key,
                across=across,
                named=False,
                most=most,
            ),
        )
        for key, several in courses.items()
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
