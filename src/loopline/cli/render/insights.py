"""insights: how delivery goes, on a page: lanes beside each other, the way of a change, the rest line by line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from loopline.cli.text import aligned, clean, moment, plural, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.assessment import Assessment
    from loopline.nouns.insight import Insights, Maturity, Measure, Perceived, Stream
    from loopline.nouns.response import Response

WIDE: Final = 20
"""Blocks of a stage that takes all of the time."""
BLOCKS: Final = "▁▂▃▄▅▆▇█"
TONES: Final = {"automated": "good", "manual": "wait", "no": "bad", "not known": "dim"}


def insights(value: Insights, screen: Screen) -> Iterator[str]:
    """Draw a section for delivery, changes, learning, friction, practices and the survey; with -v each ref and practice, too."""
    yield f"{clean(value.project)}  {_day(value.since, value.zone)} to {_day(value.until - 1, value.zone)}, {clean(value.zone)}"
    if value.young:
        yield screen.paint("wait", clean(value.young))
    yield ""
    yield from _delivery(value, screen)
    for stream in value.streams if screen.verbose else value.streams[:1]:
        yield from _stream(stream, screen)
    for head, measures in (("learning", value.learning), ("friction", value.friction)):
        yield ""
        yield screen.paint("head", head)
        yield from _lines(measures, screen)
    if value.maturity:
        yield from _maturity(value.maturity, screen)
    yield from _survey(value.survey, screen)


def assessment(value: Assessment, screen: Screen) -> Iterator[str]:
    """Say what was kept."""
    yield f"{screen.paint('name', clean(value.practice))}: {clean(value.answer)}{f' ({clean(value.note)})' if value.note else ''}"


def response(value: Response, screen: Screen) -> Iterator[str]:
    """Say that it was taken, and no more: who looks over the shoulder learns nothing."""
    yield f"{screen.paint('name', clean(value.question))}: thank you{', for saying it again' if value.replaced else ''}"
    yield screen.paint(
        "dim", f"it is told without names when {clean(value.period)} is over, if five people or more have answered"
    )


def _delivery(value: Insights, screen: Screen) -> Iterator[str]:
    rows = [[screen.paint("head", "delivery"), *(screen.paint("head", clean(lane.name)) for lane in value.lanes), ""]]
    for name in dict.fromkeys(one.name for lane in value.lanes for one in lane.measures):
        found = [next((one for one in lane.measures if one.name == name), None) for lane in value.lanes]
        note = _note([one for one in found if one is not None])
        rows.append([f"  {clean(name)}", *(_cell(one) if one else "–" for one in found), screen.paint("dim", note)])
    yield from aligned(rows, width=screen.width)
    for lane in value.lanes:
        trend = next((one.trend for one in lane.measures if one.name == "deployment frequency"), ())
        if len(trend) > 1 and any(one.n for one in trend):
            yield screen.paint(
                "dim", f"  {clean(lane.name)} deployments over time  {_blocks([one.value or 0 for one in trend])}"
            )
    if screen.verbose:
        for lane in value.lanes:
            for ref in lane.refs:
                yield f"  {screen.paint('name', clean(ref.ref))}"
                yield from _lines(ref.measures, screen, indent="    ")


def _note(measures: Sequence[Measure]) -> str:
    """Say what one must know to read a row, where it is the same for all lanes."""
    notes = {one.why for one in measures if one.n}
    return clean(notes.pop()) if len(notes) == 1 else ""


def _stream(stream: Stream, screen: Screen) -> Iterator[str]:
    lead = stream.lead
    yield ""
    whose = "changes" if stream.lane == "all" else f"changes of {clean(stream.lane)}"
    yield f"{screen.paint('head', whose)}  lead time {_cell(lead)}"
    if not stream.stages:
        yield "  none was applied in this time"
        return
    yield from aligned(
        [
            [
                f"  {clean(one.name)}", f"{one.share:.0%}", "█" * round(_part(one.share) * WIDE) or "▏",
                f"median {span(one.median)}, p90 {span(one.p90)}", f"half of it: {_signed(one.halved)}",
            ]
            for one in stream.stages
        ],
        right={1}, width=screen.width,
    )  # fmt: skip
    yield f"  {screen.paint('wait', f'bottleneck: {clean(stream.bottleneck)}')}; {clean(stream.said.partition('; ')[2])}"


def _lines(measures: Sequence[Measure], screen: Screen, *, indent: str = "  ") -> Iterator[str]:
    rows = []
    for one in measures:
        rows.append([f"{indent}{clean(one.name)}", _cell(one), screen.paint("dim", clean(one.why)) if one.why else ""])
        if screen.verbose or one.name in ("cache-hit rate", "queue time"):
            rows += [
                [f"{indent}  {clean(part.name)}", _cell(part), screen.paint("dim", clean(part.why)) if part.why else ""]
                for part in one.parts
            ]
    yield from aligned(rows, width=screen.width)


def _maturity(value: Maturity, screen: Screen) -> Iterator[str]:
    yield ""
    level = "not known" if value.level is None else f"level {value.level}"
    yield f"{screen.paint('head', 'practices')}  {level} ({clean(value.because)})"
    told = ", ".join(f"{clean(section)} {score:g}" for section, score in value.scores)
    yield f"  score {value.score:g} of 7: {told}; {plural(value.unknown, 'practice')} of {len(value.practices)} not known"
    if value.step:
        yield f"  {screen.paint('wait', 'next:')} {clean(value.step)}"
        yield screen.paint("dim", f"  {clean(value.reason)}")
    if screen.verbose:
        rows = [
            [
                f"  {clean(one.section)}", screen.paint("name", clean(one.name)), screen.mark(TONES[one.stands], one.stands),
                clean(one.text),
                screen.paint("dim", clean(one.because)),
            ]
            for one in value.practices
        ]  # fmt: skip
        yield from aligned(rows, width=screen.width)


def _survey(value: Sequence[Perceived], screen: Screen) -> Iterator[str]:
    yield ""
    yield screen.paint("head", "survey")
    if not value:
        yield "  nobody has answered yet: loopline respond delivery 4"
        return
    rows = []
    for one in value:
        asked = f"{one.n} of {one.asked}" if one.asked else str(one.n)
        said = (
            screen.paint("dim", clean(one.hidden))
            if one.hidden
            else f"{'–' if one.mean is None else f'{one.mean:.1f}'} of {len(one.counts)}  {_blocks(one.counts)}"
        )
        rows.append([f"  {clean(one.question)}", clean(one.period), f"{asked} answered", said])
    yield from aligned(rows, width=screen.width)


def _cell(one: Measure) -> str:
    """Write a number with what makes it honest: its p90, its n, how many are open."""
    if not one.known:
        return "not known"
    if one.value is None:
        return f"– (n {one.n}{f', {one.open} open' if one.open else ''})" if one.n else "–"
    p90 = f"p90 {_amount(one, one.p90)}, " if one.p90 is not None else ""
    of = f"{one.of} of {one.n}" if one.of is not None else f"n {one.n}"
    return f"{_amount(one, one.value)} ({p90}{of}{f', {one.open} open' if one.open else ''})"


def _amount(one: Measure, value: float) -> str:
    if one.unit == "s":
        return span(value)
    if one.unit == "share":
        return f"{value:.0%}"
    return f"{value:.3g}{f' {clean(one.unit)}' if one.unit != 'count' else ''}"


def _signed(share: float) -> str:
    return f"{'−' if share < 0 else '±'}{abs(share):.0%}"


def _blocks(values: Sequence[float]) -> str:
    most = max((one for one in values if math.isfinite(one)), default=0)
    return "".join(BLOCKS[int(_part(one / most) * 7.999)] if one else "·" for one in values) if most > 0 else ""


def _part(share: float) -> float:
    """Keep a share within what can be drawn."""
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0


def _day(at: int, zone: str) -> str:
    """Write a date in a zone; in UTC where nobody here knows that zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = None
    return moment(at, known).partition(" ")[0]
