"""apply: move the refs of a change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Refused
from loopline.ledger.ledger import Writing
from loopline.loop import Loop
from loopline.nouns.change import Change, ChangeState, Override
from loopline.nouns.ids import brief
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.verdict import Result
from loopline.verbs.burying import bury
from loopline.verbs.carrying import carry_on, told
from loopline.verbs.moving import Phase, find_open, judge, still_open
from loopline.verbs.rolling import rollout_of

if TYPE_CHECKING:
    from loopline.checks.policy import Case
    from loopline.nouns.policy import Policy


def apply(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or a ref whose open change is meant"],
    *,
    override: Annotated[str | None, "let it through against its policy, once, for this reason"] = None,
) -> Change:
    """Move the refs of a change, all or none, if its policy holds at this moment.

    A refusal is written down as a decision, too. An override is recorded with its reason and opens an incident, where it is
    needed; a change whose policy holds moves without it.

    Example:
        loopline apply model/delay@champion
    """
    refusal: Refused | None = None
    if loop.caller is None:  # a server's ticker does so
        bury(loop)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = find_open(tx, change, loop)
        still_open(found)
        through = None if override is None else partial(_override, tx, loop, _reason(override))
        phase: Phase = "start" if rollout_of(tx, loop, found) else "apply"
        decision = judge(tx, loop, found, phase=phase, otherwise=through)
        if found.state is ChangeState.ROLLING and override is not None and (decision is None or decision.passed):
            tx.say("change.overridden", found.id, **told(found))  # it goes on with that: loopline resume
            return tx.changes.get(found.id)
        if decision is None or decision.passed:
            return carry_on(tx, loop, found)
        lacking = [one for one in decision.results if one.result is not Result.PASS]
        refusal = Refused(
            f"the policy refuses change {brief(found.id)}:\n"
            + ";\n".join(_line(one.text, one.observed, one.needed) for one in lacking),
            kind="policy", hint=next((one.remedy for one in lacking if one.remedy), f"loopline show {brief(found.id)}"),
            change=found.id, requirements=[f"{one.text}: {one.result}" for one in lacking],
            pending=all(one.result is Result.PENDING for one in lacking),
        )  # fmt: skip
        tx.say("change.refused", found.id, requirements=[one.text for one in lacking], **told(found))
    raise refusal


def _reason(text: str) -> str:
    if not text.strip():
        raise Refused("an override needs a reason", kind="override-reason", hint='give --override "why it must pass"')
    return text


def _override(tx: Writing, loop: Loop, reason: str, policies: Sequence[Policy], case: Case) -> Change:
    """Let a change through against its policies, and give it with that. Raise Refused where one does not let this actor."""
    change = case.change
    for policy in policies:
        if not case.member(str(loop.actor), policy.override.by):
            who = ", ".join(policy.override.by) or "nobody"
            raise Refused(
                f"{loop.actor} may not override {policy.name}", kind="override-not-allowed", hint=f"ask {who}",
                policy=policy.name, by=list(policy.override.by),
            )  # fmt: skip
    lasting = min((policy.override.expires for policy in policies), default=timedelta(hours=4))
    until = tx.now + int(lasting.total_seconds() * 1e6)
    tx.changes.override(change, Override(str(loop.actor), reason, until, tx.now, change.head))
    made = tx.incidents.open(
        Incident(
            id=loop.ids.new(), project=loop.project, title=f"override: {reason}", severity="low", opened_by=str(loop.actor),
            opened_at=tx.now, blames=(Blame("caused_by", change.id, "override"),),
        )
    )  # fmt: skip
    tx.say("change.overridden", change.id, incident=made.id)
    return tx.changes.get(change.id)


def _line(text: str, observed: str, needed: str) -> str:
    if not observed and not needed:
        return text
    return f"{text} (observed {observed or 'nothing'}, needed {needed})" if needed else f"{text} (observed {observed})"
