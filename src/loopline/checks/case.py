"""case: all recorded facts that a policy is answered from, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loopline.checks.evidence import evidence_of, freshened
from loopline.nouns.change import Change
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.event import canonical


@dataclass(frozen=True, slots=True)
class Stand:
    """A place where what a change moves stands already."""

    ref: str
    """`service/delay@staging`."""
    since: int
    """Microseconds since the epoch, UTC."""
    alerts: int = 0
    """Alerts of monitors there since, and incidents that blame the change which brought it there."""


@dataclass(frozen=True, slots=True)
class Case:
    """One change and what is known about it at one moment. Equal cases give equal answers."""

    change: Change
    """With its verdicts (of any head), approvals and override."""
    now: int
    """Microseconds since the epoch, UTC."""
    current: Mapping[str, int | None] = field(default_factory=dict)
    """Where each ref of the change stands now, by `kind/name@ref`; None: it does not exist, so there is no base."""
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Members (`person:ann`) by team (`team/ml-leads`)."""
    queued: frozenset[str] = frozenset()
    """Checks that are waiting or running for this head."""
    declared: frozenset[str] | None = None
    """Checks that are declared for the refs: what a next step can name. None: nobody looked. It changes no answer."""
    stands: tuple[Stand, ...] = ()
    """Where what the change moves stands already, for soaking."""
    pickled: Mapping[str, bool] = field(default_factory=dict)
    """By `model/name@number` of the new targets: whether it can only be loaded by unpickling; absent: nobody looked."""

    def member(self, actor: str, source: tuple[str, ...]) -> bool:
        """Tell whether an actor is named, or in a team that is named."""
        return any(actor == one or actor in self.teams.get(one, frozenset()) for one in source)


def decision_inputs(case: Case) -> Digest:
    """Name what a decision was taken on: head, bases, evidence, approvals and the other facts, but not the time.

    With the policy's digest and `Decision.at` it determines the results.
    """
    change = case.change
    approvals = sorted([a.actor, a.answer, str(a.verified), str(a.stale), str(a.at)] for a in freshened(change))
    verdicts = sorted([v.check, v.head, v.result.value, str(v.at)] for v in change.verdicts if v.head == change.head)
    override = change.override
    facts: dict[str, Any] = {
        "change": change.id,
        "author": change.author,
        "head": change.head,
        "current": {ref: number for ref, number in case.current.items() if number is not None},
        "evidence": evidence_of(change),
        "verdicts": verdicts,
        "approvals": approvals,
        "override": override and [override.actor, override.reason, override.until, override.at, override.head],
        "teams": {team: sorted(members) for team, members in case.teams.items()},
        "queued": sorted(case.queued),
        "stands": sorted([s.ref, str(s.since), str(s.alerts)] for s in case.stands),
        "pickled": dict(case.pickled),
    }
    if change.asker:
        facts["asker"] = change.asker
    return digest_of(canonical(facts))
