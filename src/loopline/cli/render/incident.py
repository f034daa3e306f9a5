"""incident: what went wrong: a line each, and one as it is told afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.cli.render.words import TONES, short_id, status, when, who
from loopline.cli.text import aligned, clean, moment, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.incident import Incident
    from loopline.nouns.postmortem import Linked, Postmortem

_RELATIONS: Final = {"caused_by": "caused by", "fixes": "fixed by"}


def list_of_incident(values: Sequence[Incident], screen: Screen) -> Iterator[str]:
    """Draw one line an incident, with the changes that caused and fixed it."""
    rows = []
    for one in values:
        blames = "  ".join(_blamed(blame.relation, blame.change, blame.confidence) for blame in one.blames)
        state = "resolved" if one.resolved_at else "open"
        rows.append([
            screen.paint("name", short_id(one.id)), status(state, screen), one.severity, when(one.opened_at, screen),
            who(one.opened_by), clean(one.title), blames,
        ])  # fmt: skip
    yield from aligned(rows, width=screen.width)


def postmortem(value: Postmortem, screen: Screen) -> Iterator[str]:
    """Draw what happened, how bad it was, which changes are linked, and the timeline."""
    one = value.incident
    over = one.resolved_at is not None
    yield (
        f"{screen.paint('dim', 'incident')} {screen.paint('name', short_id(one.id))}  "
        f"{status('resolved' if over else 'open', screen)}  {one.severity}  {screen.paint('head', clean(one.title))}"
    )
    yield clean(value.sentence)
    facts = [f"opened {when(one.opened_at, screen)} by {who(one.opened_by)}"]
    facts.append(f"{'was' if over else 'is'} open for {span(value.lasted)}")
    facts += [f"about {clean(one.about)}"] if one.about else []
    facts += [f"began {moment(one.began_at, screen.zone)}"] if one.began_at is not None else []
    facts += [f"resolved by {who(one.resolved_by)}: {clean(one.resolution)}"] if over and one.resolved_by else []
    yield screen.paint("dim", ", ".join(facts))
    yield from _impact(value, screen)
    yield from _edges(value.linked, screen)
    yield ""
    yield screen.paint("head", "timeline")
    rows = [
        [
            f"  {moment(one.at, screen.zone)}", who(one.actor),
            clean(one.words) + (f": {clean(one.said)}" if one.said else ""),
        ]
        for one in value.moments
    ]  # fmt: skip
    yield from aligned(rows, width=screen.width)
    if not value.whole:
        yield screen.paint("dim", f"  there is more: loopline feed --subject {short_id(one.id)}")


def _impact(value: Postmortem, screen: Screen) -> Iterator[str]:
    yield ""
    yield screen.paint("head", "impact")
    if not value.failures and not value.affected:
        yield screen.paint("dim", "  no deployment to production counts as failed, and no answers are recorded here")
        return
    rows = []
    for one in value.failures:
        since = one.mending(value.at)
        so_far = "" if one.recovered is not None else " so far"
        detection = "–" if one.detection is None else span(one.detection)
        rows.append([
            f"  {screen.paint('name', clean(one.ref))}", screen.mark(TONES["failed"], "failed"), clean(one.lane),
            f"detected after {detection}", f"recovered after {span(one.recovery(value.at))}{so_far}",
            "" if since is None else f"{span(since)} after it was noticed",
        ])  # fmt: skip
    yield from aligned(rows, width=screen.width)
    answers = [
        [
            f"  {screen.paint('name', f'{clean(one.service)} @{one.number}')}", f"{one.requests:,} requests",
            f"{one.predictions:,} predictions", f"{one.errors:,} errors",
        ]
        for one in value.affected
    ]  # fmt: skip
    yield from aligned(answers, right={1, 2, 3}, width=screen.width)


def _edges(linked: Sequence[Linked], screen: Screen) -> Iterator[str]:
    yield ""
    yield screen.paint("head", "changes")
    if not linked:
        yield screen.paint("dim", "  nobody has said which: loopline blame INCIDENT CHANGE --why …")
    rows = []
    for one in linked:
        blame = one.blame
        by = f" by {who(blame.by)}" if blame.by else ""
        rows.append([
            f"  {_RELATIONS[blame.relation]}", screen.paint("name", short_id(blame.change)),
            status(one.state, screen), clean(", ".join(one.moves)),
            f"{blame.source}{by}, {blame.confidence:.0%} sure" + (f": {clean(blame.why)}" if blame.why else ""),
        ])  # fmt: skip
    yield from aligned(rows, width=screen.width)


def _blamed(relation: str, change: str, confidence: float) -> str:
    sure = "" if confidence >= 1 else f" ({confidence:.0%})"
    return f"{_RELATIONS[relation]} {short_id(change)}{sure}"
