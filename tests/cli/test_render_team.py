"""Comments, events, hits and previews are drawn so that what matters is there and nothing acts upon the terminal."""

from __future__ import annotations

from dataclasses import replace

from loopline.nouns.comment import Comment
from loopline.nouns.comparison import Review
from loopline.nouns.digest import digest_of
from loopline.nouns.event import GENESIS, Event
from loopline.nouns.hit import Hit
from loopline.nouns.preview import Bin, Column, Preview
from tests.cli.test_render import change, drawn

ASKED = Comment("0a" * 16, "01a2" * 8, "person:bob", "why?\n\x1b[2Jreally", 1_799_999_990_000_000, place="auc")


def test_a_discussion_is_a_tree() -> None:
    """An answer stands below its question and further in; a deleted comment is told only where somebody answered it."""
    answer = replace(ASKED, id="0b" * 16, body="because", answers=ASKED.id, author="token:ci")
    alone = replace(ASKED, id="0c" * 16, body="", deleted_at=1)
    lines = drawn((ASKED, alone, answer)).split("\n")
    assert [line.strip() for line in lines if line.strip().startswith("0c")] == []
    assert lines[1:3] == ["    why?", r"    \x1b[2Jreally"]
    assert lines[3].startswith("    " + answer.id[:16])
    assert drawn((replace(ASKED, body="", deleted_at=1), answer)).split("\n")[1].strip() == "(deleted)"
    assert "why?" in drawn(Review(change(), comments=(ASKED,)))


def test_an_event_is_a_line() -> None:
    """Number, actor, kind, subject and the reason that was given."""
    event = Event(
        "p", 7, 1, None, "person:ann", "change.proposed", "01a2" * 8, 1, GENESIS, GENESIS, GENESIS, {"reason": "july"}
    )
    (line,) = drawn((event,)).split("\n")
    assert line.split() == ["7", "1970-01-01", "00:00:00Z", "ann", "change.proposed", "01a2" * 4, "july"]
    assert "january" not in drawn((replace(event, payload=None),))


def test_hits_stand_under_their_kind() -> None:
    """What is called so comes under its own heading, with its kind; the rest kind by kind."""
    hits = (
        Hit("ref", "model/delay@champion", "points at @2", "name", 1, exact=True),
        Hit("run", "01a2" * 8, "train", "param lr"),
        Hit("person", "person:ann\x07", "", "name"),
    )
    lines = drawn(hits).split("\n")
    assert [line for line in lines if not line.startswith(" ")] == ["called so", "runs", "people"]
    assert "ref model/delay@champion" in lines[1]
    assert ("01a2" * 4 in lines[3], "01a2" * 8 in lines[3], r"person:ann\x07" in lines[5]) == (True, False, True)


def test_a_preview_shows_columns_and_rows() -> None:
    """Each column with what is in it, its histogram as bars, then the rows, with what is missing as a dash."""
    column = Column("x\x1b", "BIGINT", 1, 3, "0", "9", 4.5, histogram=(Bin(0, 5, 8), Bin(5, 9, 1)))
    table = Preview(
        "data/f@1",
        "a.csv",
        digest_of(b""),
        10,
        "table",
        header=("x",),
        rows=(("1",), (None,)),
        count=2,
        columns=(column,),
    )
    text = drawn(table)
    assert ("data/f@1/a.csv" in text, "2 rows" in text, "█▁" in text or "▇▁" in text) == (True, True, True)
    assert text.split("\n")[-1].strip() == "–"
    assert "\x1b" not in text
    shown = drawn(Preview("m@1", "", digest_of(b""), 3, "text", text="a\x1b\nb", cut=True, notes=("beware",)))
    assert shown.split("\n")[1:] == ["beware", r"a\x1b", "b", "…"]
