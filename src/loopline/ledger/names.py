"""names: what a person may be about to write, for completion; reads nothing but the names, and imports no noun."""

from __future__ import annotations

from collections.abc import Iterator

from loopline.store.database import Rows

_HEX = frozenset("0123456789abcdef")


def names(rows: Rows, prefix: str, *, project: str = "", limit: int = 200) -> Iterator[str]:
    """Give written names that begin with `prefix`, each with a tab and a word about it.

    Assets; behind an `@` the refs and the newest versions of that asset; for hex digits the newest runs and changes. Without
    a project, those of every project.
    """
    if "@" in prefix:
        yield from _revisions(rows, prefix.partition("@")[0], project, limit)
        return
    if prefix and set(prefix) <= _HEX:
        for table, word in (("runs", "name"), ("changes", "reason")):
            found = rows.all(
                f"SELECT id, {word} FROM {table} WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?",
                prefix,
                prefix + "g",
                limit,
            )
            yield from (f"{number}\t{_line(text)}" for number, text in found)
    found = rows.all(
        "SELECT kind, name, last_number FROM assets WHERE deleted_at IS NULL AND (? = '' OR project = ?)"
        " AND substr(kind || '/' || name, 1, ?) = ? ORDER BY kind, name LIMIT ?",
        project, project, len(prefix), prefix, limit,
    )  # fmt: skip
    yield from (f"{kind}/{_written(name)}\t{count} versions" for kind, name, count in found)


def pipelines(rows: Rows, prefix: str, *, project: str = "", limit: int = 200) -> Iterator[str]:
    """Give the names of pipelines among the newest runs that begin with `prefix`, the last that ran first."""
    found = rows.all(
        "SELECT name, COUNT(*) FROM (SELECT id, name, kind, deleted_at FROM runs WHERE (? = '' OR project = ?)"
        " ORDER BY id DESC LIMIT 2000) newest WHERE kind = 'pipeline' AND deleted_at IS NULL AND substr(name, 1, ?) = ?"
        " GROUP BY name ORDER BY MAX(id) DESC LIMIT ?",
        project, project, len(prefix), prefix, limit,
    )  # fmt: skip
    yield from (f"{_line(name)}\t{count} runs" for name, count in found)


def changes(rows: Rows, prefix: str, *, project: str = "", limit: int = 200) -> Iterator[str]:
    """Give what names an open change and begins with `prefix`: the refs that it would move, then its id; newest first."""
    raw = _kept(prefix)
    found = rows.all(
        "SELECT c.id, c.reason, a.kind, a.name, m.ref FROM changes c JOIN moves m ON m.change = c.id"
        " JOIN assets a ON a.id = m.asset WHERE c.state IN ('proposed', 'approved', 'rolling')"
        " AND (? = '' OR c.project = ?)"
        " AND (substr(c.id, 1, ?) = ? OR substr(a.kind || '/' || a.name || '@' || m.ref, 1, ?) = ?)"
        " ORDER BY c.id DESC, a.kind, a.name, m.ref LIMIT ?",
        project, project, len(prefix), prefix, len(raw), raw, limit,
    )  # fmt: skip
    named = [(f"{kind}/{_written(name)}@{_written(ref)}", reason) for _, reason, kind, name, ref in found]
    for word, reason in (*dict(reversed(named)).items(), *{row[0][:16]: row[1] for row in found}.items()):
        if word.startswith(prefix):
            yield f"{word}\t{_line(reason)}"


def _revisions(rows: Rows, written: str, project: str, limit: int) -> Iterator[str]:
    kind, _, name = written.rpartition(":")[2].partition("/")
    asset = rows.one(
        "SELECT id, last_number FROM assets WHERE kind = ? AND name = ? AND (? = '' OR project = ?)",
        kind,
        name,
        project,
        project,
    )
    if asset is None:
        return
    for ref, target in rows.all("SELECT name, target FROM refs WHERE asset = ? ORDER BY name LIMIT ?", asset[0], limit):
        yield f"{written}@{_written(ref)}\t@{target}"
    for number, message in rows.all(
        "SELECT number, message FROM versions WHERE asset = ? AND deleted_at IS NULL ORDER BY number DESC LIMIT 20",
        asset[0],
    ):
        yield f"{written}@{number}\t{_line(message)}"


def _written(name: str) -> str:
    if name.isascii() and name.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum():
        return name
    from urllib.parse import quote

    return quote(name, safe="/+=,!~-_.")


def _kept(prefix: str) -> str:
    """Give the beginning of a name as the ledger keeps it, of one as it is written; a quoted sign that is cut is left out."""
    if "%" not in prefix:
        return prefix
    from urllib.parse import unquote

    return unquote(prefix[: prefix.rfind("%")] if "%" in prefix[-2:] else prefix, errors="ignore")


def _line(text: str) -> str:
    return " ".join(text.split())[:80]
