"""postmortem: an incident in one sentence, and its post-incident page in Markdown, from what was recorded.

It says what happened and to what, with the times that delivery measures count, and blames changes. What a team concludes from it
people write themselves: the page ends with room for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from unicodedata import category
from zoneinfo import ZoneInfo

from loopline.nouns.alert import Alert
from loopline.nouns.ids import brief
from loopline.nouns.incident import Incident
from loopline.nouns.postmortem import Failure, Linked, Postmortem

_SECOND: Final = 1_000_000
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_LONGEST: Final = 160
"""Characters of a reason that a sentence holds."""
_SIGNS: Final = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")
"""What begins a link, a picture, code, a cell or emphasis; within a word `_` begins none (CommonMark 0.31, 6.2)."""
_BEGINS: Final = re.compile(r"^(\d+(?=[.)])|(?=[#+=>-]))")
"""What makes a heading, a list or a quotation of a line that begins with it."""
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_JOINERS: Final = "\u200c\u200d"
"""Signs without a shape that scripts and pictures are written with; the others turn text around, or hide in it."""
RELATIONS: Final = {"caused_by": "caused by", "fixes": "fixed by"}
"""How an edge is read from the incident's end."""


def sentence(
    incident: Incident, linked: Sequence[Linked], failures: Sequence[Failure], alerts: Sequence[Alert], *, now: int
) -> str:
    """Say what happened in one sentence: after what, noticed when and by whom, over when and by what."""
    causes = sorted((one for one in linked if one.blame.relation == "caused_by"), key=lambda one: -one.blame.confidence)
    if causes and all(one.blame.source == "override" for one in causes):
        through = f"{_who(incident.opened_by)} let {_moves(causes[0])} through against its policy"
        return f"{through}: that is a record, and no failure as long as nobody says more."
    causes = [one for one in causes if one.blame.source != "override"]
    fixes = [one for one in linked if one.blame.relation == "fixes"]
    failed = next((one for one in failures if causes and one.change == causes[0].blame.change), None)
    first = min((one.opened_at for one in alerts), default=incident.opened_at + 1)
    begins, seen = min(first, incident.opened_at), "an alert saw it" if first <= incident.opened_at else ""
    seen = seen or f"{_who(incident.opened_by)} opened this incident"
    if causes:
        start = f"It {'' if causes[0].blame.confidence >= 1 else 'probably '}came with {_moves(causes[0])}"
        seen = f"{start}, {seen} {_later(begins - causes[0].began)}"
        begins = causes[0].began
    else:
        seen = f"Nobody has said yet which change caused it; {seen}"
    if failed and failed.recovered is not None:
        by = next((one for one in fixes if one.blame.change == failed.fix), None)
        how = f", by {_moves(by)}" if by else ""
        return f"{seen}, and it was over {lasting(failed.recovered - failed.finished)} after it had come{how}."
    if incident.resolved_at is not None:
        how = f", by {_moves(fixes[0])}" if fixes else ""
        return f"{seen}, and it was resolved {_later(incident.resolved_at - begins)}{how}."
    return f"{seen}, and it has lasted {lasting(now - begins)} so far."


def document(found: Postmortem, *, timezone: str = "UTC") -> str:
    """Write the page. The same facts give the same text."""
    zone = ZoneInfo(timezone)
    parts = [
        f"# {_plain(found.incident.title)}",
        _plain(found.sentence),
        _facts(found, zone),
        "## Impact",
        "\n".join(_impact(found, zone)),
        "## Which changes",
        "\n".join(_edges(found.linked)) or "*Nobody has said yet which change caused or fixed it.*",
        "## Timeline",
        "\n".join(_timeline(found, zone)),
        "## What was done",
        "\n".join(_done(found)) or "*Nothing is recorded.*",
        "## What we learned",
        "*For people to write: what went well, what did not, what will be done about it by when.*",
    ]
    return "\n\n".join(one for one in parts if one) + "\n"


def lasting(micros: int) -> str:
    """Say how long: `40 ms`, `12 s`, `3 min 20 s`, `5 h 2 min`, `4 d 3 h`."""
    if micros < _SECOND:
        return f"{max(micros, 0) / 1000:.0f} ms"
    whole = round(micros / _SECOND)
    for (above, large), (below, small) in pairwise(_UNITS):
        if whole >= above:
            count, rest = divmod(whole, above)
            return f"{count} {large} {rest // below} {small}" if rest >= below else f"{count} {large}"
    return f"{whole} s"


def _later(micros: int) -> str:
    return f"{lasting(micros)} later" if micros >= 0 else f"{lasting(-micros)} before"


def _moves(one: Linked) -> str:
    more = f" and {len(one.moves) - 1} more" if len(one.moves) > 1 else ""
    kind = f"the {one.kind} " if one.kind != "planned" else ""
    reason = " ".join(one.reason.split())
    said = reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}…"
    return f"{kind}{one.moves[0]}{more}" + (f" (“{said}”)" if said else "")


def _who(actor: str) -> str:
    return actor.removeprefix("person:")


def _by(actor: str) -> str:
    return f" by {_who(actor)}" if actor else ""


def _facts(found: Postmortem, zone: ZoneInfo) -> str:
    one = found.incident
    rows = [
        ("Severity", one.severity),
        ("About", one.about),
        ("Since", _time(one.began_at, zone) if one.began_at is not None else ""),
        ("Opened", f"{_time(one.opened_at, zone)} by {_who(one.opened_by)}"),
        ("Resolved", f"{_time(one.resolved_at, zone)}{_by(one.resolved_by)}" if one.resolved_at else "not yet"),
        ("Open for", lasting(found.lasted) + ("" if one.resolved_at else " so far")),
        ("Incident", brief(one.id)),
    ]  # fmt: skip
    return _table(("", ""), [(name, value) for name, value in rows if value])


def _impact(found: Postmortem, zone: ZoneInfo) -> Iterator[str]:
    if found.failures:
        rows = [
            (
                one.ref, one.lane, _time(one.finished, zone), "–" if one.detection is None else lasting(one.detection),
                lasting(one.recovery(found.at)) + ("" if one.recovered is not None else " so far"),
                "–" if (since := one.mending(found.at)) is None else lasting(since),
            )
            for one in found.failures
        ]  # fmt: skip
        yield "Deployments that count as failed:\n"
        yield _table(
            ("ref", "lane", "deployed", "time to detect", "time to recover", "of that, after it was noticed"), rows
        )
    else:
        yield "No deployment to production counts as failed because of it."
    yield ""
    if found.affected:
        answers = [
            (f"{one.service} @{one.number}", f"{one.requests:,}", f"{one.predictions:,}", f"{one.errors:,}")
            for one in found.affected
        ]
        yield "Answered with what is blamed, while it lasted:\n"
        yield _table(("service", "requests", "predictions", "errors"), answers)
    else:
        yield "No answers with what is blamed are recorded here."


def _edges(linked: Iterable[Linked]) -> Iterator[str]:
    for one in linked:
        blame = one.blame
        said = f": {_plain(blame.why)}" if blame.why else ""
        yield (
            f"- {RELATIONS[blame.relation]} `{brief(blame.change)}`, {_plain(', '.join(one.moves))} ({_plain(one.reason)}),"
            f"{_by(_plain(one.author))}. Source: {blame.source}{_by(_plain(blame.by))}, {blame.confidence:.0%} sure{said}"
        )


def _timeline(found: Postmortem, zone: ZoneInfo) -> Iterator[str]:
    rows = [
        (_time(one.at, zone), _who(one.actor), one.words + (f": {one.said}" if one.said else ""))
        for one in found.moments
    ]
    yield _table(("when", "who", "what"), rows)
    if not found.whole:
        yield "\n*There was more: loopline feed has all of it.*"


def _done(found: Postmortem) -> Iterator[str]:
    for one in found.linked:
        if one.blame.relation == "fixes":
            yield f"- {_plain(_moves(one))}, by {_plain(_who(one.author))}"
    if found.quarantined:
        yield f"- in quarantine since: {_plain(', '.join(found.quarantined))}"
    if found.incident.resolution:
        yield f"- {_plain(found.incident.resolution)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """Write a text so that it stays one line of text: it starts nothing of its own, and no terminal acts upon it."""
    shown = "".join(one for one in text if one.isspace() or one in _JOINERS or category(one) not in ("Cc", "Cf", "Cs"))
    line = _SIGNS.sub(r"\\\g<0>", " ".join(shown.split()))
    line = _BEGINS.sub(r"\1\\", line)
    return _ENTITY.sub("&amp;", line).replace("<", "&lt;")


def _time(at: int | None, zone: ZoneInfo) -> str:
    try:
        then = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at or 0)
        return f"{then.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
    except OverflowError:
        return str(at)
