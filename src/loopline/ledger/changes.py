"""changes: how refs move, with evidence (tables changes, moves, approvals, overrides, decisions)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from loopline.errors import Conflict, Invalid, NotFound
from loopline.ledger.assets import Assets
from loopline.ledger.firings import Firings
from loopline.ledger.verdicts import Verdicts
from loopline.nouns.change import Approval, Change, ChangeState, Decision, Move, Moved, Override
from loopline.nouns.digest import Digest
from loopline.nouns.event import canonical
from loopline.nouns.ids import brief
from loopline.nouns.name import RefName
from loopline.nouns.verdict import Requirement, Result
from loopline.store.database import Row, Rows

_SELECT = (
    "SELECT c.id, c.project, c.author, c.reason, c.kind, c.state, c.created_at, c.closed_at, c.run, c.undoes, c.lifts"
    " FROM changes c"
)
_OPEN = (ChangeState.PROPOSED, ChangeState.APPROVED, ChangeState.ROLLING)
LEAST = 4
"""Digits that the beginning of an id must have, so that it is a name and not a guess."""
NEXT = {
    ChangeState.PROPOSED: (ChangeState.APPROVED, ChangeState.ROLLING, ChangeState.APPLIED, ChangeState.WITHDRAWN),
    ChangeState.APPROVED: (ChangeState.PROPOSED, ChangeState.ROLLING, ChangeState.APPLIED, ChangeState.WITHDRAWN),
    ChangeState.ROLLING: (ChangeState.APPLIED, ChangeState.STOPPED),
    ChangeState.APPLIED: (),
    ChangeState.STOPPED: (),
    ChangeState.WITHDRAWN: (),
}
"""Which state may follow which."""


class Changes:
    """The changes of every project."""

    def __init__(self, rows: Rows, now: int, assets: Assets, verdicts: Verdicts) -> None:
        self._rows = rows
        self._now = now
        self._assets = assets
        self._verdicts = verdicts

    def propose(self, change: Change) -> Change:
        """Write a change down. Nothing moves. Raise Invalid for no moves, for one ref twice, for a move to where it is."""
        if not change.moves:
            raise Invalid("a change moves at least one ref", kind="empty-change", hint="name a ref")
        refs = [move.ref for move in change.moves]
        if len(set(refs)) != len(refs):
            raise Invalid(
                "a change moves each ref once", kind="ref-twice", hint="name each ref once", refs=[str(r) for r in refs]
            )
        for move in change.moves:
            if move.old == move.new and move.tier is None:
                raise Invalid(
                    f"{move.ref} is already at {move.new}",
                    kind="nothing-to-move",
                    hint=f"loopline show {move.ref}",
                    ref=str(move.ref),
                )
        self._rows.do(
            "INSERT INTO changes (id, project, author, reason, kind, state, head, created_at, run, undoes, lifts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            change.id, change.project, change.author, change.reason, change.kind, str(change.state), change.head, self._now,
            change.run, change.undoes, json.dumps(change.lifts),
        )  # fmt: skip
        self._rows.many(
            "INSERT INTO moves (change, asset, ref, old, new, tier) VALUES (?, ?, ?, ?, ?, ?)",
            [(change.id, self._assets.ensure(m.ref.asset), m.ref.ref, m.old, m.new, m.tier) for m in change.moves],
        )
        return self.get(change.id)

    def find(self, change: str) -> Change | None:
        """Look one up by its whole id, with all that was said about it."""
        row = self._rows.one(f"{_SELECT} WHERE c.id = ?", change)
        return self._change(row) if row else None

    def get(self, change: str) -> Change:
        """Look one up by its whole id. Raise NotFound."""
        found = self.find(change)
        if found is None:
            raise NotFound(
                f"there is no change {change}", kind="no-change", hint="loopline find changes", change=change
            )
        return found

    def resolve(self, project: str, prefix: str) -> Change:
        """Find a change by the first digits of its id (4 or more). Raise NotFound, Conflict."""
        low, high = (prefix, prefix + "g") if len(prefix) >= LEAST else ("", "")
        rows = self._rows.all(f"{_SELECT} WHERE c.project = ? AND c.id >= ? AND c.id < ? LIMIT 2", project, low, high)
        if len(rows) > 1:
            raise Conflict(
                f"several changes begin with {prefix}", kind="ambiguous-change", hint="write more digits", prefix=prefix
            )
        if not rows:
            raise NotFound(
                f"there is no change {prefix}", kind="no-change", hint="loopline find changes", change=prefix
            )
        return self._change(rows[0])

    def reasons(self, project: str, ids: Iterable[str]) -> dict[str, str]:
        """Give the reasons of those of a project's changes that have these whole ids."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        rows = self._rows.all(
            f"SELECT id, reason FROM changes WHERE project = ? AND id IN ({', '.join('?' * len(wanted))})",
            project,
            *wanted,
        )
        return dict(rows)

    def list(
        self, project: str, *, open_only: bool = False, ref: RefName | None = None, limit: int = 50, after: str = ""
    ) -> Sequence[Change]:
        """Give them newest first; `after` is an id to go on from."""
        where, values = ["c.project = ?"], [project]
        if after:
            where.append("c.id < ?")
            values.append(after)
        if open_only:
            where.append("c.state IN ('proposed', 'approved', 'rolling')")
        if ref is not None:
            where.append("c.id IN (SELECT m.change FROM moves m WHERE m.asset = ? AND m.ref = ?)")
            values += [self._assets.id_of(ref.asset) or 0, ref.ref]  # type: ignore[list-item]
        rows = self._rows.all(f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY c.id DESC LIMIT ?", *values, limit)
        return [self._change(row) for row in rows]

    def open_with(self, project: str, head: Digest, *, limit: int = 100) -> Sequence[Change]:
        """Give a project's open changes that have this head, newest first."""
        rows = self._rows.all(
            f"{_SELECT} WHERE c.project = ? AND c.state IN ('proposed', 'approved', 'rolling') AND c.head = ?"
            " ORDER BY c.id DESC LIMIT ?",
            project, head, limit,
        )  # fmt: skip
        return [self._change(row) for row in rows]

    def approve(self, change: Change, approval: Approval) -> None:
        """Write an answer down. An actor's newer answer replaces the older one in what counts."""
        self._open(change)
        self._rows.do(
            "INSERT INTO approvals (change, actor, answer, head, evidence, verified, at, comment)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            change.id, approval.actor, approval.answer, approval.head, approval.evidence, int(approval.verified), self._now,
            approval.comment,
        )  # fmt: skip

    def override(self, change: Change, override: Override) -> None:
        """Write down that somebody lets this head through against the policy."""
        self._open(change)
        self._rows.do(
            "INSERT INTO overrides (change, actor, reason, until, at, head) VALUES (?, ?, ?, ?, ?, ?)",
            change.id, override.actor, override.reason, override.until, self._now, override.head,
        )  # fmt: skip

    def decide(self, change: Change, decision: Decision) -> None:
        """Write down how the policy judged, with everything needed to judge again."""
        self._rows.do(
            "INSERT INTO decisions (change, at, actor, phase, policy, inputs, passed, results) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            change.id, self._now, decision.actor, decision.phase, decision.policy, decision.inputs, int(decision.passed),
            canonical([asdict(one) for one in decision.results]).decode(),
        )  # fmt: skip

    def decisions(self, change: str) -> Sequence[Decision]:
        """Give every decision about a change, oldest first."""
        rows = self._rows.all(
            "SELECT at, actor, phase, policy, inputs, passed, results FROM decisions WHERE change = ? ORDER BY id",
            change,
        )
        return [_decision(row) for row in rows]

    def move(self, change: Change, state: ChangeState, *, seq: int | None = None) -> Change:
        """Bring a change to its next state. Raise Conflict where `NEXT` does not allow it; `seq` is the event's number."""
        row = self._rows.one("SELECT state FROM changes WHERE id = ?", change.id)
        found = ChangeState(row[0]) if row else change.state
        if state not in NEXT[found]:
            raise Conflict(
                f"change {brief(change.id)} is {found}", kind="change-state", hint=f"loopline show {brief(change.id)}",
                change=change.id, found=str(found), wanted=str(state),
            )  # fmt: skip
        self._rows.do(
            "UPDATE changes SET state = ?, closed_at = ?, closed_seq = ? WHERE id = ?",
            str(state), self._now if state.over else None, seq if state.over else None, change.id,
        )  # fmt: skip
        return replace(change, state=state, closed_at=self._now if state.over else None)

    def rolling(self, ref: RefName) -> str | None:
        """Give the id of the change that rolls on this ref, or None."""
        row = self._rows.one(
            "SELECT c.id FROM changes c JOIN moves m ON m.change = c.id WHERE m.asset = ? AND m.ref = ? AND c.state = 'rolling'",
            self._assets.id_of(ref.asset), ref.ref,
        )  # fmt: skip
        return row[0] if row else None

    def history(self, ref: RefName, *, before: int = 2**62, limit: int = 50) -> Sequence[Moved]:
        """Give the moves that happened to a ref, newest first; `before` is an event's number to go on from."""
        rows = self._rows.all(
            "SELECT c.id, m.old, m.new, c.closed_at, c.author, c.reason, c.kind, c.closed_seq FROM moves m"
            " JOIN changes c ON c.id = m.change WHERE m.asset = ? AND m.ref = ? AND c.state = 'applied' AND c.closed_seq < ?"
            " ORDER BY c.closed_seq DESC LIMIT ?",
            self._assets.id_of(ref.asset), ref.ref, before, limit,
        )  # fmt: skip
        return [Moved(r[0], ref, *r[1:]) for r in rows]

    def beside(self, ref: RefName, *, after: int, limit: int = 5000) -> Sequence[Moved]:
        """Give every move of the changes that moved a ref behind event `after`, newest change first, each whole."""
        rows = self._rows.all(
            "SELECT c.id, m.asset, m.ref, m.old, m.new, c.closed_at, c.author, c.reason, c.kind, c.closed_seq FROM moves own"
            " JOIN changes c ON c.id = own.change JOIN moves m ON m.change = c.id"
            " WHERE own.asset = ? AND own.ref = ? AND c.state = 'applied' AND c.closed_seq > ?"
            " ORDER BY c.closed_seq DESC, c.id DESC, m.asset, m.ref LIMIT ?",
            self._assets.id_of(ref.asset), ref.ref, after, limit,
        )  # fmt: skip
        return [Moved(r[0], RefName(self._assets.name_of(r[1]), r[2]), *r[3:]) for r in rows]

    def moved(
        self, project: str, *, after: int = 0, between: tuple[int, int] | None = None, limit: int = 200
    ) -> Sequence[Moved]:
        """Give every move of a project behind event `after`, oldest first; `between`: behind one time and up to another.

        `limit` counts changes, each of which comes whole: one can go on behind the last event.
        """
        since, until = between or (-1, 2**62)
        rows = self._rows.all(
            "SELECT c.id, m.asset, m.ref, m.old, m.new, c.closed_at, c.author, c.reason, c.kind, c.closed_seq FROM"
            " (SELECT * FROM changes WHERE project = ? AND closed_seq > ? AND state = 'applied' AND closed_at > ?"
            " AND closed_at <= ? ORDER BY closed_seq LIMIT ?) c JOIN moves m ON m.change = c.id"
            " ORDER BY c.closed_seq, m.asset, m.ref",
            project, after, since, until, limit,
        )  # fmt: skip
        return [Moved(r[0], RefName(self._assets.name_of(r[1]), r[2]), *r[3:]) for r in rows]

    def _open(self, change: Change) -> None:
        if change.state not in _OPEN:
            raise Conflict(
                f"change {brief(change.id)} is {change.state}", kind="change-state", hint=f"loopline show {brief(change.id)}",
                change=change.id, found=str(change.state),
            )  # fmt: skip

    def _change(self, row: Row) -> Change:
        moves = [
            Move(RefName(self._assets.name_of(m[0]), m[1]), *m[2:])
            for m in self._rows.all("SELECT asset, ref, old, new, tier FROM moves WHERE change = ?", row[0])
        ]
        change = Change(
            id=row[0], project=row[1], author=row[2], reason=row[3], kind=row[4], state=ChangeState(row[5]),
            moves=tuple(sorted(moves, key=lambda m: m.ref)), created_at=row[6], closed_at=row[7], run=row[8], undoes=row[9],
            lifts=tuple(json.loads(row[10])),
        )  # fmt: skip
        return replace(
            change,
            approvals=tuple(self._approvals(change)),
            verdicts=tuple(self._verdicts.newest(change.project, change.head)),
            override=self._override(change),
            decision=self._newest_decision(change.id),
            asker=self._asker(change) if change.author.startswith("trigger:") else "",
        )

    def _asker(self, change: Change) -> str:
        """Find who has fired the trigger that proposed a change, or that asked for the run which did."""
        firings = Firings(self._rows, self._now)
        one = firings.of_change(change.id)
        if one is None and change.run:
            row = self._rows.one("SELECT value FROM tags WHERE run = ? AND key = 'task'", change.run)
            one = firings.of_task(row[0]) if row else None
        return one.asker if one else ""

    def _approvals(self, change: Change) -> Iterable[Approval]:
        rows = self._rows.all(
            "SELECT actor, answer, head, evidence, verified, at, comment FROM approvals WHERE id IN"
            " (SELECT MAX(id) FROM approvals WHERE change = ? GROUP BY actor) ORDER BY id",
            change.id,
        )  # fmt: skip
        for r in rows:
            yield Approval(r[0], r[1], Digest(r[2]), Digest(r[3]), bool(r[4]), r[5], r[6], stale=r[2] != change.head)

    def _override(self, change: Change) -> Override | None:
        row = self._rows.one(
            "SELECT actor, reason, until, at, head FROM overrides WHERE change = ? AND head = ? ORDER BY id DESC LIMIT 1",
            change.id, change.head,
        )  # fmt: skip
        return Override(*row) if row else None

    def _newest_decision(self, change: str) -> Decision | None:
        row = self._rows.one(
            "SELECT at, actor, phase, policy, inputs, passed, results FROM decisions WHERE change = ? ORDER BY id DESC LIMIT 1",
            change,
        )
        return _decision(row) if row else None


def _decision(row: Row) -> Decision:
    results = tuple(Requirement(**{**one, "result": Result(one["result"])}) for one in json.loads(row[6]))
    return Decision(row[0], row[1], row[2], row[3], Digest(row[4]), bool(row[5]), results)
