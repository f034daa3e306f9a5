"""change: what should move, what the policy says about it, who answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.evaluation import estimates
from loopline.cli.render.words import name, short_id, status, target, when, who
from loopline.cli.text import aligned, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.change import Change
    from loopline.nouns.verdict import Requirement, Verdict


def change(value: Change, screen: Screen) -> Iterator[str]:
    """Draw a change: moves, policy, answers, and what to do next."""
    kind = "" if value.kind == "planned" else f"  {value.kind}"
    yield f"{screen.paint('head', 'change ' + short_id(value.id))}  {status(value.state, screen)}{kind}"
    yield f"{clean(value.reason)}" if value.reason else ""
    yield screen.paint("dim", f"by {who(value.author)}, {when(value.created_at, screen)}")
    yield ""
    yield from moves(value, screen)
    if value.lifts:
        yield f"  lifts the quarantine of {', '.join(clean(one) for one in value.lifts)}"
    if value.quarantines:
        yield f"  quarantines {', '.join(clean(one) for one in value.quarantines)}"
    yield from (f"  stays: {clean(one)}" for one in value.stays)
    if value.undoes:
        yield f"  takes back change {short_id(value.undoes)}"
    if value.state in _SETTLED and not screen.verbose:
        yield from _in_short(value, screen)
    else:
        yield from _evidence(value, screen)
    if value.approvals or value.override:
        yield ""
        yield from _answers(value, screen)
    yield from _next(value, screen)


_SETTLED = {"approved", "applied", "stopped", "withdrawn"}
"""States in which nobody has to weigh the evidence any more: it is told in a line, and whole with -v."""


def _evidence(value: Change, screen: Screen) -> Iterator[str]:
    if value.decision and value.decision.results:
        yield ""
        yield from requirements(value.decision.results, screen)
    if value.verdicts:
        yield ""
        yield from list_of_verdict(value.verdicts, screen)


def _in_short(value: Change, screen: Screen) -> Iterator[str]:
    results = value.decision.results if value.decision else ()
    if not results:
        return
    held = sum(one.result == "pass" for one in results)
    mark = status("pass" if held == len(results) else "fail", screen)
    yield ""
    if value.kind == "rollback":
        yield "a rollback needs no new evidence: it returns to what was judged before"
    else:
        yield f"{mark}  {held} of {len(results)} requirements hold (loopline show {short_id(value.id)} -v)"


def moves(value: Change, screen: Screen) -> Iterator[str]:
    """Draw each ref with where it was and where it goes."""
    rows = []
    for one in value.moves:
        tier = f"  {clean(one.tier)}" if one.tier else ""
        goes = screen.paint("bad", "deleted") if one.new is None else screen.paint("head", target(one.new))
        rows.append([f"  {name(one.ref, screen)}", target(one.old), "→", f"{goes}{tier}"])
    yield from aligned(rows, width=screen.width)


def requirements(results: Sequence[Requirement], screen: Screen) -> Iterator[str]:
    """Draw the table of a policy: what is required, what was observed, who can help."""
    yield screen.paint("dim", "policy")
    rows = []
    for one in results:
        seen = f"observed {one.observed}" if one.observed else ""
        needed = f"needed {one.needed}" if one.needed and one.result != "pass" else ""
        told = ", ".join(part for part in (seen, needed) if part)
        rows.append([f"  {status(one.result, screen)}", clean(f"{one.policy}: {one.text}"), clean(told)])
    yield from (line.rstrip() for line in aligned(rows, width=screen.width))


def list_of_verdict(values: Sequence[Verdict], screen: Screen) -> Iterator[str]:
    """Draw what checks said, and what they measured."""
    yield screen.paint("dim", "checks")
    rows = [
        [f"  {status(one.result, screen)}", clean(one.check), when(one.at, screen), clean(one.summary)]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)
    for verdict in values:
        if any(not one.holds for one in verdict.observations):
            from loopline.cli.render.expected import observations

            yield ""
            yield screen.paint("dim", clean(verdict.check))
            yield from observations(verdict.observations, screen)
    measured = [one for verdict in values for one in verdict.estimates]
    if measured:
        yield ""
        yield from estimates(measured, screen)


def list_of_change(values: Sequence[Change], screen: Screen) -> Iterator[str]:
    """Draw one line a change."""
    rows = []
    for one in values:
        first = one.moves[0]
        more = f" +{len(one.moves) - 1}" if len(one.moves) > 1 else ""
        rows.append([
            screen.paint("name", short_id(one.id)),
            status(one.state, screen),
            f"{name(first.ref, screen)} {target(first.old)} → {target(first.new)}{more}",
            who(one.author),
            when(one.created_at, screen),
            clean(one.reason),
        ])  # fmt: skip
    yield from aligned(rows, width=screen.width)


def _answers(value: Change, screen: Screen) -> Iterator[str]:
    yield screen.paint("dim", "answers")
    rows = []
    for one in value.approvals:
        notes = [note for note, on in (("no longer counts", one.stale), ("unverified", not one.verified)) if on]
        told = [who(one.actor), when(one.at, screen), clean(one.comment), ", ".join(notes)]
        rows.append([f"  {status(one.answer, screen)}", *told])
    if value.override:
        forced = value.override
        told = [who(forced.actor), when(forced.at, screen), clean(forced.reason), ""]
        rows.append([f"  {screen.mark('wait', 'override')}", *told])
    yield from (line.rstrip() for line in aligned(rows, width=screen.width))


def _next(value: Change, screen: Screen) -> Iterator[str]:
    """Name the remedies of what is missing: what somebody has to do before it can move."""
    if value.state == "rolling":
        refs = [clean(str(move.ref)) for move in value.moves if move.ref.asset.kind == "service"]
        yield from ("", *(f"{screen.paint('name', '→')} loopline rollouts {ref}" for ref in refs))
    if value.state not in {"proposed", "approved"}:
        return
    open_ones = [one for one in value.decision.results if one.result != "pass"] if value.decision else []
    steps = list(dict.fromkeys(one.remedy for one in open_ones if one.remedy))
    if not steps and not open_ones:
        steps = [f"loopline apply {short_id(value.id)}"]
    if steps:
        yield ""
    for step in steps:
        yield f"{screen.paint('name', '→')} {clean(step)}"
