"""sheet: insights as rows of a table, one for each number and each period of its trend, for other tools to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from loopline.insights.survey import question
from loopline.nouns.insight import Insights, Maturity, Measure

HEAD: Final = (
    "section", "of", "measure", "part", "period", "unit", "value", "p90", "n", "hits", "open", "known", "why", "ids",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet would compute, the wide forms of the same signs among them (OWASP, "CSV Injection")."""
Cell = str | float | int | None


def as_csv(found: Insights) -> str:
    """Write all rows with their head. Durations are seconds, times microseconds since the epoch, as everywhere."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for row in rows(found):
        writer.writerow([_safe(cell) for cell in row])
    return out.getvalue()


def rows(found: Insights) -> Iterator[tuple[Cell, ...]]:
    """Give what was asked, then every number; behind each its parts, then its trend."""
    for name, at, why in (
        ("since", found.since, found.zone),
        ("until", found.until, found.zone),
        ("begun", found.begun, found.young),
    ):
        yield ("window", found.project, name, "", at, "", None, None, None, None, None, int(at is not None), why, "")
    for lane in found.lanes:
        for scope, measures in ((lane.name, lane.measures), *((one.ref, one.measures) for one in lane.refs)):
            for measure in measures:
                yield from _measure("delivery", scope, measure)
    for measure in found.learning:
        yield from _measure("learning", "", measure)
    for stream in found.streams:
        yield from _measure("changes", stream.lane, stream.lead)
        for stage in stream.stages:
            yield (
                "changes", stream.lane, "stage", stage.name, None, "s", stage.median / 1e6, stage.p90 / 1e6, stream.lead.n,
                None, None, 1, f"{stage.share:.4f} of the time; halved: {stage.halved:+.4f}", "",
            )  # fmt: skip
    for measure in found.friction:
        yield from _measure("friction", "", measure)
    if found.maturity:
        yield from _practices(found.maturity)
    for said in found.survey:
        counts = " ".join(str(count) for count in said.counts)
        yield (
            "survey", said.period, said.question, "", None, f"1 to {_most(said.question)}", said.mean,
            None, said.n, said.asked, None, int(not said.hidden), said.hidden or counts, "",
        )  # fmt: skip


def _most(name: str) -> int:
    asked = question(name)
    return len(asked.scale) if asked else 5


def _practices(told: Maturity) -> Iterator[tuple[Cell, ...]]:
    nothing = (None, None, None, None)
    level = int(told.level is not None)
    yield ("practices", "", "level", "", None, "0 to 2", told.level, *nothing, level, told.because, "")
    yield ("practices", "", "score", "", None, "0 to 7", told.score, *nothing, 1, f"{told.unknown} not known", "")
    yield ("practices", "", "next step", told.step, None, "", None, *nothing, 1, told.reason, "")
    for practice in told.practices:
        yield (
            "practices", practice.section, practice.name, practice.source, practice.at, practice.stands, None, None,
            None, None, None, int(practice.stands != "not known"), practice.because, "",
        )  # fmt: skip


def _measure(section: str, of: str, one: Measure, part: str = "", name: str = "") -> Iterator[tuple[Cell, ...]]:
    name = name or one.name
    yield (
        section, of, name, part, None, one.unit, _scaled(one, one.value), _scaled(one, one.p90), one.n, one.of, one.open,
        int(one.known), one.why, " ".join(one.ids),
    )  # fmt: skip
    for inner in one.parts:
        yield from _measure(section, of, inner, inner.name, name)
    for at in one.trend:
        yield (
            section, of, name, part, at.start, one.unit, _scaled(one, at.value), _scaled(one, at.p90), at.n, None, None, 1,
            "" if at.whole else "in part", "",
        )  # fmt: skip


def _scaled(one: Measure, value: float | None) -> float | None:
    return value / 1e6 if one.unit == "s" and value is not None else value


def _safe(cell: Cell) -> Cell:
    """Keep a text from being a formula where the file is opened, and from beginning a row of its own."""
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", "\n")  # the writer quotes a cell for a line feed alone
    return f"'{text}" if cell.startswith(_FORMULA) else text
