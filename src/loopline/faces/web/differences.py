"""differences: what differs between two versions, arranged for a page."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from loopline.faces.web.charts.forest import Delta, forest
from loopline.faces.web.charts.heat import Cell, heat
from loopline.faces.web.charts.profile import profile
from loopline.nouns.comparison import Shift

if TYPE_CHECKING:
    from loopline.nouns.comparison import Comparison, Rows, Shifted
    from loopline.nouns.evaluation import Estimate
    from loopline.nouns.patch import Patch
    from loopline.nouns.run import Run

Line = tuple[str, str, str, Markup]
"""Sign, number before, number after, text."""
LINES: Final = 400
"""Lines of one patch that a page shows."""
ALL_LINES: Final = 1200
WIDE: Final = 400
"""Characters of a line that are shown."""
MEMBERS: Final = 16
"""Members of a column that a picture shows: the worst."""
WHOLE: Final = 24
"""Metrics that stand on all rows."""
METRICS: Final = 7
"""Metrics beside each other over members: more leave no room for their numbers."""
COLUMNS: Final = 4
SINGLE: Final = 8
"""Pictures of one metric on the members of one column."""
LOWER: Final = ("loss", "error", "brier", "rmse", "mae", "mse", "latency", "deviance")
"""Words in the names of metrics of which less is better. Of others it is not known unless they are in HIGHER."""
HIGHER: Final = ("auc", "accuracy", "precision", "recall", "f1", "r2", "score")
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_WORDS = re.compile(
    r"(?P<com>\#.*)|(?P<str>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<key>\b(?:def|class|return|import|from|for|while|if|elif|else|in|not|and|or|with|as|try|except|raise|lambda|yield|None|True|False)\b)"
    r"|(?P<num>\b\d[\d_.]*\b)"
)
_COLOURED: Final = (".py", ".toml", ".yaml", ".yml", ".sh")


@dataclass(frozen=True, slots=True)
class Text:
    """One file's difference as lines."""

    patch: Patch
    lines: list[Line]
    more: int
    """Lines that are not shown."""
    open: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Two tables, with small pictures of the columns that shifted."""

    rows: Rows
    shifts: list[tuple[Shifted, Markup]]
    old: str = ""
    """The two versions, as one asks for them."""
    new: str = ""
    begun: bool = False
    """Whether this is a further page of its rows."""


@dataclass(frozen=True, slots=True)
class Own:
    """What the run that made a version measured itself, beside that of the base: each on its own rows."""

    comparison: Comparison
    metrics: tuple[Shift, ...]
    """All of them, and not only those that differ."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What checks measured against the base, as pictures."""

    whole: Markup | None
    """Each metric on all rows; None where nothing was compared."""
    shades: list[tuple[str, Markup]]
    """For each column that was sliced by, its members against the metrics."""
    single: list[tuple[str, Markup]]
    """Each metric on the members of each column, with intervals."""


def texts(patches: Iterable[Patch]) -> list[Text]:
    """Arrange patches, code before the rest: the first ones are open, and a page stays a page however long they are."""
    found: list[Text] = []
    left = ALL_LINES
    for patch in sorted(patches, key=lambda one: not one.path.lower().endswith(_COLOURED)):
        every = list(_lines(patch))
        shown = every[: max(0, min(LINES, left))]
        left -= len(shown)
        found.append(Text(patch, shown, len(every) - len(shown), open=len(found) < 4 and bool(shown)))
    return found


def _lines(patch: Patch) -> Iterator[Line]:
    old = new = 0
    coloured = patch.path.lower().endswith(_COLOURED)
    for sign, group in groupby(patch.text.split("\n") if patch.text else (), key=lambda line: line[:1]):
        several = [line[1 : WIDE + 1] + ("…" if len(line) > WIDE + 1 else "") for line in group]
        if sign == "@":
            for line in several:
                found = _HUNK.match(f"@{line}")
                old, new = (int(found[1]), int(found[2])) if found else (old, new)
                yield "@", "", "", escape(f"@{line}")
            continue
        for line in several:
            yield (
                sign or " ",
                str(old) if sign != "+" else "",
                str(new) if sign != "-" else "",
                _coloured(line) if coloured else escape(line),
            )
            old, new = old + (sign != "+"), new + (sign != "-")


def _coloured(line: str) -> Markup:
    """Colour comments, texts, keywords and numbers, each line by itself."""
    parts, at = [], 0
    for found in _WORDS.finditer(line):
        parts.append(escape(line[at : found.start()]))
        parts.append(Markup('<span class="t-{}">{}</span>').format(found.lastgroup, found[0]))
        at = found.end()
    return Markup("").join([*parts, escape(line[at:])])


def tables(comparisons: Iterable[Comparison], *, begun: bool = False) -> list[Table]:
    """Arrange tables that were compared row by row."""
    return [
        Table(
            rows,
            [(one, profile(one.new, one.old)) for one in rows.shifts[:40]],
            str(comparison.old),
            str(comparison.new),
            begun,
        )
        for comparison in comparisons
        for rows in comparison.rows
    ]


def own(comparison: Comparison, old: Run | None, new: Run | None) -> Own:
    """Put the metrics of two runs side by side, those of slices last."""
    before, after = (one.metrics if one else {} for one in (old, new))
    names = sorted({*before, *after}, key=lambda name: ("[" in name, name))
    return Own(comparison, tuple(Shift(name, before.get(name), after.get(name)) for name in names))


def against_base(estimates: Sequence[Estimate], *, first: Collection[str] = ()) -> Evidence:
    """Draw the differences from the base. `first` are metrics that matter most: those that a policy names."""
    real = [one for one in estimates if one.delta is not None]
    metrics = sorted({one.metric for one in real}, key=lambda name: (name not in first, name))
    whole = [_delta(one.metric, one) for name in metrics for one in real if one.metric == name and not one.slice]
    whole = whole[:WHOLE]
    columns = list(dict.fromkeys(one.slice for one in real if one.slice))[:COLUMNS]
    shades = [(f"By {column}", _shades(column, metrics, real)) for column in columns]
    single = [
        (f"{metric} by {column}", _members(metric, column, real))
        for metric in metrics
        for column in columns
        if any(one.metric == metric and one.slice == column for one in real)
    ]
    title = "Difference from the base on all rows"
    return Evidence(forest(whole, title=title, own=len(whole) > 1) if whole else None, shades, single[:SINGLE])


def _shades(column: str, metrics: Sequence[str], real: Sequence[Estimate]) -> Markup:
    """Draw the members of a column against the metrics, the worst above."""
    here = {(one.member, one.metric): one for one in real if one.slice == column}
    names = [name for name in metrics if any(metric == name for _, metric in here)][:METRICS]
    most = {
        name: max(abs(one.delta or 0.0) for (_, metric), one in here.items() if metric == name) or 1.0 for name in names
    }

    def worst(member: str) -> float:
        mine = [here[member, name] for name in names if (member, name) in here]
        return min((_better(one.metric) * (one.delta or 0.0) / most[one.metric] for one in mine), default=0.0)

    members = sorted({member for member, _ in here}, key=lambda member: (worst(member), member))[:MEMBERS]
    cells = [[_cell(here.get((member, name))) for name in names] for member in members]
    return heat(members, names, cells, title=f"Difference from the base by {column}", width=460)


def _cell(one: Estimate | None) -> Cell | None:
    return None if one is None or one.delta is None else Cell(one.delta, _tone(one))


def _members(metric: str, column: str, real: Sequence[Estimate]) -> Markup:
    """Draw one metric on each member of a column, the worst above."""
    mine = [one for one in real if (one.metric, one.slice) == (metric, column)]
    mine.sort(key=lambda one: (_better(metric) * (one.delta or 0.0), one.member))
    rows = [_delta(one.member, one) for one in mine[:MEMBERS]]
    return forest(rows, title=f"Difference from the base: {metric} by {column}")


def _delta(name: str, one: Estimate) -> Delta:
    return Delta(name, one.delta or 0.0, one.delta_low, one.delta_high, _tone(one))


def _tone(one: Estimate) -> str:
    """Say whether a difference is for better or worse; `off` where it may be chance or nobody knows which side is better."""
    if one.delta_low is None or one.delta_high is None or one.delta_low <= 0 <= one.delta_high:
        return "off"
    better = _better(one.metric)
    return "off" if not better else "good" if one.delta_low * better > 0 else "bad"


def _better(metric: str) -> int:
    """Tell which side of a metric is better: 1 more, -1 less, 0 where nobody knows."""
    name = metric.lower()
    return -1 if any(word in name for word in LOWER) else 1 if any(word in name for word in HIGHER) else 0
