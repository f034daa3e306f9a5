"""roots: every place where a row names bytes that must stay, in one list.

Who adds a column that holds digests adds a query to QUERIES, or says in BYTELESS why it keeps nothing alive: a house test fails
for a column that is in neither, and `loopline gc` does not open a database that is newer than this code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from loopline.nouns.digest import Digest
from loopline.store.database import Rows

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
FILE: Final = "file"
"""Stands for the media type of what can only be a file: it names nothing, whatever its bytes look like."""
_VERSION: Final = "a.project || '/' || a.kind || '/' || a.name || '@' || v.number"
_GONE: Final = "((v.deleted_at IS NOT NULL AND v.deleted_at <= ?) OR (a.deleted_at IS NOT NULL AND a.deleted_at <= ?))"
_HELD: Final = "EXISTS (SELECT 1 FROM refs f WHERE f.asset = v.asset AND f.target = v.number)"
_VERSIONS: Final = "versions v JOIN assets a ON a.id = v.asset"
_DELETED: Final = f"CASE WHEN COALESCE(v.deleted_at, a.deleted_at) IS NOT NULL AND NOT {_HELD} THEN 1 ELSE 0 END"
_RUN_DELETED: Final = "CASE WHEN r.deleted_at IS NOT NULL THEN 1 ELSE 0 END"
_RUN: Final = "(r.deleted_at IS NULL OR r.deleted_at > ?)"
_OWNED: Final = (
    " LEFT JOIN runs r ON r.id = SUBSTR({0}.owner, LENGTH({0}.owner) - 31) AND {0}.owner = r.project || ':run/' || r.id"
    " LEFT JOIN logged_models m ON m.id = SUBSTR({0}.owner, LENGTH({0}.owner) - 33)"
    " AND {0}.owner = m.project || ':model/' || m.id"
)
"""What has files of its own: its key ends with its id, of 32 hex digits, or of `m-` and so many."""
_OWNED_DELETED: Final = "CASE WHEN COALESCE(r.deleted_at, m.deleted_at) IS NOT NULL THEN 1 ELSE 0 END"
_OWNED_GONE: Final = "(COALESCE(r.deleted_at, m.deleted_at) <= ?)"


def _staged(column: str, table: str, kind: str) -> str:
    return (
        f"SELECT s.{column}, '{kind}', 'staging of ' || s.owner, {_OWNED_DELETED} FROM {table} s{_OWNED.format('s')}"
        f" WHERE s.{column} IS NOT NULL AND {_OWNED_GONE} IS NOT TRUE"
    )


@dataclass(frozen=True, slots=True)
class Root:
    """Bytes that a row names."""

    digest: Digest
    media_type: str
    """Empty where the row does not say what it is."""
    name: str
    """What names it, for people: `flights/data/flights@3`, `run 0192…`."""
    deleted: bool = False
    """Whether what names it was deleted, and could still be restored: of such a one some may be reclaimed already."""


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that gives text, media type, what names it, and 1 where that was deleted.

    Each `?` in it is the time before which deleted things are gone.
    """

    columns: tuple[str, ...]
    """`table.column` of all that it reads digests from."""
    sql: str


QUERIES: Final = (
    Query(
        ("versions.digest",),
        f"SELECT v.digest, COALESCE(t.media_type, ''), {_VERSION}, {_DELETED} FROM {_VERSIONS}"
        f" LEFT JOIN artifacts t ON t.digest = v.digest WHERE NOT {_GONE} OR {_HELD}",
    ),
    Query(
        ("versions.metadata",),
        f"SELECT v.metadata, '', {_VERSION}, {_DELETED} FROM {_VERSIONS} WHERE (NOT {_GONE} OR {_HELD})"
        " AND REPLACE(v.metadata, 'sha256:', '') <> v.metadata",
    ),
    Query(("staging.digest",), _staged("digest", "staging", FILE)),
    Query(("workings.root",), _staged("root", "workings", "")),
    Query(("workings.notes",), _staged("notes", "workings", "")),
    Query(
        ("parts.digest",),
        f"SELECT p.digest, '{FILE}', 'upload to ' || m.owner, 0 FROM parts p JOIN multiparts m ON m.id = p.multipart",
    ),
    Query(
        ("resolutions.digest",),
        "SELECT r.digest, '', 'merge into ' || m.ref, 0 FROM resolutions r JOIN merges m ON m.id = r.merge"
        " WHERE r.digest IS NOT NULL AND m.closed_at IS NULL",
    ),
    Query(
        ("links.digest",),
        f"SELECT l.digest, l.media_type, 'run ' || l.run, {_RUN_DELETED}"
        f" FROM links l JOIN runs r ON r.id = l.run WHERE {_RUN}",
    ),
    Query(
        ("logged_models.digest",),
        "SELECT m.digest, '', 'model ' || m.id, CASE WHEN m.deleted_at IS NOT NULL THEN 1 ELSE 0 END FROM logged_models m"
        " WHERE m.digest IS NOT NULL AND (m.deleted_at IS NULL OR m.deleted_at > ?)",
    ),
    Query(
        ("runs.code",),
        f"SELECT DISTINCT r.code, '', 'code of runs', {_RUN_DELETED} FROM runs r WHERE r.code IS NOT NULL AND {_RUN}",
    ),
    Query(
        ("runs.environment",),
        f"SELECT DISTINCT r.environment, '', 'environment of runs', {_RUN_DELETED} FROM runs r"
        f" WHERE r.environment IS NOT NULL AND {_RUN}",
    ),
    Query(
        ("tags.value",),
        f"SELECT t.value, '', 'run ' || t.run, {_RUN_DELETED} FROM tags t JOIN runs r ON r.id = t.run"
        f" WHERE SUBSTR(t.value, 1, 7) = 'sha256:' AND {_RUN}",
    ),
    Query(
        ("tasks.words",),
        "SELECT words, '', 'task ' || id, 0 FROM tasks WHERE ended_at IS NULL AND REPLACE(words, 'sha256:', '') <> words",
    ),
)
BYTELESS: Final = {
    "events.payload_digest": "of the payload, which is in the row",
    "events.previous": "of the event before",
    "events.hash": "of the event",
    "events.payload": "tells what was; what still counts is in a table of its own",
    "heads.hash": "of the newest event",
    "artifacts.digest": "describes bytes, wherever they are named",
    "aliases.digest": "another name for bytes, if they are kept",
    "aliases.value": "a digest of another kind",
    "model_params.value": "what a client said of a model, as text",
    "taggings.value": "what somebody said of a thing, as text",
    "trace_facts.value": "what a program said of a trace, as text",
    "feedbacks.value": "what somebody said of a trace, as text",
    "datasets.digest": "describes bytes, which a link of a run names",
    "sums.digest": "other sums of bytes, if they are kept",
    "sums.value": "a sum of another kind",
    "staging.notes": "what is said of a path, in the row",
    "multiparts.notes": "what is said of a path, in the row",
    "holdings.digest": "says who may ask for bytes, if they are kept",
    "walked.root": "says what was looked into",
    "runs.cache_key": "of what went into a step",
    "changes.head": "of the moves of a change",
    "approvals.head": "of the moves of a change",
    "approvals.evidence": "of verdicts",
    "overrides.head": "of the moves of a change",
    "verdicts.head": "of the moves of a change",
    "policies.digest": "of the document, which is in the row",
    "decisions.policy": "of a document in `policies`",
    "decisions.inputs": "what a policy has seen: rows, told again",
    "tokens.hash": "of a secret",
    "sessions.hash": "of a secret",
    "devices.hash": "of a secret",
    "params.value": "what somebody typed",
    "replies.body": "an answer, told again",
    "tasks.result": "an answer, told again",
    "firings.cause": "a name of what happened",
    "response_keys.secret": "a secret",
    "subscriptions.secret": "a secret",
    "devices.user_code": "what somebody types",
    "comments.body": "what somebody wrote",
    "packages.environment": "what is installed in environments that `runs` names",
    "verdicts.result": "one of four words",
}
"""Columns that look as if they named bytes, and why they keep none alive."""


class Roots:
    """What all projects name."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def iter(self, *, before: int) -> Iterator[Root]:
        """Give every root. What was deleted before that time, and has no ref, keeps nothing alive.

        What was deleted later comes last: whatever else names the same is read with care by then.
        """
        deleted: list[Root] = []
        for query in QUERIES:
            for root in self._asked(query.sql, before):
                if root.deleted:
                    deleted.append(root)
                else:
                    yield root
        yield from deleted

    def gone(self, *, before: int) -> Iterator[Root]:
        """Give what was a root until it was deleted, newest first: it says whose bytes are reclaimed."""
        versions = (
            f"SELECT v.digest, COALESCE(t.media_type, ''), {_VERSION}, 1 FROM {_VERSIONS}"
            f" LEFT JOIN artifacts t ON t.digest = v.digest WHERE {_GONE} AND NOT {_HELD}"
            " ORDER BY v.recorded_at DESC, v.number DESC"
        )
        links = (
            "SELECT l.digest, l.media_type, 'run ' || l.run, 1 FROM links l JOIN runs r ON r.id = l.run"
            f" WHERE NOT {_RUN} ORDER BY l.run DESC, l.id"
        )
        staged = (
            f"SELECT s.digest, '{FILE}', s.owner, 1 FROM staging s{_OWNED.format('s')}"
            f" WHERE s.digest IS NOT NULL AND {_OWNED_GONE} ORDER BY s.recorded_at DESC"
        )
        folded = [
            f"SELECT s.{column}, '', s.owner, 1 FROM workings s{_OWNED.format('s')}"
            f" WHERE s.{column} IS NOT NULL AND {_OWNED_GONE} ORDER BY s.recorded_at DESC"
            for column in ("root", "notes")
        ]
        models = (
            "SELECT digest, '', 'model ' || id, 1 FROM logged_models WHERE digest IS NOT NULL AND deleted_at <= ?"
            " ORDER BY created_at DESC"
        )
        for sql in (versions, links, staged, *folded, models):
            yield from self._asked(sql, before)

    def _asked(self, sql: str, before: int) -> Iterator[Root]:
        for text, media_type, name, deleted in self._rows.all(sql, *[before] * sql.count("?")):
            for digest in DIGEST.findall(text):
                yield Root(Digest(digest), media_type, name, bool(deleted))
