"""taggings: tags of what is no run (table taggings). Tags of runs are in `ledger/runs.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loopline.store.database import Rows

_FEW = 500


class Taggings:
    """Tags by the subject that they are about: `experiment/12`, `asset/5`, `version/5/7`, `model/m-01…`, `trace/tr-01…`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def set(self, subject: str, tags: Mapping[str, str]) -> None:
        """Write tags down; the newest value stays."""
        self._rows.many(
            "INSERT INTO taggings (subject, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (subject, key) DO UPDATE SET value = excluded.value",
            [(subject, key, value) for key, value in tags.items()],
        )

    def drop(self, subject: str, keys: Iterable[str]) -> int:
        """Remove tags and tell how many were there."""
        return sum(self._rows.do("DELETE FROM taggings WHERE subject = ? AND key = ?", subject, key) for key in keys)

    def clear(self, subject: str) -> None:
        """Remove every tag of a subject."""
        self._rows.do("DELETE FROM taggings WHERE subject = ?", subject)

    def of(self, subject: str) -> dict[str, str]:
        """Give the tags of a subject, by key in order."""
        return dict(self._rows.all("SELECT key, value FROM taggings WHERE subject = ? ORDER BY key", subject))

    def having(self, key: str, value: str, *kinds: str) -> list[str]:
        """Give the subjects of some kinds, `version` for one, that have a tag with just that value, in every project.

        The same tag may stand on anything else, too: whoever writes tags is free in their names.
        """
        rows = self._rows.all("SELECT subject FROM taggings WHERE key = ? AND value = ? ORDER BY subject", key, value)
        return [row[0] for row in rows if row[0].partition("/")[0] in kinds]

    def of_all(self, subjects: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the tags of many subjects; those without any are left out."""
        wanted, found = list(dict.fromkeys(subjects)), dict[str, dict[str, str]]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            for subject, key, value in self._rows.all(
                f"SELECT subject, key, value FROM taggings WHERE subject IN ({marks}) ORDER BY subject, key", *few
            ):
                found.setdefault(subject, {})[key] = value
        return found
