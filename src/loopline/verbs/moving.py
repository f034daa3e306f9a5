"""moving: how a change comes about, is judged, and moves refs; shared by the verbs that do it.

Everything here happens inside one write transaction: what is read stays true until the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.change import Change, ChangeKind, ChangeState, Decision, Move
from loopline.nouns.ids import brief
from loopline.nouns.name import AssetName, Pointer, RefName, Revision, parse_asset, parse_ref
from loopline.verbs.carrying import carry_on, in_quarantine, must_not_be_fixed, told

if TYPE_CHECKING:
    from loopline.checks.policy import Case
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.policy import Policy
    from loopline.nouns.ref import Ref
    from loopline.nouns.verdict import Requirement

    Otherwise = Callable[[Sequence[Policy], Case], Change]
Phase = Literal["propose", "approve", "start", "apply"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that somebody wants."""

    moves: tuple[Move, ...]
    why: str
    kind: ChangeKind = "planned"
    run: str | None = None
    undoes: str | None = None
    lift: bool = False
    """Whether moving to a version in quarantine lifts it."""
    lifts: tuple[str, ...] = ()
    """Further versions whose quarantine it lifts, as `kind/name@number`."""


def aim(tx: Tables, ref: RefName, to: Revision, *, tier: str | None = None) -> Move:
    """Make the move that brings `ref` from where it stands to what `to` means now. Raise NotFound."""
    here = tx.refs.find(ref)
    version = tx.versions.resolve(Pointer(ref.asset, to))
    return Move(ref, here.target if here else None, version.number, tier)


def at_home(loop: Loop, asset: AssetName) -> AssetName:
    """Give an asset back that this loop may write to. Raise Invalid: the feed and the policy are those of one project."""
    if asset.project != loop.project:
        raise Invalid(
            f"{asset.key} belongs to another project", kind="other-project", hint=f"add --project {asset.project}",
            asset=asset.key, project=loop.project,
        )  # fmt: skip
    return parse_asset(str(asset), project=loop.project)


def begin(tx: Writing, loop: Loop, plan: Plan) -> Change:
    """Write a change down; where no policy speaks of its refs, carry it on at once."""
    for move in plan.moves:
        at_home(loop, move.ref.asset)
        parse_ref(str(move.ref), project=loop.project)  # a name that cannot be written cannot be asked for
        _must_be_policy(tx, move)
        if move.new is not None:
            must_not_be_fixed(tx, move.ref)
    lifts = _lifts(tx, loop, plan)
    change = tx.changes.propose(
        Change(
            id=loop.ids.new(), project=loop.project, author=str(loop.actor), reason=plan.why, kind=plan.kind,
            state=ChangeState.PROPOSED, moves=tuple(sorted(plan.moves, key=lambda m: m.ref)), created_at=tx.now, run=plan.run,
            undoes=plan.undoes, lifts=lifts,
        )
    )  # fmt: skip
    tx.say("change.proposed", change.id, **told(change))
    policies, _ = policies_of(tx, change)
    if not policies:
        return carry_on(tx, loop, change)
    decision = judge(tx, loop, change, phase="propose")
    return tx.changes.get(change.id) if decision else change


def judge(
    tx: Writing, loop: Loop, change: Change, *, phase: Phase, otherwise: Otherwise | None = None
) -> Decision | None:
    """Evaluate the policy in force over what is recorded, and write the decision down. None: no policy speaks of it.

    `otherwise` is asked where the change does not pass, and gives it with the override that may let it through.
    """
    from loopline.checks.policy import allowed, decision_inputs, evaluate_policies

    policies, digest = policies_of(tx, change)
    if not policies:
        return None
    case = case_of(tx, loop, change)
    results = evaluate_policies(policies, case)
    passed = allowed(policies, case, results)
    if not passed and otherwise is not None:
        case = replace(case, change=otherwise(policies, case))
        passed = allowed(policies, case, results)
    decision = Decision(
        at=tx.now, actor=str(loop.actor), phase=phase, policy=digest, inputs=decision_inputs(case), passed=passed,
        results=results,
    )  # fmt: skip
    tx.changes.decide(change, decision)
    return decision


def settle(tx: Writing, loop: Loop, change: Change) -> Change:
    """Judge an open change again after something was said about it: it becomes approved, or proposed again."""
    decision = judge(tx, loop, change, phase="approve")
    if decision and decision.passed and change.state is ChangeState.PROPOSED:
        tx.changes.move(change, ChangeState.APPROVED)
    elif decision and not decision.passed and change.state is ChangeState.APPROVED:
        tx.changes.move(change, ChangeState.PROPOSED)
    return tx.changes.get(change.id)


def policies_of(tx: Tables, change: Change) -> tuple[tuple[Policy, ...], Digest | None]:
    """Give the policies in force that speak of any of the change's refs, and the document's digest."""
    here = tx.policies.in_force(change.project)
    if here is None:
        return (), None
    from loopline.checks.document import load_document
    from loopline.checks.policy import policies_for

    document = load_document(here[1])
    matching = {
        policy.name: policy for move in change.moves for policy in policies_for(document.policies, str(move.ref))
    }
    return tuple(matching.values()), here[0]


def guarded(tx: Tables, project: str, refs: Iterable[RefName]) -> RefName | None:
    """Give the first of some refs that a policy in force speaks of, whether the ref is there or not."""
    here = tx.policies.in_force(project)
    if here is None:
        return None
    from loopline.checks.document import load_document
    from loopline.checks.policy import policies_for

    document = load_document(here[1])
    return next((ref for ref in refs if any(policies_for(document.policies, str(ref)))), None)


def case_of(tx: Tables, loop: Loop, change: Change) -> Case:
    """Collect every recorded fact that a policy may ask about."""
    from loopline.checks.policy import Case, Stand
    from loopline.verbs.declaring import awaited, declared_for

    current: dict[str, int | None] = {}
    stands: list[Stand] = []
    pickled: dict[str, bool] = {}
    for move in change.moves:
        here = tx.refs.find(move.ref)
        current[str(move.ref)] = here.target if here else None
        if move.new is None:
            continue
        same = [ref for ref in tx.refs.of(move.ref.asset) if ref.target == move.new and ref.name != move.ref]
        stands += [Stand(str(ref.name), ref.moved_at, _alerts(tx, ref)) for ref in same]
        version = tx.versions.get(move.ref.asset, move.new)
        if "pickle" in version.metadata:
            pickled[str(version)] = bool(version.metadata["pickle"])
    return Case(
        change=change,
        now=tx.now,
        current=current,
        teams=tx.teams.all(loop.project),
        queued=awaited(tx, loop, change),
        declared=frozenset(one.name for move in change.moves for one in declared_for(tx, loop, move)),
        stands=tuple(stands),
        pickled=pickled,
    )


def _alerts(tx: Tables, ref: Ref) -> int:
    """Count what went wrong since a ref stands where it does: alerts of monitors, and incidents that blame its change.

    A silence keeps an alert from people, not from a policy. That the change was let through is none.
    """
    if ref.change is None:
        return 0
    blamed = sum(
        one.opened_at >= ref.moved_at
        and any((b.relation, b.change) == ("caused_by", ref.change) and b.source != "override" for b in one.blames)
        for one in tx.incidents.about(ref.change)
    )
    return blamed + sum(one.opened_at >= ref.moved_at for one in tx.alerts.about(ref.change))


def stands(tx: Tables, loop: Loop, change: Change) -> tuple[tuple[Requirement, ...], bool]:
    """Judge a change as of now, without writing it down: answers go stale and evidence old after it was judged last.

    What a check will bring that waits for a worker is pending. Also tells whether a yes of this loop's actor would count and
    is not there. What is over stays as it was decided.
    """
    if change.state.over:
        return (change.decision.results if change.decision else ()), False
    policies, _ = policies_of(tx, change)
    if not policies:
        return (), False
    from loopline.checks.policy import evaluate_policies, evidence_digest, would_count
    from loopline.nouns.change import Approval
    from loopline.nouns.verdict import Result

    case = case_of(tx, loop, change)
    results = evaluate_policies(policies, case)
    seen = evidence_digest(change.verdicts)
    answer = Approval(str(loop.actor), "approve", change.head, seen, loop.actor.verified, tx.now)
    given = any((one.actor, one.head, one.evidence) == (answer.actor, answer.head, seen) for one in change.approvals)
    lacking = any(one.result is not Result.PASS for one in results)
    return results, lacking and not given and would_count(policies, case, answer)


def still_open(change: Change) -> None:
    """Raise Conflict where a change has come to its end."""
    if change.state.over:
        raise Conflict(
            f"change {brief(change.id)} is {change.state}",
            kind="change-state",
            hint=f"loopline show {brief(change.id)}",
            change=change.id,
            found=str(change.state),
        )


def find_open(tx: Tables, change: str, loop: Loop) -> Change:
    """Find a change by its first digits, or the newest open one of a ref. Raise NotFound."""
    if "/" not in change:
        return tx.changes.resolve(loop.project, change)
    ref = parse_ref(change, project=loop.project)
    found = tx.changes.list(loop.project, open_only=True, ref=ref, limit=1)
    if not found:
        raise NotFound(
            f"no change of {ref} is open", kind="no-change", hint=f"loopline propose {ref} --to …", ref=str(ref)
        )
    return found[0]


def _must_be_policy(tx: Tables, move: Move) -> None:
    """Refuse to put something into force that is no policy: it would be in force as no policy at all."""
    asset = move.ref.asset
    if move.new is None or (asset.kind, asset.name, move.ref.ref) != ("policy", asset.project, "main"):
        return
    version = tx.versions.get(asset, move.new)
    if tx.policies.find(version.artifact.digest) is None:
        raise Invalid(
            f"{version} is no policy document", kind="not-a-policy", hint="loopline policy --push", version=str(version)
        )


def _lifts(tx: Writing, loop: Loop, plan: Plan) -> tuple[str, ...]:
    lifts = list(plan.lifts)
    for move in plan.moves:
        if move.new is None:
            continue
        reason = tx.versions.quarantined(move.ref.asset, move.new)
        if reason is None:
            continue
        if not plan.lift:
            raise in_quarantine(move.ref.asset, move.new, reason)
        lifts.append(f"{move.ref.asset}@{move.new}")
    if lifts and not loop.actor.human:
        raise Refused(
            f"{loop.actor} cannot lift a quarantine", kind="lift-needs-person", hint="ask a person to propose it with --lift",
            actor=str(loop.actor),
        )  # fmt: skip
    return tuple(dict.fromkeys(lifts))
