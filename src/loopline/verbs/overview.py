"""overview: a project on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Final

from loopline.ledger.search import compose
from loopline.loop import Loop
from loopline.nouns.change import Approval, Change
from loopline.nouns.overview import Current, Overview, Waiting
from loopline.nouns.ref import Ref
from loopline.nouns.run import Run
from loopline.nouns.verdict import Result
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.deployment import Deployment

TIERS: Final = ("production", "prod", "staging", "canary", "test", "development", "dev")
"""Tiers in the order that people care about; others come behind, by name."""
WEEK: Final = 7 * 86_400 * 1_000_000
_LOOKED_AT: Final = 200


def overview(loop: Loop, *, limit: Annotated[int, "how many refs, changes and runs at most, of each"] = 20) -> Overview:
    """Tell what is current and why, which changes are open and what each lacks, what runs, what failed, what waits for you.

    Of services those that are not ready or behind their models are told, and alerts that are open.

    Example:
        loopline overview
    """
    at_most(limit, paged=False)
    with loop.ledger.read() as tx:
        refs = _ranked(tx.refs.list(loop.project, limit=100_000))
        served = _served(tx, loop)
        changes = [_waiting(tx, loop, one) for one in tx.changes.list(loop.project, open_only=True, limit=limit)]
        running = _runs(tx, loop.project, "r.state IN ('pending', 'running')", limit)
        return Overview(
            project=loop.project,
            at=tx.now,
            refs=tuple(_current(tx, ref, served) for ref in refs[:limit]),
            more_refs=max(0, len(refs) - limit),
            changes=tuple(sorted(changes, key=lambda one: not one.mine)),
            running=tuple(running),
            failed=tuple(_failed(tx, loop.project, limit)),
            incidents=tuple(tx.incidents.list(loop.project, open_only=True, limit=limit)),
            deployments=tuple(one for one in served.values() if one.state != "ready" or one.behind)[:limit],
            alerts=tuple(tx.alerts.list(loop.project, open_only=True, limit=limit)),
            runs=tx.runs.count(loop.project),
            assets=tx.assets.count(loop.project),
        )


def _ranked(refs: Iterable[Ref]) -> list[Ref]:
    def rank(ref: Ref) -> tuple[int, str, int]:
        if not ref.tier:
            return len(TIERS) + 1, "", -ref.moved_at
        return (TIERS.index(ref.tier) if ref.tier in TIERS else len(TIERS)), ref.tier, -ref.moved_at

    return sorted(refs, key=rank)


def _served(tx: Tables, loop: Loop) -> dict[str, Deployment]:
    services = tx.refs.of_kind("service", project=loop.project)
    if not services:
        return {}
    from loopline.verbs.deployed import deployment

    return {str(ref.name): deployment(tx, loop, ref) for ref in services}


def _current(tx: Tables, ref: Ref, served: Mapping[str, Deployment]) -> Current:
    moves = tx.changes.history(ref.name, limit=1)
    behind = served[str(ref.name)].behind if str(ref.name) in served else ()
    return Current(ref, tx.versions.find(ref.name.asset, ref.target), moves[0] if moves else None, behind)


def _waiting(tx: Tables, loop: Loop, change: Change) -> Waiting:
    """Judge a change as of now: answers may have gone stale and evidence old since it was judged last."""
    from loopline.verbs.moving import case_of, policies_of

    policies, _ = policies_of(tx, change)
    if not policies:
        return Waiting(change, 0)
    from loopline.checks.policy import evaluate_policies, evidence_digest, would_count

    case = case_of(tx, loop, change)
    results = evaluate_policies(policies, case)
    lacks = tuple(one for one in results if one.result is not Result.PASS)
    seen = evidence_digest(change.verdicts)
    mine = Approval(str(loop.actor), "approve", change.head, seen, loop.actor.verified, tx.now)
    answered = any(
        one.actor == mine.actor and (one.head, one.evidence) == (mine.head, seen) for one in change.approvals
    )
    return Waiting(
        change, len(results) - len(lacks), lacks, mine=bool(lacks) and not answered and would_count(policies, case, mine)
    )  # fmt: skip


def _runs(tx: Tables, project: str, where: str, limit: int) -> Sequence[Run]:
    condition = compose(project)
    sql = f"{condition.where} AND r.parent IS NULL AND {where}"
    return tx.runs.search(sql, condition.values, order=condition.order, limit=limit)


def _failed(tx: Tables, project: str, limit: int) -> list[Run]:
    """Give what failed and was not made good since: one for each name."""
    seen: set[tuple[str, str]] = set()
    found: list[Run] = []
    recent = f"r.recorded_at > {tx.now - WEEK} AND r.state IN ('finished', 'failed', 'crashed')"
    for run in _runs(tx, project, recent, _LOOKED_AT):
        if (run.kind, run.name) not in seen and not run.state.good:
            found.append(run)
        seen.add((run.kind, run.name))
    return found[:limit]
