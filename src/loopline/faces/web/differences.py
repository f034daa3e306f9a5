"""differences: what differs between two versions, arranged for a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from loopline.faces.web.charts.forest import Delta, forest
from loopline.faces.web.charts.profile import profile

if TYPE_CHECKING:
    from loopline.nouns.comparison import Comparison, Rows, Shifted
    from loopline.nouns.evaluation import Estimate
    from loopline.nouns.patch import Patch

Line = tuple[str, str, str, Markup]
"""Sign, number before, number after, text."""
LINES: Final = 400
"""Lines of one patch that a page shows."""
ALL_LINES: Final = 1200
WIDE: Final = 400
"""Characters of a line that are shown."""
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


def texts(patches: Iterable[Patch]) -> list[Text]:
    """Arrange patches: the first ones are open, and a page stays a page however long they are."""
    found: list[Text] = []
    left = ALL_LINES
    for patch in patches:
        every = list(_lines(patch))
        shown = every[: max(0, min(LINES, left))]
        left -= len(shown)
        found.append(Text(patch, shown, len(every) - len(shown), open=len(found) < 4 and bool(shown)))
    return found


def _lines(patch: Patch) -> Iterator[Line]:
    old = new = 0
    coloured = patch.path.lower().endswith(_COLOURED)
    for sign, group in groupby(patch.text.split("\n") if patch.text else (), key=lambda line: line[:1]):
        several = [line[1:][:WIDE] for line in group]
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


def tables(comparisons: Iterable[Comparison]) -> list[Table]:
    """Arrange tables that were compared row by row."""
    return [
        Table(rows, [(one, profile(one.new, one.old)) for one in rows.shifts[:40]])
        for comparison in comparisons
        for rows in comparison.rows
    ]


def against_base(estimates: Sequence[Estimate]) -> list[tuple[str, Markup]]:
    """Draw the differences from the base: all rows first, then each column that was sliced by."""
    found = []
    for column, group in groupby(sorted(estimates, key=lambda one: one.slice), key=lambda one: one.slice):
        rows = [
            Delta(
                f"{one.metric}, {one.member}" if column else one.metric,
                one.delta,
                one.delta_low,
                one.delta_high,
                _tone(one),
            )
            for one in group
            if one.delta is not None
        ][:40]
        if rows:
            title = f"By {column}" if column else "On all rows"
            found.append((title, forest(rows, title=f"Difference from the base: {title.lower()}")))
    return found


def _tone(one: Estimate) -> str:
    """Say whether a difference is for better or worse; `off` where it may be chance or nobody knows which side is better."""
    if one.delta_low is None or one.delta_high is None or one.delta_low <= 0 <= one.delta_high:
        return "off"
    name = one.metric.lower()
    better = -1 if any(word in name for word in LOWER) else 1 if any(word in name for word in HIGHER) else 0
    return "off" if not better else "good" if one.delta_low * better > 0 else "bad"
