"""What was expected of data, on the page of a change and on that of its check's run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.nouns.check import Check
from loopline.nouns.entry import Entry
from loopline.nouns.expectation import Expectation
from loopline.nouns.policy import Policy

from .posting import Hand
from .serving import wrong_with
from .story import DATA

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .serving import Server
    from .story import Story

EXPECT = Expectation(("<b>",), type="whole", max=9), Expectation(("day",), unique=True), Expectation(rows_min=1)


def checked(story: Story) -> Change:
    """Add a table whose column has a name that wants to be markup, and check it."""
    check = Check("flights/rows", ("data/*@main",), expect=EXPECT)
    policy = Policy("data", ("data/*@main",), checks=(check.name,))
    story.do("policy", document=dump_document(Document((policy,), (check,))).decode(), why="test")
    body = b"day,<b>\n1,<script>\n2,3\n"
    entry = Entry("july.csv", story.loop.blobs.put(body), len(body))
    published = story.do("add", DATA, tree=build(story.loop.blobs, [entry]))
    change: Change = story.do("check", published.change.id)
    return change


def test_what_does_not_hold_is_shown_with_its_rows(fresh: Story, serving: Server) -> None:
    """Both pages say which expectation fails, on how many rows and on which, and fold away what holds; values are no markup."""
    change = checked(fresh)
    hand = Hand(serving)
    for where in (f"/p/flights/changes/{change.id}", f"/p/flights/runs/{change.verdicts[0].run}"):
        page = hand.get(where)
        assert (page.status, wrong_with(page)) == (200, [])
        for said in ("<b> is a whole number", "1 of 2 rows are not", "july.csv", "<script>", "2 expectations hold"):
            assert said in page.text, said
