"""comment: say something about a change or an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, NotFound, Refused
from loopline.loop import Loop
from loopline.nouns.change import Change
from loopline.nouns.comment import Comment
from loopline.nouns.ids import brief
from loopline.nouns.incident import Incident
from loopline.verbs.moving import find_open

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables

LONGEST = 20_000
"""Characters of a comment."""
WIDEST = 500
"""Characters of a place."""


def comment(
    loop: Loop,
    change: Annotated[str, "first digits of the change or the incident, or a ref whose open change is meant"],
    text: Annotated[str, "what to say; line breaks are kept"] = "",
    *,
    place: Annotated[str, "what it is about, where that is less than the change: flights.py:12"] = "",
    answers: Annotated[str | None, "first digits of the comment that this one answers"] = None,
    edit: Annotated[str | None, "first digits of an own comment that shall say this instead"] = None,
    delete: Annotated[str | None, "first digits of an own comment to take back"] = None,
) -> Comment:
    """Say something about a change or an incident. It moves nothing and is no approval.

    Who wrote a comment may edit or delete it. The feed tells that something was said, not what: what was deleted is gone.

    Example:
        loopline comment model/delay@champion "Why is UA worse?" --place "roc_auc[carrier=UA]"
    """
    if edit and delete:
        raise Invalid("a comment is edited or deleted, not both", kind="edit-or-delete", hint="leave one of them out")
    if not delete:
        _sayable(text, place)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = _subject(tx, loop, change)
        if edit or delete:
            mine = tx.comments.resolve(found.id, edit or delete or "")
            _own(loop, found, mine)
            changed = tx.comments.edit(mine, text.strip()) if edit else tx.comments.delete(mine)
            tx.say("comment.edited" if edit else "comment.deleted", found.id, comment=mine.id)
            return changed
        before = tx.comments.resolve(found.id, answers) if answers else None
        said = tx.comments.add(
            loop.project,
            Comment(
                loop.ids.new(), found.id if isinstance(found, Change) else "", str(loop.actor), text.strip(), tx.now,
                place=place.strip(), answers=before.id if before else None,
                incident=found.id if isinstance(found, Incident) else "",
            ),
        )  # fmt: skip
        tx.say("comment.made", found.id, comment=said.id, place=said.place, answers=said.answers)
        return said


def _subject(tx: Tables, loop: Loop, word: str) -> Change | Incident:
    """Find what is spoken of. Raise NotFound, Conflict."""
    try:
        return find_open(tx, word, loop)
    except NotFound:
        incident = None if "/" in word else tx.incidents.beginning(loop.project, word)
        if incident is None:
            raise
        return incident


def _sayable(text: str, place: str) -> None:
    if not text.strip():
        raise Invalid("there is nothing to say", kind="empty-comment", hint="write what to say behind the change")
    if len(text) > LONGEST or len(place) > WIDEST:
        raise Invalid(
            f"a comment of {len(text)} characters, a place of {len(place)}",
            kind="long-comment",
            hint=f"say it in {LONGEST} characters, its place in {WIDEST}",
            length=len(text),
        )
    if "\x00" in text + place:
        raise Invalid("a comment is text", kind="not-text", hint="leave out the zero bytes")


def _own(loop: Loop, about: Change | Incident, comment: Comment) -> None:
    """Refuse to touch what somebody else has said."""
    if comment.author != str(loop.actor):
        raise Refused(
            f"{comment.author} wrote this comment", kind="not-your-comment",
            hint=f'loopline comment {brief(about.id)} "…" --answers {brief(comment.id)}', comment=comment.id,
            author=comment.author,
        )  # fmt: skip
