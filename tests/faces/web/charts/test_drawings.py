"""Every chart: well-formed SVG, places that fit the values, and what is odd about numbers."""

from __future__ import annotations

import math
import re
import time
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from loopline.faces.web.charts.bar import Bar, bar, histogram
from loopline.faces.web.charts.graph import Node, Stretch, dag, timeline
from loopline.faces.web.charts.heat import Cell, heat
from loopline.faces.web.charts.line import Curve, line
from loopline.faces.web.charts.overlay import overlay, small
from loopline.faces.web.charts.scatter import Dot, Line, box_plot, parallel, quantile, scatter
from loopline.faces.web.charts.spark import spark
from loopline.faces.web.charts.stages import Part, stages
from loopline.faces.web.charts.svg import node, place
from loopline.faces.web.charts.trend import Spot, trend
from loopline.nouns.profile import ColumnProfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from markupsafe import Markup

IN_CELLS = ("spark", "small overlay", "stages")
"""Beside them stands what they say."""
ODD: dict[str, list[float]] = {
    "empty": [],
    "one": [1.5],
    "equal": [2.0] * 5,
    "nan": [math.nan] * 3,
    "some nan": [1, math.nan, 3],
    "infinite": [1, math.inf, -math.inf, 2],
    "huge": [-1.7e308, 1.7e308],
    "tiny": [5e-324, 1e-310],
    "negative": [-3, -1, -2],
}


def column(values: list[float], count: int) -> ColumnProfile:
    """Give a profile with these edges."""
    edges = sorted({value for value in values if math.isfinite(value)})
    return ColumnProfile(HOSTILE, "FP64", 9, edges=tuple(edges), counts=(count,) * (len(edges) + 1) if edges else ())


DAY = 86_400_000_000
HOSTILE = "<script>&\"'</svg>\u202e" + "x" * 500
DRAWINGS: dict[str, Callable[[list[float]], Markup]] = {
    "line": lambda v: line([Curve(HOSTILE, range(len(v)), v)], title=HOSTILE),
    "floored line": lambda v: line(
        [Curve(HOSTILE, range(len(v)), v)], title="t", floor=0.0, marks=[(0.5, HOSTILE)], across="time"
    ),
    "spark": lambda v: spark(v, title=HOSTILE),
    "overlay": lambda v: overlay(column(v, 3), column(v, 5), title=HOSTILE),
    "small overlay": lambda v: small(column(v, 3), column(v, 5)),
    "log line": lambda v: line(
        [Curve("a", range(len(v)), v), Curve("b", range(len(v)), v, 2, "B")], title="t", log=True
    ),
    "stairs": lambda v: line([Curve("a", range(len(v)), v)], title="t", stairs=True),
    "time": lambda v: line([Curve("a", [i * 1e6 for i in range(len(v))], v)], title="t", across="time"),
    "elapsed": lambda v: line([Curve("a", [i * 1e6 for i in range(len(v))], v)], title="t", across="elapsed"),
    "bar": lambda v: bar([Bar(HOSTILE, x, i % 10 + 1, x - 1, x + 1) for i, x in enumerate(v)], title="t"),
    "dots": lambda v: bar([Bar("a", x) for x in v], title="t", zoomed=True),
    "histogram": lambda v: histogram(v, title="t"),
    "scatter": lambda v: scatter(
        [Dot(x, -x / 2, HOSTILE, 3, "/p/x") for x in v], title="t", x_name="a", y_name=HOSTILE
    ),
    "box": lambda v: box_plot([(HOSTILE, v), ("b", [1.0, 2.0, 3.0])], title="t"),
    "heat of differences": lambda v: heat(
        [HOSTILE], [str(i) for i in range(len(v))], [[Cell(x, "good") for x in v]], title="t"
    ),
    "parallel": lambda v: parallel(["a", HOSTILE, "c"], [Line(HOSTILE, (x, "word", None)) for x in v], title="t"),
    "dag": lambda v: dag(
        [Node(str(i), HOSTILE, str(x), "failed", "/p/x", hot=True) for i, x in enumerate(v)],
        [("0", "1"), ("1", "0")],
        title="t",
    ),
    "trend": lambda v: trend([Spot(i * DAY, x, x, i) for i, x in enumerate(v)], title=HOSTILE),
    "trend of rates": lambda v: trend(
        [Spot(i * DAY, x, None, 1) for i, x in enumerate(v)], title="t", unit="a day", bars=True
    ),
    "trend of shares": lambda v: trend(
        [Spot(i * DAY, x, None, 1, whole=False) for i, x in enumerate(v)], title="t", unit="share"
    ),
    "stages": lambda v: stages([Part(HOSTILE, abs(x), 1, most=True) for x in v], title="t"),
    "timeline": lambda v: timeline(
        [Stretch(HOSTILE, i, i + 5, "running", "n", "/p/x", hot=True) for i, _ in enumerate(v)], title="t", now=99
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_odd_numbers_break_no_drawing(name: str) -> None:
    """Nothing, one, equal, infinite, no numbers: the text is well-formed and every place is a number inside of the picture."""
    for numbers, values in ODD.items():
        drawn = str(DRAWINGS[name](values))
        root = ET.fromstring(f"<all>{drawn}</all>")
        assert not re.search(r"\b(nan|inf)\b", re.sub(r"<(text|title|desc|td|th)[^>]*>.*?</\1>", "", drawn)), numbers
        for svg in root.iter("svg"):
            if svg.get("aria-hidden"):
                continue
            _, _, width, height = map(float, (svg.get("viewBox") or "").split())
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", drawn):
                if "translate" not in drawn:
                    assert -5 <= float(x) <= width + 5, numbers
                    assert -5 <= float(y) <= height + 5, numbers


@pytest.mark.parametrize("name", [one for one in DRAWINGS if one not in IN_CELLS])
def test_every_drawing_can_be_read_out(name: str) -> None:
    """A title, a description, and the numbers as a table: nothing is said by the picture alone."""
    root = ET.fromstring(f"<all>{DRAWINGS[name]([1.0, 3.0, 2.0])}</all>")
    svg = next(root.iter("svg"))
    title = svg.find("title")
    assert title is not None
    assert svg.get("aria-labelledby") == title.get("id")
    assert svg.find("desc") is not None
    assert len(list(root.iter("td"))) > 1
    assert not list(root.iter("script"))


@pytest.mark.parametrize("name", DRAWINGS)
def test_equal_values_give_equal_text(name: str) -> None:
    """A drawing is a pure function: two servers write the same, and what has not changed is not swapped."""
    assert DRAWINGS[name]([1.0, 3.0, 2.0]) == DRAWINGS[name]([1.0, 3.0, 2.0])


def test_a_line_goes_where_its_values_are() -> None:
    """The ends stand at the edges of the plot, a higher value stands higher, a gap lifts the pen."""
    drawn = str(line([Curve("a", [0, 1, 2, 3], [0.0, 1.0, math.nan, 0.5])], title="t", width=440, height=170))
    path = re.search(r'd="(M[^"]*)" class="line k1"', drawn)
    assert path
    points = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path[1])]
    left, right = map(float, re.search(r'data-x="[^ ]+ [^ ]+ ([\d.]+) ([\d.]+)"', drawn).groups())  # type: ignore[union-attr]
    assert points[0][0] == left
    assert points[2][0] == right
    assert points[1][1] < points[2][1] < points[0][1]
    assert path[1].count("M") == 2


def test_points_between_gaps_are_dots() -> None:
    """A value without neighbours is seen, though no line leads to it."""
    drawn = str(line([Curve("a", range(5), [1, math.nan, 2, math.nan, 3])], title="t"))
    assert drawn.count("<circle") == 3
    assert str(line([Curve("a", range(5), [1, 2, math.nan, 3, 4])], title="t")).count("<circle") == 0


def test_a_floor_is_on_the_axis_and_a_mark_stands_where_something_happened() -> None:
    """Rates begin at zero, and a move of a ref is a line with its name."""
    drawn = str(line([Curve("a", [0, 10], [50, 60])], title="t", floor=0.0, marks=[(5, "@7")]))
    assert ">0<" in drawn
    assert ">@7<" in drawn
    assert ">0<" not in str(line([Curve("a", [1, 9], [50, 60])], title="t"))


def test_stairs_hold_a_value_until_the_next() -> None:
    """A step goes across first, then up or down."""
    drawn = str(line([Curve("a", [0, 1, 2], [0.0, 1.0, 0.0])], title="t", stairs=True))
    assert re.search(r'd="M[\d.]+ [\d.]+H[\d.]+V[\d.]+H[\d.]+V[\d.]+" class="line', drawn)


def test_a_thousand_points_take_ten_milliseconds() -> None:
    """A line of 1,000 points is drawn in time, and in few bytes."""
    ys = [math.sin(i / 30) + i % 7 / 50 for i in range(1000)]
    times, drawn = [], ""
    for _ in range(15):
        began = time.process_time()
        drawn = str(line([Curve("loss", range(1000), ys)], title="loss"))
        times.append(time.process_time() - began)
    assert min(times) <= 0.010
    assert len(drawn) < 14_000


def test_a_million_points_are_no_more_bytes() -> None:
    """What is drawn is bounded, and a lone spike is still to be seen."""
    ys = [0.0] * 200_000
    ys[123_456] = 9.0
    drawn = str(line([Curve("a", range(len(ys)), ys)], title="t"))
    assert len(drawn) < 14_000
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", re.search(r'd="(M[^"]*)" class="line', drawn)[1])]  # type: ignore[index]
    assert min(heights) < max(heights) - 100


def test_bars_begin_at_zero() -> None:
    """Twice as much is twice as long; below zero it goes to the left."""
    drawn = str(bar([Bar("a", 2.0), Bar("b", 4.0), Bar("c", -1.0)], title="t"))
    widths = [float(w) for w in re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"', drawn)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert widths[2] == pytest.approx(widths[0] / 2, rel=0.02)


def test_quartiles_are_those_of_the_textbook() -> None:
    """Type 7 of Hyndman and Fan."""
    values = [1.0, 2.0, 3.0, 4.0]
    assert [quantile(values, share) for share in (0, 0.25, 0.5, 0.75, 1)] == [1, 1.75, 2.5, 3.25, 4]


def test_the_critical_path_is_framed() -> None:
    """What decided the time has a frame in the timeline and a strong edge in the graph."""
    rows = [Stretch("a", 0, 10, "finished", hot=True), Stretch("b", 0, 4, "cached")]
    assert str(timeline(rows, title="t", now=10)).count("hotmark") == 1
    graph = str(
        dag([Node("a", "a", hot=True), Node("b", "b", hot=True), Node("c", "c")], [("a", "b"), ("a", "c")], title="t")
    )
    assert graph.count('class="edge hot"') == 1
    assert graph.count('class="edge"') == 1


def test_series_are_told_apart_without_colour() -> None:
    """From the fifth curve on dashes differ, and each has a letter at its end."""
    drawn = str(line([Curve(f"run {i}", [0, 1], [i, i + 1], i + 1, "ABCDEFGHIJ"[i]) for i in range(10)], title="t"))
    styles = set(re.findall(r'class="line k(\d+)"(?: stroke-dasharray="([^"]*)")? data-series', drawn))
    assert len(styles) == 10
    assert len({dashes for _, dashes in styles}) == 4
    assert all(f">{letter}</text>" in drawn for letter in "ABCDEFGHIJ")


def test_elements_are_escaped() -> None:
    """Whatever stands in a value stays a value; what is no place is refused."""
    assert node("text", '<a b="c">', class_='"x"') == '<text class="&#34;x&#34;">&lt;a b=&#34;c&#34;&gt;</text>'
    with pytest.raises(ValueError, match="no place"):
        place(math.nan)
