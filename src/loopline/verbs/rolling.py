"""rolling: how a change that moves a deployment step by step begins and ends; shared by the verbs about it.

While it rolls its refs stand where they stood, and hosts serve both versions. All of them move together when it is applied, or
none does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loopline.errors import Conflict, Invalid
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.ids import brief
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.rolling import Action, Rolling
from loopline.nouns.rollout import Rollout
from loopline.rollout.machine import follow
from loopline.verbs.moving import at_home

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.rolling import Plan
    from loopline.nouns.service import Service
    from loopline.verbs.measured import Measured


@dataclass(frozen=True, slots=True)
class Found:
    """How a change is to roll."""

    move: Move
    """That of the deployment."""
    old: int
    new: int
    plan: Plan


def rollout_of(tx: Tables, loop: Loop, change: Change) -> Found | None:
    """Tell how a change rolls; None: its refs move at once.

    A planned move of one deployment rolls if the new version of the service says how, and something stands there that it can be
    compared with. What is brought back or mended in haste does not wait. Raise Invalid kind="not-comparable", "not-recorded",
    "redacted-column", and "two-rollouts" where several deployments of one change would roll.
    """
    if change.kind != "planned":
        return None
    found = [one for move in change.moves if move.ref.asset.kind == "service" and (one := _rolls(tx, loop, move))]
    if len(found) > 1:
        both = ", ".join(str(one.move.ref) for one in found)
        raise Invalid(
            f"{both} would roll in one change, and each is judged by itself", kind="two-rollouts",
            hint='propose them one after the other, or move them at once: rollout = { kind = "at-once" }', refs=both,
        )  # fmt: skip
    return found[0] if found else None


def _rolls(tx: Tables, loop: Loop, move: Move) -> Found | None:
    if move.old is None or move.new is None:
        return None
    from loopline.verbs.deploying import check_judged, service_of

    old, new = (service_of(loop, tx.versions.get(move.ref.asset, number)) for number in (move.old, move.new))
    if new.rollout is None or new.rollout.kind == "at-once":
        return None
    _comparable(old, new)
    check_judged(new.rollout, old)  # what both are recorded by, while it rolls
    return Found(move, move.old, move.new, new.rollout)


def _comparable(old: Service, new: Service) -> None:
    """Refuse two versions whose answers cannot be held against one label."""
    from loopline.serving.mixing import check_mixable
    from loopline.verbs.measured import measured

    check_mixable(old, new)
    labelled = [one.metric for one in new.rollout.metrics if one.labelled] if new.rollout else []
    one, other = (measured(each.labels, each.arms) for each in (old, new))
    if labelled and (one.kind, one.score, one.positive, one.named) != (
        other.kind,
        other.score,
        other.positive,
        other.named,
    ):
        raise Invalid(
            f"{', '.join(labelled)} of the old version of {new.name} is {_said(one)}, of the new one {_said(other)}",
            kind="not-comparable", hint='move there at once: rollout = { kind = "at-once" }', differs=["labels"],
        )  # fmt: skip


def _said(found: Measured) -> str:
    return f"{found.score} against {found.positive or 'its label'}"


def begin_rolling(tx: Writing, change: Change, found: Found) -> Change:
    """Let a change roll: from now on hosts serve both versions, for a start all of it by the old one."""
    waits = Rolling(began=tx.now, since=tx.now, reason="the new version is started")
    one = Rollout(change.id, change.project, str(found.move.ref), found.old, found.new, found.plan, waits)
    tx.changes.move(change, ChangeState.ROLLING)
    tx.rollouts.begin(one)
    say(tx, "rollout.started", one)
    return tx.changes.get(change.id)


def end_rolling(tx: Writing, loop: Loop, one: Rollout, *, why: str, bad: bool, known: Rollout | None = None) -> Change:
    """Stop a rollout: every unit meets the old version again. What was `bad` goes into quarantine, with an incident.

    `known` is the same with what has been found out since it was read.
    """
    change = tx.changes.get(one.change)
    here = known or one
    back = follow(here.progress, Action("stop", 0.0, here.progress.step, why), tx.now)
    after = tx.rollouts.keep(one, replace(here, progress=back))
    tx.changes.move(change, ChangeState.STOPPED, seq=tx.seq)
    marked, opened = [], {}
    if bad:
        for asset, number in brought(tx, loop, change):
            tx.versions.quarantine(asset, number, reason=why, change=change.id)
            marked.append(f"{asset}@{number}")
        made = tx.incidents.open(
            Incident(
                id=loop.ids.new(), project=loop.project, title=f"{one.ref} went back: {why}", severity="medium",
                opened_by=str(loop.actor), opened_at=tx.now, blames=(Blame("caused_by", change.id, "rollback"),),
            )
        )  # fmt: skip
        opened = {"incident": made.id}
    say(tx, "rollout.stopped", after, quarantined=marked, **opened)
    return tx.changes.get(change.id)


def find_rolling(tx: Tables, loop: Loop, word: str) -> Rollout:
    """Find what rolls by its change's first digits, or by its deployment. Raise NotFound, Conflict kind="rollout-over"."""
    from loopline.nouns.name import parse_ref

    if "/" in word:
        ref = parse_ref(word, project=loop.project)
        at_home(loop, ref.asset)
        found = tx.rollouts.of(loop.project, str(ref))
        if found is None:
            tx.refs.get(ref)
            raise _over(f"nothing rolls on {ref}", str(ref))
        return found
    found = tx.rollouts.get(tx.changes.resolve(loop.project, word).id)
    if found.over:
        raise _over(f"the rollout of change {brief(found.change)} is {found.progress.state}", brief(found.change))
    return found


def say(tx: Writing, kind: str, one: Rollout, **more: Any) -> None:
    """Tell the feed about a rollout."""
    here = one.progress
    tx.say(
        kind, one.change, service=one.ref, old=one.old, new=one.new, state=here.state, weight=here.weight, step=here.step,
        reason=here.reason, **more,
    )  # fmt: skip


def _over(what: str, word: str) -> Conflict:
    return Conflict(what, kind="rollout-over", hint=f"loopline rollouts {word}", subject=word)


def brought(tx: Tables, loop: Loop, change: Change) -> list[tuple[Any, int]]:
    """Name what a change would have brought: its versions, and the models that the new version of its service is made of."""
    from loopline.nouns.name import parse_pointer
    from loopline.verbs.deploying import service_of

    found: dict[tuple[Any, int], None] = {}
    for move in change.moves:
        if move.new is None:
            continue
        found[move.ref.asset, move.new] = None
        if move.ref.asset.kind == "service" and move.old is not None:
            old, new = (service_of(loop, tx.versions.get(move.ref.asset, number)) for number in (move.old, move.new))
            kept = {arm.digest for arm in old.arms}
            for arm in new.arms:
                if arm.digest not in kept:
                    pointer = parse_pointer(arm.version, project=loop.project)
                    if pointer.asset.project == loop.project:
                        found[pointer.asset, tx.versions.resolve(pointer).number] = None
    return list(found)
