"""The review of a change by forms alone: discussed, answered, checked, applied; by whom it may be, and with hostile words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.faces.web.words import number
from loopline.nouns.actor import parse_actor
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs import load

from .posting import Hand, token_for
from .serving import wrong_with
from .story import CHAMPION

if TYPE_CHECKING:
    from loopline.nouns.change import Change

    from .serving import Server
    from .story import Story

DATASET = AssetName("flights", "data", "odd")
GUARDED = Policy("champion", ("model/*@champion",), approvals=Approvals(count=1))


@pytest.fixture
def change(fresh: Story) -> Change:
    """Give a change that waits for one approval."""
    fresh.month("04", 30, "April")
    first = fresh.pipeline(depth=4, rate=0.1, data=1)
    fresh.model(first)
    fresh.do("policy", document=dump_document(Document((GUARDED,), ())).decode(), why="judged")
    second = fresh.pipeline(depth=5, rate=0.1, data=1, edit="\n# more\n")
    fresh.model(second)
    fresh.do("propose", CHAMPION, to=Numbered(1), why="first", by="ann")
    waiting: Change = fresh.do("propose", CHAMPION, to=Numbered(2), why="deeper trees", by="ann")
    return waiting


def at(change: Change) -> str:
    """Give the address of its page."""
    return f"/p/flights/changes/{change.id}"


def test_a_change_goes_its_way_by_forms(fresh: Story, serving: Server, change: Change) -> None:
    """It is asked about, answered, approved and applied; each step leads back to the page, which tells it."""
    bob = Hand(serving, token_for(fresh, "bob", "admin", everywhere=True))
    ann = Hand(serving, token_for(fresh, "ann", "contributor"))
    said = bob.post(at(change), do="comment", text="why\r\nso deep?", place="flights.py:3")
    assert (said.status, said.headers["location"].partition("#c-")[0]) == (303, at(change))
    question = said.headers["location"].partition("#c-")[2]
    assert ann.post(at(change), do="comment", text="it gains", answers=question).status == 303
    page = bob.get(at(change))
    assert "why\nso deep?" in page.html
    assert page.text.index("it gains") > page.text.index("so deep?")
    assert "waits for you" in page.text
    assert wrong_with(page) == []
    assert ann.post(at(change), do="apply").status == 403
    assert bob.post(at(change), do="approve", text="fine").status == 303
    assert "Everything holds" in bob.get(at(change)).text
    assert ann.post(at(change), do="apply").status == 303
    done = ann.get(at(change))
    assert "applied" in done.text
    assert not done.tree.all("button", value="apply")
    assert fresh.do("history", str(CHAMPION))[0].new == 2


def test_what_goes_wrong_is_told_on_the_page(fresh: Story, serving: Server, change: Change) -> None:
    """A refusal and a conflict keep their status, say what to do, and leave what was typed in its field."""
    bob = Hand(serving, token_for(fresh, "bob", "admin", everywhere=True))
    refused = bob.post(at(change), do="apply")
    assert (refused.status, len(refused.tree.all("div", role="alert"))) == (403, 1)
    assert wrong_with(refused) == []
    fresh.do("withdraw", change.id)
    late = bob.post(at(change), do="approve", text="yes & <b>")
    assert (late.status, len(late.tree.all("div", role="alert"))) == (409, 1)
    empty = bob.post(at(change), do="comment", text="  ", place="here")
    assert empty.status == 400
    assert empty.tree.all("input", name="place")[0]["value"] == "here"
    assert bob.post(at(change), do="dance").status == 400
    assert bob.post("/p/flights/changes/ffffffff", do="approve").status == 404


def test_checks_become_work(fresh: Story, serving: Server, change: Change) -> None:
    """The button puts a task into the queue, and the page shows it while it waits."""
    bob = Hand(serving, token_for(fresh, "bob", "admin", everywhere=True))
    assert bob.post(at(change), do="check").status == 303
    (task,) = fresh.do("find", "tasks")
    assert (task.verb, task.words["change"], task.actor, task.verified) == ("check", change.id, "person:bob", True)
    page = bob.get(at(change))
    assert page.tree.all("div", class_="task")[0]["data-poll"] == "2"
    cancelled = bob.post("/p/flights/settings/work", do="cancel", task=task.id)
    assert cancelled.status == 303
    assert str(fresh.do("find", "tasks")[0].state) == "cancelled"


def test_without_a_check_the_runs_own_metrics_stand_side_by_side(fresh: Story, serving: Server, change: Change) -> None:
    """Where no check is declared none is offered: what both trainings measured is there, said to be each on its own rows."""
    fresh.do("withdraw", change.id)
    first = fresh.do("find", "changes", open=True)[0].id
    fresh.do("approve", first, by="bob")
    fresh.do("apply", first)
    page = Hand(serving).get(at(fresh.do("propose", CHAMPION, to=Numbered(2), why="again", by="ann")))
    evidence = page.html.partition('id="evidence" ')[2].partition("</section>")[0].replace("<wbr>", "")
    assert "each on its own rows" in evidence
    with fresh.loop.ledger.read() as tx:
        both = [tx.runs.get(tx.versions.get(CHAMPION.asset, n).run or "").metrics for n in (1, 2)]
    for name in ("roc_auc", "log_loss"):
        row = re.search(rf'<th scope="row" dir="auto">{name}</th>(.*?)</tr>', evidence, re.DOTALL)
        assert row
        assert [number(one[name]) for one in both] == re.findall(r"<td[^>]*>([^<]+)</td>", row[1])[:2]
    assert not page.tree.all("button", value="check")
    assert "loopline check" not in page.html
    assert "Nothing was measured" not in page.text
    assert wrong_with(page) == []


def test_only_who_may_is_let(fresh: Story, serving: Server, change: Change) -> None:
    """A viewer sees the page with its buttons off and the reason; whatever they send anyway is refused; strangers see nothing."""
    root = token_for(fresh, "root", "admin", everywhere=True)
    viewer, contributor = (
        Hand(serving, token_for(fresh, "vic", "viewer")),
        Hand(serving, token_for(fresh, "con", "contributor")),
    )
    page = viewer.get(at(change))
    assert page.status == 200
    assert not page.tree.all("button", value="approve")
    assert all("disabled" in one for word in ("apply", "check") for one in page.tree.all("button", value=word))
    assert "you may not approve in flights" in page.text
    for word in ("approve", "reject", "apply", "withdraw", "check", "comment"):
        assert viewer.post(at(change), do=word, text="x").status == 403
    assert contributor.post(at(change), do="approve").status == 403
    assert contributor.post(at(change), do="comment", text="x").status == 303
    assert "flights" in Hand(serving, root).get(at(change)).text
    stranger = Hand(serving)
    for path in (at(change), "/p/flights/assets/model/delay", "/p/flights/feed", "/p/flights/settings/tokens"):
        answer = stranger.get(path)
        assert answer.status in (302, 303)
        assert answer.headers["location"].startswith("/login")
        assert stranger.post(path, do="approve").status in (303, 401, 403, 405)
    assert str(fresh.do("review", change.id).change.state) == "proposed"


def test_one_project_shows_nothing_of_another(fresh: Story, serving: Server, change: Change) -> None:
    """A name of another project in an address is held against the caller's roles there."""
    token_for(fresh, "root", "admin", everywhere=True)
    elsewhere = Hand(serving, _elsewhere(fresh))
    for path in (
        f"/p/mine/changes/{change.id}", "/p/mine/assets/flights:model/delay", "/p/mine/assets/flights:model/delay@2",
        "/p/mine/lineage?of=flights:model/delay@2", "/p/mine/lineage?of=flights:data/flights@1&way=impact",
        "/p/mine/diff?old=flights:model/delay@1&new=flights:model/delay@2", "/p/flights/feed", "/p/flights/search?text=delay",
        "/p/mine/assets/flights:data/flights@1?file=2026_04.csv",
    ):  # fmt: skip
        answer = elsewhere.get(path)
        assert answer.status in (403, 404), path
        assert "April" not in answer.text
        assert "deeper trees" not in answer.text


def _elsewhere(fresh: Story) -> str:
    there = replace(fresh.loop, project="mine", actor=parse_actor("root", verified=True))
    return str(load("issue")(there, "eve", actor=parse_actor("eve"), role="admin").secret)


HOSTILE = (
    "<script>alert(1)</script>", "a\"b' onload=x", "{{ 7*7 }}", "\u202eevil", "x" * 5000, "](javascript:alert(1))", "&lt;b&gt;",
    "مرحبا",
)  # fmt: skip


def test_hostile_words_stay_words(fresh: Story, serving: Server, change: Change) -> None:
    """In comments, places, reasons, messages, file names, cells, code and cards nothing acts and no page breaks."""
    project = "/p/flights"
    paths = [
        at(change),
        f"{project}/changes?all=1",
        f"{project}/feed",
        f"{project}/assets",
        f"{project}/assets/{DATASET}",
    ]
    for word in HOSTILE:
        fresh.do("comment", change.id, word, place=word[:400])
        fresh.do("propose", CHAMPION, to=Numbered(2), why=word)
        name, cell = re.sub(r"[/\x00]", "_", word)[:60], word.replace('"', "")
        put = fresh.loop.blobs.put
        files = {
            f"{name}.md": f"# {word}\n[x](javascript:alert(1))",
            f"{name}.py": f"x = '{word}'",
            "t.csv": f'a,"{cell}"\n"{cell}",2\n',
        }
        entries = [Entry(path, put(text.encode()), len(text.encode())) for path, text in sorted(files.items())]
        version = fresh.do("add", DATASET, tree=build(fresh.loop.blobs, sorted(entries)), message=word).version
        empty = fresh.do("add", DATASET, tree=fresh.tree(t__csv="a\n"), message=word).version
        asset = f"{project}/assets/{version}"
        paths += [
            asset,
            f"{asset}?file=t.csv",
            f"{asset}?{urlencode({'file': f'{name}.md'})}",
            f"{project}/search?{urlencode({'text': word[:150]})}",
            f"{project}/feed?{urlencode({'subject': word, 'actor': 'ann'})}",
            f"{project}/lineage?of={version}",
            f"{project}/diff?old={version}&new={empty}",
        ]
    for path in paths:
        page = serving.get(path)
        assert page.status == 200, (path, page.text[:300])
        assert wrong_with(page) == [], path
        assert "<script>alert" not in page.html, path
    text = serving.get(at(change)).text
    assert [word for word in HOSTILE if word[:40].split(maxsplit=1)[0] not in text] == []


def test_uploaded_pages_are_never_pages_here(fresh: Story, serving: Server) -> None:
    """HTML and SVG that somebody uploaded are shown as text, and downloaded as an attachment in a sandbox."""
    tree = fresh.tree(
        evil__html="<script>alert(1)</script>", evil__svg="<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    )
    fresh.do("add", DATASET, tree=tree, message="x")
    for name in ("evil.html", "evil.svg"):
        page = serving.get(f"/p/flights/assets/data/odd@1?file={name}")
        assert "<script>alert" not in page.html
        assert not page.tree.all("img")
        (link,) = [one for one in page.tree.all("a") if "download" in one]
        blob = serving.get(link["href"])
        assert blob.status == 200
        headers = {key.lower(): value for key, value in blob.headers.items()}
        assert headers["content-disposition"].startswith("attachment")
        assert "sandbox" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "html" not in headers["content-type"]
        assert "svg" not in headers["content-type"]
