"""declaring: which checks speak of a change, and which of them somebody has asked a server for.

Shared by `check`, by whatever judges a change, and by the end of a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from loopline.errors import LooplineError
from loopline.loop import declared_here
from loopline.nouns.name import Pointer, parse_ref, parse_revision
from loopline.nouns.verdict import Result
from loopline.verbs import VERBS

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.change import Change, Move
    from loopline.nouns.check import Check
    from loopline.nouns.digest import Digest
    from loopline.nouns.name import RefName
    from loopline.nouns.task import Task
    from loopline.nouns.verdict import Verdict

GATHERING = tuple(one.name for one in VERBS if one.gathers)


def declared_for(tx: Tables, loop: Loop, move: Move) -> Iterable[Check]:
    """Give the checks that speak of a ref."""
    return [] if move.new is None else [one for one in in_force(tx, loop) if speaks_of(one, move.ref)]


def in_force(tx: Tables, loop: Loop) -> tuple[Check, ...]:
    """Give all checks: those of the policy document in force, else those of the project file."""
    from loopline.checks.document import load_document

    here = tx.policies.in_force(loop.project)
    return (load_document(here[1]).checks if here else ()) or declared_here(loop, loop.checks)


def speaks_of(check: Check, ref: RefName) -> bool:
    """Tell whether a check is about a ref."""
    from loopline.checks.policy import policies_for
    from loopline.nouns.policy import Policy

    return bool(policies_for((Policy(check.name, check.refs),), str(ref)))


def awaited(tx: Tables, loop: Loop, change: Change) -> frozenset[str]:
    """Name the checks of a change that an open task is going to run: those that have not answered since it was begun."""
    found: set[str] = set()
    for task in tx.tasks.unfinished(loop.project, GATHERING):
        if not _is_about(tx, loop, task, change):
            continue
        only = task.words.get("only") or ()
        names = {one.name for move in change.moves for one in declared_for(tx, loop, move)}
        found |= {name for name in names if not only or name in only} - _answered(task, change)
    return frozenset(found)


def left_by(tx: Tables, loop: Loop, task: Task) -> list[Verdict]:
    """Give the answers that a task which is over has announced and not given, without those that another one may yet give."""
    begun = task.started_at
    if begun is None or task.verb not in GATHERING:
        return []
    others = [one for one in tx.tasks.unfinished(loop.project, GATHERING) if one.started_at is not None]
    found: dict[tuple[Digest, str], Verdict] = {}
    for change in _named(tx, loop, task):
        since = [one.started_at or 0 for one in others if _is_about(tx, loop, one, change)]
        end = min(since, default=None)
        for one in change.verdicts:
            mine = one.result is Result.PENDING and one.at >= begun and (end is None or one.at < end)
            if mine and not _of_another(tx, one, task):
                found[one.head, one.check] = one
    return list(found.values())


def _of_another(tx: Tables, verdict: Verdict, task: Task) -> bool:
    run = tx.runs.find(verdict.run) if verdict.run else None
    return run is not None and run.tags.get("task") != task.id


def _named(tx: Tables, loop: Loop, task: Task) -> list[Change]:
    """Find the changes that a task means."""
    named = str(task.words.get("change" if task.verb == "check" else "ref", ""))
    try:
        if "/" not in named:
            several: Sequence[Change] = [tx.changes.resolve(loop.project, named)]
        else:
            several = tx.changes.list(loop.project, open_only=True, ref=parse_ref(named, project=loop.project))
    except LooplineError:
        return []
    return [one for one in several if _is_about(tx, loop, task, one)]


def _answered(task: Task, change: Change) -> set[str]:
    begun = task.started_at
    if begun is None:
        return set()
    return {one.check for one in change.verdicts if one.result is not Result.PENDING and one.at >= begun}


def _is_about(tx: Tables, loop: Loop, task: Task, change: Change) -> bool:
    """Tell whether a task means this change. What its words do not name any more, it will find out itself."""
    try:
        if task.verb == "promote":
            ref = parse_ref(str(task.words["ref"]), project=loop.project)
            to = tx.versions.resolve(Pointer(ref.asset, parse_revision(str(task.words["to"])))).number
            return any((move.ref, move.new) == (ref, to) for move in change.moves)
        if task.verb == "deploy":  # where to, it finds out itself
            ref = parse_ref(str(task.words["ref"]), project=loop.project)
            return any(move.ref == ref for move in change.moves)
        named = str(task.words["change"])
        if "/" not in named:
            return change.id.startswith(named)
        open_ones = tx.changes.list(loop.project, open_only=True, ref=parse_ref(named, project=loop.project), limit=1)
    except (LooplineError, KeyError):
        return False
    return [one.id for one in open_ones] == [change.id]
