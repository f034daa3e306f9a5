"""comments: what people say about changes and incidents (table comments)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loopline.errors import Conflict, NotFound
from loopline.nouns.comment import Comment
from loopline.store.database import Row, Rows

_COLUMNS = "id, change, author, body, at, place, answers, edited_at, deleted_at, incident"
_COMMENT = f"SELECT {_COLUMNS} FROM comments"
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
            "INSERT INTO comments (id, project, change, incident, author, body, place, answers, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            said.id, project, said.change, said.incident, said.author, said.body, said.place, said.answers, said.at,
        )  # fmt: skip
        return said

    def of(self, change: str) -> Sequence[Comment]:
        """Give the discussion of a change, oldest first; of a deleted comment only that it was there."""
        return [Comment(*row) for row in self._rows.all(f"{_COMMENT} WHERE change = ? ORDER BY id", change)]

    def on(self, incident: str) -> Sequence[Comment]:
        """Give what was said about an incident, oldest first; of a deleted comment only that it was there."""
        rows = self._rows.all(f"{_COMMENT} WHERE incident = ? ORDER BY id", incident)
        return [Comment(*row) for row in rows]

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

    def resolve(self, about: str, prefix: str) -> Comment:
        """Find one of a change or an incident by the first digits of its id (4 or more). Raise NotFound, Conflict."""
        low, high = (prefix, prefix + "g") if len(prefix) >= LEAST else ("", "")
        rows: list[Row] = self._rows.all(
            f"{_COMMENT} WHERE (change = ? OR incident = ?) AND id >= ? AND id < ? LIMIT 2", about, about, low, high
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
                f"nobody has said {prefix} there",
                kind="no-comment",
                hint=f"loopline show {about}",
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
