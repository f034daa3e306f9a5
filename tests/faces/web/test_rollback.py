"""What will move and why, before it does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from loopline.nouns.name import AssetName, Numbered, RefName

from .posting import Hand, token_for
from .serving import wrong_with
from .story import CHAMPION

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .serving import Read, Server
    from .story import Story

RELEASED = RefName(AssetName("flights", "data", "flights"), "released")
HERE = f"/p/flights/rollback?ref={quote(str(CHAMPION), safe='')}"


@pytest.fixture
def changes(fresh: Story) -> list[Change]:
    """Give three changes of the champion; the last two moved data with it."""
    for name in ("04", "05", "06"):
        fresh.month(name, 30, name)
    for depth in (3, 4, 5):
        fresh.model(fresh.pipeline(depth=depth, rate=0.1, data=1))
    return [
        fresh.do(
            "propose", CHAMPION, to=Numbered(number), why=f"model {number}",
            also={} if number == 1 else {str(RELEASED): str(number)},
        )
        for number in (1, 2, 3)
    ]  # fmt: skip


def shown(page: Read, name: str) -> str:
    """Give the source of one panel."""
    return page.html.partition(f'id="{name}" ')[2].partition("</section>")[0]


def sent(page: Read, why: str = "worse") -> dict[str, str]:
    """Fill in the form as it stands on a page."""
    form = next(one for one in page.tree.all("form") if one.get("method") == "post")
    names = [one for one in page.tree.all("input", type="hidden") if one.get("name") not in (None, "csrf")]
    assert form["action"] == "/p/flights/rollback"
    return {one["name"]: one["value"] for one in names} | {"why": why}


def test_the_page_says_what_will_move_and_why(serving: Server, changes: list[Change]) -> None:
    """Each ref from where to where with its reason, what goes into quarantine, what is taken back, and how to type the same."""
    page = Hand(serving).get(HERE)
    assert (page.status, wrong_with(page)) == (200, [])
    for words in ("data/flights@released", "2 versions go into quarantine", "model/delay@3", "Roll back 2 refs"):
        assert words in page.text, words
    assert "moved it with model/delay@champion" in shown(page, "moves")
    assert "model 3" in shown(page, "undoes")
    assert "loopline retrace model/delay@champion" in page.text
    assert "/api/v1/retrace?project=flights" in page.html


def test_what_was_shown_is_what_is_done(fresh: Story, serving: Server, changes: list[Change]) -> None:
    """Pressing the button does what the page says; where something moved meanwhile nothing does, and the reason stays typed."""
    hand = Hand(serving)
    form = sent(hand.get(HERE))
    fresh.do("propose", CHAMPION, to=Numbered(2), why="meanwhile")
    late = hand.post("/p/flights/rollback", **form)
    assert (late.status, ">worse</textarea>" in late.html, "Below is what would move now" in late.text) == (
        409,
        True,
        True,
    )
    done = hand.post("/p/flights/rollback", **sent(late))
    assert done.status == 303
    assert done.headers["location"].startswith("/p/flights/changes/")
    assert fresh.do("history", str(CHAMPION))[0].kind == "rollback"


def test_other_ways_are_a_link_away(fresh: Story, serving: Server, changes: list[Change]) -> None:
    """A ref can be left, nothing marked, and another version or time chosen, without a script."""
    hand = Hand(serving)
    links = {one["href"] for one in hand.get(HERE).tree.all("a") if one["href"].startswith("/p/flights/rollback?")}
    left = hand.get(next(one for one in links if "leave=" in one))
    assert "it was said to stay" in shown(left, "stays")
    assert "take it along" in shown(left, "stays")
    unmarked = hand.get(next(one for one in links if "unmarked=1" in one))
    assert "Nothing goes into quarantine" in shown(unmarked, "do")
    first = hand.get(f"{HERE}&to=1")
    assert "2 changes" in shown(first, "undoes")
    assert hand.post("/p/flights/rollback", **sent(first)).status == 303
    assert fresh.do("history", str(CHAMPION))[0].new == 1


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("&to=9", 404, "has no version 9"), ("&to=3", 422, "is at 3 already"), ("&to=@2999-01-01", 422, "has not moved since"),
        ("&change=ffff", 404, "there is no change ffff"), ("&strange=1", 422, "no parameter of this page"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_on_the_page(
    serving: Server, changes: list[Change], query: str, status: int, words: str
) -> None:
    """A version that is not there, or where the ref is already, comes with the field to choose another."""
    page = Hand(serving).get(HERE + query)
    assert words in page.text
    assert page.status in (status, 400)
    assert wrong_with(page) == []


def test_a_change_leads_to_the_page_while_it_stands(fresh: Story, serving: Server, changes: list[Change]) -> None:
    """The last change of its ref offers it, a rollback offers to go forward again; older ones and viewers are offered none."""
    token_for(fresh, "root", "admin", everywhere=True)
    bob, viewer = (
        Hand(serving, token_for(fresh, who, role)) for who, role in (("bob", "contributor"), ("vic", "viewer"))
    )

    def offered(hand: Hand, change: Change) -> list[str]:
        links = hand.get(f"/p/flights/changes/{change.id}").tree.all("a")
        return [one["href"] for one in links if "/rollback?" in one["href"]]

    assert (offered(bob, changes[0]), offered(viewer, changes[2])) == ([], [])
    (where,) = offered(bob, changes[2])
    page = viewer.get(where)
    assert (page.status, 'method="post" action="/p/flights/rollback"' in page.html) == (200, False)
    assert viewer.post("/p/flights/rollback", ref=str(CHAMPION), why="x", expect="x").status == 403
    done = bob.post("/p/flights/rollback", **sent(bob.get(where)))
    back = done.headers["location"].rpartition("/")[2]
    (forth,) = offered(bob, fresh.do("show", back).change)
    assert "Going forward is a change as any other" in bob.get(forth).text
    assert wrong_with(bob.get(forth)) == []


def test_a_service_leads_to_the_page(served: Server) -> None:
    """From a deployment one gets to what its rollback would move, and sees what its specification brings back."""
    page = served.get("/p/flights/services/service/delay@prod")
    (link,) = [one["href"] for one in page.tree.all("a") if "/rollback?" in one["href"]]
    shown_ = served.get(link)
    assert (shown_.status, wrong_with(shown_)) == (200, [])
    assert "What comes back with the specification" in shown_.text
