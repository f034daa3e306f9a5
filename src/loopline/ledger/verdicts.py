"""verdicts: what checks said about heads (table verdicts)."""

from __future__ import annotations

import json
from dataclasses import asdict

from loopline.nouns.digest import Digest
from loopline.nouns.evaluation import Estimate
from loopline.nouns.event import canonical
from loopline.nouns.verdict import Result, Verdict
from loopline.store.database import Row, Rows


class Verdicts:
    """The answers of every check. A later answer of a check replaces an earlier one for the same head."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, project: str, verdict: Verdict) -> Verdict:
        """Write one down as of now."""
        self._rows.do(
            "INSERT INTO verdicts (project, head, name, result, run, at, summary, estimates) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            project, verdict.head, verdict.check, str(verdict.result), verdict.run, self._now, verdict.summary,
            canonical([asdict(one) for one in verdict.estimates]).decode(),
        )  # fmt: skip
        return Verdict(
            verdict.check, verdict.head, verdict.result, verdict.run, self._now, verdict.summary, verdict.estimates
        )

    def newest(self, project: str, head: Digest) -> list[Verdict]:
        """Give the newest answer of each check about `head`, by name of the check."""
        rows = self._rows.all(
            "SELECT name, head, result, run, at, summary, estimates FROM verdicts WHERE id IN"
            " (SELECT MAX(id) FROM verdicts WHERE project = ? AND head = ? GROUP BY name) ORDER BY name",
            project, head,
        )  # fmt: skip
        return [_verdict(row) for row in rows]

    def awaiting(self, project: str, run: str) -> list[Verdict]:
        """Give what is still said to wait for a run."""
        rows = self._rows.all(
            "SELECT v.name, v.head, v.result, v.run, v.at, v.summary, v.estimates FROM verdicts v"
            " WHERE v.project = ? AND v.run = ? AND v.result = ? AND v.id = (SELECT MAX(w.id) FROM verdicts w"
            " WHERE w.project = v.project AND w.head = v.head AND w.name = v.name) ORDER BY v.id",
            project, run, str(Result.PENDING),
        )  # fmt: skip
        return [_verdict(row) for row in rows]


def _verdict(row: Row) -> Verdict:
    estimates = tuple(Estimate(**one) for one in json.loads(row[6]))
    return Verdict(row[0], row[1], Result(row[2]), row[3], row[4], row[5], estimates)
