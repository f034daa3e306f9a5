"""hits: everything of a project that some words stand in, over the tables of many nouns.

Each question is bounded: by an index, or by one walk over the narrow index of runs or over the versions of the project. Words
match anywhere in a name, a reason or a message, in any order; ids, commits, values of params and subjects match from their
beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loopline.ledger.assets import Assets
from loopline.nouns.hit import Hit
from loopline.nouns.name import AssetName, RefName
from loopline.store.database import Row, Rows

LEAST = 4
"""Digits that the beginning of an id must have."""
KEYS = 500
"""Names of params that are looked into."""
_LAST = "\U0010ffff"


class Hits:
    """What words find in one project."""

    def __init__(self, rows: Rows, assets: Assets, project: str, words: Sequence[str]) -> None:
        self._rows = rows
        self._assets = assets
        self._project = project
        self._words = [word.lower() for word in words]
        self._text = " ".join(self._words)
        self._written = " ".join(words)

    def assets(self, limit: int) -> Iterator[Hit]:
        """Give assets by name, the shortest first: it is the nearest to what was typed."""
        where, values = self._holds("a.kind || '/' || a.name")
        for row in self._rows.all(
            "SELECT a.kind, a.name, a.last_number, a.created_at FROM assets a WHERE a.project = ? AND a.deleted_at IS NULL"
            f" AND {where} ORDER BY LENGTH(a.name), a.kind, a.name LIMIT ?",
            self._project, *values, limit,
        ):  # fmt: skip
            name = str(AssetName(self._project, row[0], row[1]))
            plural = "" if row[2] == 1 else "s"
            yield Hit(
                "asset", name, f"{row[2]} version{plural}", "name", row[3], self._text in (name.lower(), row[1].lower())
            )

    def refs(self, limit: int) -> Iterator[Hit]:
        """Give refs by name."""
        where, values = self._holds("a.kind || '/' || a.name || '@' || r.name")
        for row in self._rows.all(
            "SELECT a.kind, a.name, r.name, r.target, r.moved_at FROM refs r JOIN assets a ON a.id = r.asset"
            f" WHERE a.project = ? AND a.deleted_at IS NULL AND {where} ORDER BY r.moved_at DESC LIMIT ?",
            self._project, *values, limit,
        ):  # fmt: skip
            name = str(RefName(AssetName(self._project, row[0], row[1]), row[2]))
            yield Hit("ref", name, f"points at @{row[3]}", "name", row[4], self._text in (name.lower(), row[2].lower()))

    def versions(self, limit: int) -> Iterator[Hit]:
        """Give versions by message or by `kind/name@number`, and by the beginning of their digest."""
        if self._digest():
            head = self._text if self._text.startswith("sha256:") else f"sha256:{self._text}"
            rows = self._rows.all(
                "SELECT a.kind, a.name, v.number, v.message, v.recorded_at FROM versions v JOIN assets a ON a.id = v.asset"
                " WHERE v.digest >= ? AND v.digest < ? AND a.project = ? AND v.deleted_at IS NULL LIMIT ?",
                head, head + "g", self._project, limit,
            )  # fmt: skip
            yield from (self._version(row, "digest", exact=True) for row in rows)
        where, values = self._holds("v.message")
        rows = self._rows.all(
            "SELECT a.kind, a.name, v.number, v.message, v.recorded_at FROM versions v JOIN assets a ON a.id = v.asset"
            f" WHERE a.project = ? AND v.deleted_at IS NULL AND {where} ORDER BY v.recorded_at DESC LIMIT ?",
            self._project, *values, limit,
        )  # fmt: skip
        yield from (self._version(row, "message") for row in rows)

    def runs(self, limit: int) -> Iterator[Hit]:
        """Give runs by the beginning of id, commit or a param's value, by `key=value`, and by name, the newest first."""
        select = "SELECT r.id, r.name, r.state, r.recorded_at FROM runs r"
        alive = "r.project = ? AND r.deleted_at IS NULL"
        for column, where in (("id", "id"), ("git_commit", "commit")):
            if self._id():
                rows = self._rows.all(
                    f"{select} WHERE {alive} AND r.{column} >= ? AND r.{column} < ? ORDER BY r.{column} LIMIT ?",
                    self._project, self._text, self._text + "g", limit,
                )  # fmt: skip
                yield from (self._run(row, where, exact=where == "id") for row in rows)
        where, values = self._holds("r.name")
        rows = self._rows.all(
            f"{select} WHERE r.id IN (SELECT r.id FROM runs r WHERE r.project = ? AND {where} ORDER BY r.id DESC LIMIT ?)"
            " AND r.deleted_at IS NULL ORDER BY r.id DESC",
            self._project, *values, limit,
        )  # fmt: skip
        yield from (self._run(row, "name", exact=row[1].lower() == self._text) for row in rows)
        for key in self._keys():
            value = self._value(key)
            if value is None:
                continue
            rows = self._rows.all(
                f"{select} JOIN (SELECT DISTINCT run FROM params WHERE key = ? AND value >= ? AND value < ? LIMIT ?) p"
                f" ON p.run = r.id WHERE {alive} ORDER BY r.id DESC LIMIT ?",
                key, value, value + _LAST, 20 * limit, self._project, limit,
            )  # fmt: skip
            yield from (self._run(row, f"param {key}") for row in rows)

    def changes(self, limit: int) -> Iterator[Hit]:
        """Give changes by the beginning of their id and by reason, the newest first."""
        select = "SELECT c.id, c.reason, c.state, c.created_at FROM changes c WHERE c.project = ?"
        if self._id():
            rows = self._rows.all(
                f"{select} AND c.id >= ? AND c.id < ? LIMIT ?", self._project, self._text, self._text + "g", limit
            )
            yield from (Hit("change", row[0], f"{row[2]}: {row[1]}", "id", row[3], exact=True) for row in rows)
        where, values = self._holds("c.reason")
        rows = self._rows.all(f"{select} AND {where} ORDER BY c.id DESC LIMIT ?", self._project, *values, limit)
        yield from (Hit("change", row[0], f"{row[2]}: {row[1]}", "reason", row[3]) for row in rows)

    def events(self, limit: int) -> Iterator[Hit]:
        """Give events by the beginning of their subject or kind, the newest first."""
        for column in ("subject", "kind"):
            rows = self._rows.all(
                f"SELECT seq, kind, subject, actor, recorded_at FROM events WHERE project = ? AND {column} >= ? AND {column} < ?"
                f" ORDER BY {column} DESC, seq DESC LIMIT ?",
                self._project, self._written, self._written + _LAST, limit,
            )  # fmt: skip
            yield from (Hit("event", str(row[0]), f"{row[1]} {row[2]} by {row[3]}", column, row[4]) for row in rows)

    def people(self, limit: int, *, among: Sequence[str] = ()) -> Iterator[Hit]:
        """Give actors that have a role or a login here, by name: those of `among`, or everybody where nobody is named."""
        where, values = self._holds("p.actor || ' ' || p.told")
        if among:
            where += f" AND p.actor IN ({', '.join('?' * len(among))})"
            values += among
        rows = self._rows.all(
            "SELECT p.actor, p.told FROM (SELECT actor, title || ' ' || email AS told FROM people UNION"
            " SELECT actor, '' FROM grants WHERE project IN (?, '*')) p"
            f" WHERE {where} ORDER BY p.actor, p.told DESC LIMIT ?",
            self._project, *values, 2 * limit,
        )  # fmt: skip
        for row in rows:
            exact = self._text in (row[0].lower(), row[0].lower().removeprefix("person:"))
            yield Hit("person", row[0], row[1].strip(), "name", None, exact)

    def _holds(self, column: str) -> tuple[str, list[str]]:
        """Write the condition that every word stands in a column, without regard to case."""
        escaped = [word.replace("!", "!!").replace("%", "!%").replace("_", "!_") for word in self._words]
        return " AND ".join(f"LOWER({column}) LIKE ? ESCAPE '!'" for _ in escaped), [f"%{word}%" for word in escaped]

    def _id(self) -> bool:
        """Tell whether the words may be the beginning of an id or a commit."""
        return len(self._text) >= LEAST and all(c in "0123456789abcdef" for c in self._text)

    def _digest(self) -> bool:
        digits = self._text.removeprefix("sha256:")
        return len(digits) >= 12 and all(c in "0123456789abcdef" for c in digits)

    def _keys(self) -> list[str]:
        """Give the names of params, each by one step through the index."""
        rows = self._rows.all(
            "WITH RECURSIVE k(key) AS (SELECT MIN(key) FROM params UNION ALL"
            " SELECT (SELECT MIN(p.key) FROM params p WHERE p.key > k.key) FROM k WHERE k.key IS NOT NULL)"
            " SELECT key FROM k WHERE key IS NOT NULL LIMIT ?",
            KEYS,
        )  # fmt: skip
        return [row[0] for row in rows]

    def _value(self, key: str) -> str | None:
        """Give how a value of this param must begin; None where the words speak of another param."""
        name, equals, value = self._written.partition("=")
        if not equals:
            return self._written
        return value if name.lower() == key.lower() else None

    def _version(self, row: Row, where: str, *, exact: bool = False) -> Hit:
        return Hit("version", f"{AssetName(self._project, row[0], row[1])}@{row[2]}", row[3], where, row[4], exact)

    def _run(self, row: Row, where: str, *, exact: bool = False) -> Hit:
        return Hit("run", row[0], f"{row[1]}, {row[2]}", where, row[3], exact)
