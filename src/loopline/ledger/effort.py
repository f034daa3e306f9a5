"""effort: what runs, queues, answers and repeats took, as plain rows for measuring, over the tables of many nouns.

A span is from a time (in it) to another (not). No row has the name of a person: who it was is not measured.
"""

from __future__ import annotations

from typing import Final

from loopline.store.database import Row, Rows

_ENDED: Final = "r.project = ? AND r.deleted_at IS NULL AND r.ended_at >= ? AND r.ended_at < ?"
_PEOPLE: Final = "person:%"
_RUNS: Final = "'run', 'pipeline', 'check'"


class Effort:
    """The work of one project."""

    def __init__(self, rows: Rows, project: str) -> None:
        self._rows = rows
        self._project = project

    def begun(self) -> tuple[int | None, int | None]:
        """Give when the project was made, and when its first run was green."""
        made = self._rows.one("SELECT created_at FROM projects WHERE name = ?", self._project)
        green = self._rows.one(
            f"SELECT MIN(ended_at) FROM runs WHERE project = ? AND state = 'finished' AND kind IN ({_RUNS})",
            self._project,
        )
        return (made[0] if made else None), (green[0] if green else None)

    def newcomers(self, since: int, until: int) -> list[Row]:
        """Give (when somebody first got a role here, when their first run was green or nothing), in order."""
        return self._rows.all(
            "SELECT n.at, n.green FROM (SELECT g.actor, MIN(g.at) AS at, (SELECT MIN(r.ended_at) FROM runs r"
            f" WHERE r.project = ? AND r.actor = g.actor AND r.state = 'finished' AND r.kind IN ({_RUNS})) AS green"
            " FROM grants g WHERE g.project = ? AND g.actor LIKE ? GROUP BY g.actor) n"
            " WHERE n.at >= ? AND n.at < ? ORDER BY n.at, n.green",
            self._project, self._project, _PEOPLE, since, until,
        )  # fmt: skip

    def feedback(self, since: int, until: int) -> list[Row]:
        """Give (run, ended, how long) of the checks that a person has started."""
        return self._rows.all(
            "SELECT r.id, r.ended_at, r.ended_at - r.started_at FROM runs r"
            f" WHERE {_ENDED} AND r.kind = 'check' AND r.actor LIKE ? AND r.started_at IS NOT NULL"
            " AND r.state IN ('finished', 'failed') ORDER BY r.ended_at, r.id",
            self._project, since, until, _PEOPLE,
        )  # fmt: skip

    def queued(self, since: int, until: int) -> list[Row]:
        """Give (task, queue, asked for, begun) of what a worker began."""
        return self._rows.all(
            "SELECT id, queue, created_at, started_at FROM tasks WHERE project = ? AND started_at >= ? AND started_at < ?"
            " ORDER BY started_at, id",
            self._project, since, until,
        )  # fmt: skip

    def repeated(self, since: int, until: int) -> list[Row]:
        """Give (newest run, last ended, good, bad, time of all, of the longest) of steps that ran again with equal inputs."""
        return self._rows.all(
            "SELECT MAX(r.id), MAX(r.ended_at), SUM(CASE WHEN r.state = 'finished' THEN 1 ELSE 0 END),"
            " SUM(CASE WHEN r.state = 'failed' THEN 1 ELSE 0 END), "
            " CAST(SUM(r.ended_at - COALESCE(r.started_at, r.ended_at)) AS BIGINT),"
            " MAX(r.ended_at - COALESCE(r.started_at, r.ended_at)) FROM runs r"
            f" WHERE {_ENDED} AND r.cache_key IS NOT NULL AND r.state IN ('finished', 'failed')"
            " GROUP BY r.name, r.cache_key HAVING COUNT(*) >= 2 ORDER BY MAX(r.ended_at), MAX(r.id)",
            self._project, since, until,
        )  # fmt: skip

    def rechecked(self, since: int, until: int) -> list[Row]:
        """Give (newest run or nothing, last, passes, fails) of checks that answered about the same head more than once."""
        return self._rows.all(
            "SELECT MAX(v.run), MAX(v.at), SUM(CASE WHEN v.result = 'pass' THEN 1 ELSE 0 END),"
            " SUM(CASE WHEN v.result = 'fail' THEN 1 ELSE 0 END) FROM verdicts v"
            " WHERE v.project = ? AND v.at >= ? AND v.at < ? AND v.result IN ('pass', 'fail')"
            " GROUP BY v.name, v.head HAVING COUNT(*) >= 2 ORDER BY MAX(v.at), MAX(v.id)",
            self._project, since, until,
        )  # fmt: skip

    def cached(self, since: int, until: int) -> list[Row]:
        """Give (run, when, how long it took when it ran) of steps that came from the cache."""
        return self._rows.all(
            "SELECT r.id, r.recorded_at, COALESCE(o.ended_at - o.started_at, 0) FROM runs r JOIN runs o ON o.id = r.origin"
            " WHERE r.project = ? AND r.deleted_at IS NULL AND r.state = 'cached' AND r.recorded_at >= ? AND r.recorded_at < ?"
            " ORDER BY r.recorded_at, r.id",
            self._project, since, until,
        )  # fmt: skip

    def steps(self, since: int, until: int) -> list[int]:
        """Give when steps were recorded that ran or came from the cache."""
        rows = self._rows.all(
            "SELECT r.recorded_at FROM runs r WHERE r.project = ? AND r.deleted_at IS NULL AND r.kind = 'step' AND"
            " r.state IN ('finished', 'failed', 'cached') AND r.recorded_at >= ? AND r.recorded_at < ? ORDER BY r.recorded_at",
            self._project, since, until,
        )  # fmt: skip
        return [row[0] for row in rows]

    def responded(self, since: int, until: int) -> list[Row]:
        """Give (change, proposed, state, first answer or comment of another than its author or nothing), in order.

        Of changes that a policy wants an answer to, or that somebody answered.
        """
        return self._rows.all(
            "SELECT n.id, n.created_at, n.state, n.first FROM (SELECT c.id, c.created_at, c.state,"
            " (SELECT MIN(t.at) FROM (SELECT a.at FROM approvals a WHERE a.change = c.id AND a.actor <> c.author UNION ALL"
            " SELECT m.at FROM comments m WHERE m.change = c.id AND m.author <> c.author) t) AS first"
            " FROM changes c WHERE c.project = ? AND c.created_at >= ? AND c.created_at < ?) n"
            " WHERE n.first IS NOT NULL OR (n.state = 'proposed' AND EXISTS"
            " (SELECT 1 FROM decisions d WHERE d.change = n.id AND d.passed = 0)) ORDER BY n.created_at, n.id",
            self._project, since, until,
        )  # fmt: skip

    def reproduced(self, since: int, until: int) -> list[Row]:
        """Give (run, ended, outputs that differ or lack) of runs that repeated another one."""
        return self._rows.all(
            "SELECT r.id, r.ended_at, (SELECT COUNT(*) FROM links o WHERE o.run = t.value AND o.direction = 'out'"
            " AND NOT EXISTS (SELECT 1 FROM links n WHERE n.run = r.id AND n.direction = 'out' AND n.name = o.name"
            " AND n.digest = o.digest)) FROM runs r JOIN tags t ON t.run = r.id AND t.key = 'reproduces'"
            f" WHERE {_ENDED} AND r.kind = 'reproduce' ORDER BY r.ended_at, r.id",
            self._project, since, until,
        )  # fmt: skip

    def unplanned(self, since: int, until: int) -> list[Row]:
        """Give (what, when, id) of incidents, overrides and hotfixes. The incident of an override is the override again."""
        span = (self._project, since, until)
        return self._rows.all(
            "SELECT 'incident', i.opened_at, i.id FROM incidents i WHERE i.project = ? AND i.opened_at >= ? AND i.opened_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM blames b WHERE b.incident = i.id AND b.source = 'override')"
            " UNION ALL SELECT 'override', o.at, o.change FROM overrides o JOIN changes c ON c.id = o.change"
            " WHERE c.project = ? AND o.at >= ? AND o.at < ?"
            " UNION ALL SELECT 'hotfix', c.closed_at, c.id FROM changes c"
            " WHERE c.project = ? AND c.kind = 'hotfix' AND c.state = 'applied' AND c.closed_at >= ? AND c.closed_at < ?"
            " ORDER BY 2, 3",
            *span, *span, *span,
        )  # fmt: skip
