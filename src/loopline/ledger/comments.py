"""comments: what people say about changes (table comments)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loopline.errors import Conflict, NotFound
from loopline.nouns.comment import Comment
from loopline.store.database import Row, Rows

_COLUMNS = "id, change, author, body, at, place, answers, edited_at, deleted_at"
LEAST = 4
"""Digits that the beginning of an id must have, so that it is a name and not a guess."""


class Comments:
    """The discussions of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, project: str, comment: Comment) -> Comment:
        """Write one down, at this time."""
        said = replace(comment, at=self._now)
        self._rows.do(
            "INSERT INTO comments (id, project, change, author, body, place, answers, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            said.id, project, said.change, said.author, said.body, said.place, said.answers, said.at,
        )  # fmt: skip
        return said

    def of(self, change: str) -> Sequence[Comment]:
        """Give the discussion of a change, oldest first; of a deleted comment only that it was there."""
        return [
            Comment(*row)
            for row in self._rows.all(f"SELECT {_COLUMNS} FROM comments WHERE change = ? ORDER BY id", change)
        ]

    def count(self, changes: Sequence[str]) -> dict[str, int]:
        """Tell how many comments that were not deleted each of some changes has; those without any are left out."""
        if not changes:
            return {}
        marks = ", ".join("?" * len(changes))
        return {
            row[0]: row[1]
            for row in self._rows.all(
                f"SELECT change, COUNT(*) FROM comments WHERE change IN ({marks}) AND deleted_at IS NULL GROUP BY change",
                *changes,
            )
        }

    def resolve(self, change: str, prefix: str) -> Comment:
        """Find one of a change by the first digits of its id (4 or more). Raise NotFound, Conflict."""
        low, high = (prefix, prefix + "g") if len(prefix) >= LEAST else ("", "")
        rows: list[Row] = self._rows.all(
            f"SELECT {_COLUMNS} FROM comments WHERE change = ? AND id >= ? AND id < ? LIMIT 2", change, low, high
        )
        if len(rows) > 1:
            raise Conflict(
                f"several comments begin with {prefix}",
                kind="ambiguous-comment",
                hint="write more digits",
                prefix=prefix,
            )
        if not rows:
            raise NotFound(
                f"this change has no comment {prefix}",
                kind="no-comment",
                hint=f"loopline review {change}",
                comment=prefix,
            )
        return Comment(*rows[0])

    def edit(self, comment: Comment, body: str) -> Comment:
        """Replace what it says. Raise Conflict where it was deleted."""
        if not self._rows.do(
            "UPDATE comments SET body = ?, edited_at = ? WHERE id = ? AND deleted_at IS NULL",
            body,
            self._now,
            comment.id,
        ):
            raise _deleted(comment)
        return replace(comment, body=body, edited_at=self._now)

    def delete(self, comment: Comment) -> Comment:
        """Take away what it says; that somebody said something stays. Raise Conflict where it was deleted before."""
        if not self._rows.do(
            "UPDATE comments SET body = '', deleted_at = ? WHERE id = ? AND deleted_at IS NULL", self._now, comment.id
        ):
            raise _deleted(comment)
        return replace(comment, body="", deleted_at=self._now)


def _deleted(comment: Comment) -> Conflict:
    return Conflict("this comment was deleted", kind="comment-deleted", hint="write a new one", comment=comment.id)
