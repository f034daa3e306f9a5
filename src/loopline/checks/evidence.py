"""evidence: what approvals bind to, and which of them still count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from loopline.nouns.change import Approval, Change
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.evaluation import Estimate
from loopline.nouns.event import canonical
from loopline.nouns.verdict import Verdict


def newest(verdicts: Iterable[Verdict], head: Digest | None = None) -> dict[str, Verdict]:
    """Give each check's newest verdict, on one head if it is named. Of two with one time, the later in order counts."""
    found: dict[str, Verdict] = {}
    for one in verdicts:
        if (head is None or one.head == head) and (one.check not in found or one.at >= found[one.check].at):
            found[one.check] = one
    return found


def evidence_digest(verdicts: Iterable[Verdict]) -> Digest:
    """Name what was known: check, head, result and estimates of the newest verdict of each check and head, sorted.

    Not its run nor its time: a check that is run again and says the same leaves approvals standing.
    """
    latest: dict[tuple[str, str], Verdict] = {}
    for one in verdicts:
        place = (one.check, one.head)
        if place not in latest or one.at >= latest[place].at:
            latest[place] = one
    rows = [[v.check, v.head, v.result.value, sorted(map(_row, v.estimates))] for v in latest.values()]
    return digest_of(canonical(sorted(rows)))


def evidence_of(change: Change) -> Digest:
    """Name the evidence on the change's present head: what an approval given now binds to."""
    return evidence_digest(one for one in change.verdicts if one.head == change.head)


def freshened(change: Change) -> tuple[Approval, ...]:
    """Give the change's approvals, each marked stale where head or evidence are no longer those that its actor saw."""
    evidence = evidence_of(change)
    return tuple(replace(one, stale=one.head != change.head or one.evidence != evidence) for one in change.approvals)


def standing(change: Change) -> tuple[Approval, ...]:
    """Give each actor's newest answer, where it is not stale."""
    latest: dict[str, Approval] = {}
    for one in freshened(change):
        if one.actor not in latest or one.at >= latest[one.actor].at:
            latest[one.actor] = one
    return tuple(one for one in latest.values() if not one.stale)


def _row(one: Estimate) -> list[str]:
    # repr of floats: exact, and it also writes the NaN of a foreign check, which JSON refuses.
    numbers = (one.value, one.low, one.high, one.n, one.base, one.delta, one.delta_low, one.delta_high)
    return [one.metric, one.slice, one.member, *map(repr, numbers)]
