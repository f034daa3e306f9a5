"""Pages of incidents: what they say, and what their forms do without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from loopline.nouns.alert import Alert
from loopline.nouns.name import AssetName, Numbered, RefName

from .posting import Hand, token_for
from .serving import wrong_with

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .serving import Read, Server
    from .story import Story

LIST = "/p/flights/incidents"
NOTES = RefName(AssetName("flights", "report", "notes"), "current")
HOSTILE = ("<script>alert(1)</script>", "a\"b' onload=x", "{{ 7*7 }}", "مرحبا \u202e", "[x](javascript:alert(1)) | y")


@pytest.fixture
def change(fresh: Story) -> Change:
    """Give a change that was applied."""
    for body in (b"one", b"two"):
        fresh.do("put", NOTES.asset, digest=fresh.loop.blobs.put(body))
    fresh.do("propose", NOTES, to=Numbered(1), why="first")
    change: Change = fresh.do("propose", NOTES, to=Numbered(2), why="June")
    return change


def newest(story: Story) -> str:
    """Give the address of the newest incident."""
    return f"{LIST}/{story.do('find', 'incidents')[0].id}"


def forms(page: Read) -> set[str]:
    """Name what the forms of a page can do."""
    return {one["value"] for one in page.tree.all("input", name="do")}


def test_one_is_opened_from_the_change_that_caused_it(fresh: Story, serving: Server, change: Change) -> None:
    """The page of the change leads to a form that knows it, and then to the incident; so does the list, and back."""
    hand = Hand(serving)
    page = hand.get(f"/p/flights/changes/{change.id}")
    (link,) = [one["href"] for one in page.tree.all("a") if "caused_by=" in one["href"]]
    form = hand.get(link.replace("&amp;", "&"))
    assert [one["value"] for one in form.tree.all("input", name="caused_by")] == [change.id]
    done = hand.post(LIST, title="Notes are wrong", severity="high", caused_by=change.id, why="seen", at="2020-01-01")
    assert (done.status, done.headers["location"]) == (303, newest(fresh))
    page = hand.get(newest(fresh))
    for words in (
        "Notes are wrong",
        "It came with report/notes@current 1 → 2",
        "human",
        "100 % sure",
        "seen",
        "2019-12-31",
    ):
        assert words in page.text, words
    assert wrong_with(page) == []
    assert "Notes are wrong" in hand.get(f"/p/flights/changes/{change.id}").text
    assert "Notes are wrong" in hand.get("/p/flights").text
    assert newest(fresh) in hand.get(LIST).html


def test_what_was_typed_stays_where_it_went_wrong(fresh: Story, serving: Server, change: Change) -> None:
    """A form that makes no sense comes back with its fields, the reason and the next step, and opens nothing."""
    hand = Hand(serving)
    page = hand.post(LIST, title="Notes are wrong", caused_by="report/notes@none", severity="low")
    assert page.status == 404
    assert [one["value"] for one in page.tree.all("input", name="title")] == ["Notes are wrong"]
    assert fresh.do("find", "incidents") == ()
    fresh.do("incident", "late", caused_by=change.id)
    page = hand.post(newest(fresh), do="blame", change=change.id, relation="caused_by", confidence="7", text="why not")
    assert (page.status, "above 0" in page.text or "more than 0" in page.text) == (400, True)
    assert hand.post(newest(fresh), do="explode").status == 400
    assert wrong_with(page) == []


def test_edges_are_edited_and_it_is_resolved_and_reopened(fresh: Story, serving: Server, change: Change) -> None:
    """Each form is one event; the page tells what was said before."""
    fresh.do("incident", "late", caused_by=change.id, confidence=0.5)
    hand, here = Hand(serving), newest(fresh)
    said = [
        {"do": "blame", "change": change.id, "relation": "caused_by", "confidence": "0.9", "text": "sure by now"},
        {"do": "absolve", "change": change.id, "relation": "caused_by", "text": "it was another"},
        {"do": "blame", "change": str(NOTES), "relation": "fixes", "text": "gone since"},
        {"do": "edit", "title": "later", "severity": "high", "text": "worse"},
        {"do": "comment", "text": "who looks at it?"},
        {"do": "resolve", "text": "over"},
        {"do": "reopen", "text": "not over"},
    ]
    seq = fresh.do("feed", limit=1)[0].seq
    assert [hand.post(here, **one).status for one in said] == [303] * len(said)
    kinds = [one.kind.partition(".")[2] for one in fresh.do("feed", after=seq)]
    assert kinds == ["blamed", "absolved", "blamed", "edited", "made", "resolved", "reopened"]
    page = hand.get(here)
    for words in (
        "later",
        "90% sure (was: human, 50% sure)",
        "sure by now",
        "it was another",
        "Fixed by",
        "not over",
        "who looks",
    ):
        assert words in page.text, words
    assert {"resolve", "blame", "absolve", "comment", "delete", "edit"} == forms(page)
    (comment,) = page.tree.all("input", name="comment")
    assert hand.post(here, do="delete", comment=comment["value"]).status == 303
    assert "who looks" not in hand.get(here).text


def test_two_who_edit_at_once_keep_what_each_has_said(fresh: Story, serving: Server, change: Change) -> None:
    """What somebody left as their form had it stays as it is by now, also where the form came back once."""
    fresh.do("incident", "late")
    hand, here = Hand(serving), newest(fresh)

    def fields(page: Read) -> dict[str, str]:
        given = {one["name"]: one.get("value", "") for one in page.tree.all("input") if "name" in one}
        return {
            name: text for name, text in given.items() if name.removeprefix("was-") in ("title", "severity", "about")
        }

    form = fields(hand.get(here)) | {"severity": "high", "do": "edit"}
    made = fresh.do("find", "incidents")[0]
    fresh.do("incident", "later", edit=made.id, about=NOTES.asset, why="seen")
    back = hand.post(here, **form, text="")
    assert back.status == 400
    assert hand.post(here, **(form | fields(back) | {"severity": "high"}), text="worse").status == 303
    (after,) = fresh.do("find", "incidents")
    assert (after.title, after.severity, after.about) == ("later", "high", str(NOTES.asset))
    same = fields(hand.get(here)) | {"severity": "high", "do": "edit"}
    assert hand.post(here, **same, text="worse").status == 409


def test_more_that_are_open_than_are_shown_is_said(
    fresh: Story, serving: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes the newest for all: the page says that there are more, and how to have them."""
    monkeypatch.setattr("loopline.faces.web.pages.incidents.OPEN", 2)
    for name in ("one", "two"):
        fresh.do("incident", name)
    assert "more than" not in Hand(serving).get(LIST).text
    fresh.do("incident", "three")
    page = Hand(serving).get(LIST)
    assert "more than 2 incidents" in page.text
    assert "loopline find incidents --open" in page.text
    assert wrong_with(page) == []


def test_a_viewer_reads_and_says_nothing(fresh: Story, serving: Server, change: Change) -> None:
    """The page has no form for them, what they send is refused, and a stranger is led to the login."""
    fresh.do("incident", "late", caused_by=change.id)
    here = newest(fresh)
    token_for(fresh, "root", "admin", everywhere=True)
    viewer, bob = (
        Hand(serving, token_for(fresh, "vic", "viewer")),
        Hand(serving, token_for(fresh, "bob", "contributor")),
    )
    assert (viewer.get(here).status, forms(viewer.get(here)), viewer.get(LIST).tree.all("input", name="title")) == (
        200,
        set(),
        [],
    )
    for do in ("resolve", "comment", "blame", "edit"):
        assert viewer.post(here, do=do, text="x", change=change.id, title="y").status == 403
    assert viewer.post(LIST, title="x").status == 403
    assert viewer.get(f"{here}/postmortem").status == 200
    assert bob.post(here, do="resolve", text="over").status == 303
    assert Hand(serving).get(here).status == 303


def test_the_page_is_had_as_markdown(fresh: Story, serving: Server, change: Change) -> None:
    """As a file, in the server's zone, and as JSON under the address at its foot."""
    fresh.do("incident", "late", caused_by=change.id)
    hand = Hand(serving)
    page = hand.get(newest(fresh))
    (link,) = [one["href"] for one in page.tree.all("a") if one["href"].endswith("/postmortem")]
    file = hand.get(link)
    assert file.headers["content-type"].startswith("text/markdown")
    assert file.headers["content-disposition"].startswith('attachment; filename="postmortem-')
    assert file.body.decode().startswith("# late\n")
    (twin,) = page.tree.all("a", class_="json")
    assert serving.get(twin["href"]).json()["result"]["incident"]["title"] == "late"


def test_what_is_no_incident_has_no_page(fresh: Story, serving: Server, change: Change) -> None:
    """A change under the address of an incident is not found, and neither is nothing."""
    hand = Hand(serving)
    for wrong in (change.id, "ffffffff"):
        assert hand.get(f"{LIST}/{wrong}").status == 404
        assert hand.post(f"{LIST}/{wrong}", do="resolve", text="x").status == 404
        assert hand.get(f"{LIST}/{wrong}/postmortem").status == 404
    assert hand.get(f"{LIST}?colour=red").status == 400


def test_hostile_words_are_text(fresh: Story, serving: Server) -> None:
    """Whatever somebody calls an incident, or says of it, is shown as text on every page that tells of it."""
    hand = Hand(serving)
    last = ""
    for word in HOSTILE:
        title = "".join(one for one in word if one.isprintable())
        made = fresh.do("incident", title)
        fresh.do("comment", made.id, word)
        fresh.do("resolve", made.id, why=word)
        last = made.id
    for path in (
        LIST,
        newest(fresh),
        f"{LIST}?title={quote(HOSTILE[0])}",
        "/p/flights/feed",
        f"/p/flights/lineage?of={last}",
    ):
        page = hand.get(path)
        assert (page.status, wrong_with(page)) == (200, []), path
        assert "<script>alert" not in page.html


def test_an_alert_leads_to_its_incident(served: Server, story: Story) -> None:
    """Where an open incident blames the change that was in force, its name stands under the alert."""
    page = served.get("/p/flights/monitors")
    assert "Late flights are missed on hot days" in page.text
    one = served.get(f"{LIST}/{story.named['incident']}").text.replace("\u202f", " ")
    for words in (
        "features of service/delay@prod",
        "first",
        "so far",
        "60 % sure",
        "bob sees to features",
        "1 135",
        "version 3",
    ):
        assert words in one, words


def test_an_alert_without_an_incident_offers_to_open_one(fresh: Story, serving: Server, change: Change) -> None:
    """The link brings its summary, severity and the change in force; a viewer is not offered it."""
    with fresh.loop.ledger.write("flights", fresh.loop.actor) as tx:
        tx.alerts.open(
            Alert(
                fresh.loop.ids.new(), "flights", "service/delay@prod", "features", "drift", "high", "temp & wind moved", 0,
                tx.now, change.id,
            )
        )  # fmt: skip
        tx.say("test", "alert")
    token_for(fresh, "root", "admin", everywhere=True)
    viewer, bob = (
        Hand(serving, token_for(fresh, who, role)) for who, role in (("vic", "viewer"), ("bob", "contributor"))
    )
    (link,) = [one["href"] for one in bob.get("/p/flights/monitors").tree.all("a") if "caused_by=" in one["href"]]
    assert not [one for one in viewer.get("/p/flights/monitors").tree.all("a") if "caused_by=" in one["href"]]
    form = bob.get(link.replace("&amp;", "&"))
    given = {one["name"]: one.get("value") for one in form.tree.all("input") if "name" in one}
    assert (given["title"], given["caused_by"], given["about"]) == ("temp & wind moved", change.id, "service/delay")
