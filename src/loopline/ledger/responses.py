"""responses: what people say to a survey, so that it does not lead back to them (tables responses, response_keys).

A row has no name and no time. Whose it is stands in it as a keyed hash, so that a repeat replaces; the key is one of its project
and period, and is thrown away when the next period has begun: then nobody can find out any more, whoever has the database.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable

from loopline.store.database import Row, Rows


class Responses:
    """The responses of every project."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, project: str, question: str, period: str, *, who: str, value: int, chance: bytes) -> bool:
        """Keep what somebody says, in place of what they said before in this period; tell whether there was something.

        `chance` becomes the key of the period where it has none yet.
        """
        self._rows.do(
            "INSERT INTO response_keys (project, period, secret) VALUES (?, ?, ?) ON CONFLICT (project, period) DO NOTHING",
            project, period, chance.hex(),
        )  # fmt: skip
        key = self._rows.one("SELECT secret FROM response_keys WHERE project = ? AND period = ?", project, period)
        secret = bytes.fromhex(key[0] if key else "")
        mark = hmac.new(secret, f"{period}\n{question}\n{who}".encode(), hashlib.sha256).hexdigest()
        known = self._rows.do(
            "UPDATE responses SET value = ? WHERE project = ? AND question = ? AND period = ? AND mark = ?",
            value, project, question, period, mark,
        )  # fmt: skip
        if not known:
            self._rows.do(
                "INSERT INTO responses (project, question, period, mark, value) VALUES (?, ?, ?, ?, ?)",
                project, question, period, mark, value,
            )  # fmt: skip
        return bool(known)

    def forget(self, project: str, periods: Collection[str]) -> None:
        """Throw the keys of all but some periods away."""
        marks = ", ".join("?" * len(periods))
        self._rows.do(f"DELETE FROM response_keys WHERE project = ? AND period NOT IN ({marks})", project, *periods)

    def counts(self, project: str, periods: Iterable[str]) -> list[Row]:
        """Give (question, period, value, how many) of some periods. There is no way to ask for a single one."""
        wanted = sorted(set(periods))
        marks = ", ".join("?" * len(wanted))
        return self._rows.all(
            f"SELECT question, period, value, COUNT(*) FROM responses WHERE project = ? AND period IN ({marks})"
            " GROUP BY question, period, value ORDER BY question, period, value",
            project, *wanted,
        )  # fmt: skip
