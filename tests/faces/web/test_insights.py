"""The page of insights: what it says first, what stands behind each number, what it takes and what it gives away."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.nouns.change import Change
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import Numbered, RefName
from loopline.nouns.policy import Approvals, Policy

from .posting import Hand, token_for
from .serving import Server, wrong_with
from .story import DATA, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "/p/flights/insights"
REVIEWED = Policy(
    "reviewed",
    ("data/*@live", "data/*@edge", "data/*@canary"),
    approvals=Approvals(1, not_author=True, humans_only=True),
)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Story]]:
    """Serve a month in which data waited for two days each time until Bob looked at them; what came last has failed."""
    from .story import begin

    story = begin(tmp_path_factory.mktemp("reviewed"))
    refs = [RefName(DATA, name) for name in ("edge", "canary", "live")]
    story.do("policy", document=dump_document(Document((REVIEWED,), ())).decode(), why="somebody else looks at data")
    changes: list[Change] = []
    for number in range(1, 5):
        story.month(f"{number:02}", 5, f"month {number}")
        story.wait(minutes=30)
        tier = "production" if number == 1 else None
        changes = [
            story.do(
                "propose", ref, to=Numbered(number), why=f"=SUM({number})", tier=tier if ref.ref == "live" else None
            )
            for ref in refs
        ]
        story.wait(days=2)
        for one in changes:
            story.do("approve", one.id, by="bob")
            story.do("apply", one.id)
        story.wait(days=4)
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        tx.say("test", "incident")
        blames = (Blame("caused_by", changes[-1].id, "human"),)
        tx.incidents.open(
            Incident(story.loop.ids.new(), "flights", "May is wrong", "low", "person:ann", tx.now, blames=blames)
        )
    story.wait(days=9)
    server = Server(story.loop).start()
    yield server, story
    server.stop()


def test_the_first_sentence_names_where_time_is_lost(reviewed: tuple[Server, Story]) -> None:
    """The stage, its share, how many changes, and what half of it would do, before any other number."""
    page = reviewed[0].get(HERE)
    assert wrong_with(page) == []
    first = re.search(r'<p class="lost">(.*?)</p>', page.html, re.DOTALL)
    assert first
    said = re.sub(r"<[^>]+>", "", first[1]).replace("\u00a0", " ")
    assert re.match(r"Reviewing takes \d\d % of the time of \d+ changes between the first work and being current", said)
    assert re.search(r"Halve it: \d\d % less, .+ on average in place of 2 d", said)
    assert page.html.index('class="lost"') < page.html.index("<table")


def test_the_bar_has_a_part_for_each_stage_that_took_time(reviewed: tuple[Server, Story]) -> None:
    """In the picture, by name, and in the table beside it."""
    page = reviewed[0].get(HERE)
    assert "reviewing" in re.findall(r'class="plot stages".*?</svg>', page.html, re.DOTALL)[0]
    rows = re.findall(r'<tr(?: class="most")?><th scope="row"><svg.*?</svg>(\w+)', page.html)
    assert rows == ["waiting", "running", "reviewing", "rolling"]


@pytest.mark.parametrize(
    ("where", "titles"),
    [
        ({"section": "delivery", "of": "data", "measure": "deployment frequency"}, [4, 3, 2, 1]),
        ({"section": "delivery", "of": "data/flights@live", "measure": "deployment frequency"}, [4, 3, 2, 1]),
        ({"section": "delivery", "of": "data", "measure": "change fail rate"}, [4]),
        ({"section": "delivery", "of": "data", "measure": "deployment frequency", "part": "planned"}, [4, 3, 2, 1]),
        ({"section": "friction", "measure": "unplanned work", "part": "incidents"}, ["May is wrong"]),
    ],
)
def test_behind_a_number_is_what_it_was_computed_from(
    where: dict[str, str], titles: list[Any], reviewed: tuple[Server, Story]
) -> None:
    """The newest first, those and no others."""
    page = reviewed[0].get(f"{HERE}/list", **where)
    assert (page.status, wrong_with(page)) == (200, [])
    found = re.findall(r'<span class="grow" dir="auto"><a class="ref"[^>]*>(?:<span dir="auto">)?([^<]+)<', page.html)
    assert found == [one if isinstance(one, str) else f"=SUM({one})" for one in titles]


def test_every_count_leads_to_its_list(reviewed: tuple[Server, Story]) -> None:
    """Each link of a number answers, in the same window, and its list has as many as it says, or is the numerator."""
    server, _ = reviewed
    page = server.get(HERE, days=60)
    links = {
        (href.replace("&amp;", "&"), text)
        for href, text in re.findall(r'<a href="([^"]+/insights/list[^"]+)"[^>]*>([^<]+)</a>', page.html)
    }
    assert len(links) > 12
    for href, text in links:
        assert "days=60" in href
        answer = server.get(href)
        assert answer.status == 200, href
        count = int(re.findall(r"\d+", text)[0])
        listed = re.search(r"(\d+) of them, newest first", answer.text)
        assert listed, href
        assert int(listed[1]) == count or "mean" in href or "median" in href, (href, text)


def test_the_table_is_the_one_of_the_command(reviewed: tuple[Server, Story]) -> None:
    """The same rows as `loopline insights --csv` writes, as a file to keep, in the window of the page."""
    from loopline.insights.sheet import as_csv

    server, story = reviewed
    until = story.clock.now()  # each look at the clock moves it
    answer = server.get(f"{HERE}/table.csv", days=30, until=until)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.body.decode() == as_csv(story.do("insights", days=30, until=until, timezone="America/New_York"))
    cells = [cell for row in csv.reader(io.StringIO(answer.body.decode())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    page = server.get(HERE, days=30)
    assert f'href="{HERE}/table.csv?days=30"' in page.html
    (twin,) = page.tree.all("a", class_="json")
    assert server.get(twin["href"].replace("&amp;", "&")).json()["result"]["since"] == int(
        cells[cells.index("since") + 2]
    )


def test_nobody_waits_for_a_table(reviewed: tuple[Server, Story], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of very many rows is written on a thread: the loop goes on answering others."""
    seen: list[bool] = []

    def slow(_: object) -> str:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            seen.append(True)
        return "section"

    monkeypatch.setattr("loopline.insights.sheet.as_csv", slow)
    assert (reviewed[0].get(f"{HERE}/table.csv").body, seen) == (b"section", [True])


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "0001-01-01"},
        {"days": "x"},
        {"days": "-3"},
        {"since": "yesterday"},
        {"timezone": "Nowhere/Land"},
        {"week": "1"},
    ],
)
def test_a_window_that_makes_no_sense_is_refused(asked: dict[str, str], reviewed: tuple[Server, Story]) -> None:
    """With what to write in its place, on the page, in its list and in its table."""
    for path in ("", "/list", "/table.csv"):
        page = reviewed[0].get(
            HERE + path, **({"section": "friction", "measure": "rework"} if path == "/list" else {}), **asked
        )
        assert page.status == 400, (path, page.text[:200])


@pytest.mark.parametrize(
    ("where", "status"),
    [({}, 400), ({"section": "people"}, 400), ({"section": "delivery", "of": "code", "measure": "commits"}, 404)],
)
def test_a_number_that_is_none_has_no_list(where: dict[str, str], status: int, reviewed: tuple[Server, Story]) -> None:
    """Nothing is listed that was not measured."""
    assert reviewed[0].get(f"{HERE}/list", **where).status == status


def test_what_is_not_known_is_said_and_never_zero(serving: Server) -> None:
    """In an empty ledger no lane has a number, each says why, and nothing is drawn."""
    page = serving.get(HERE)
    assert (page.status, wrong_with(page)) == (200, [])
    assert page.text.count("Not known.") == 3
    assert "no model is in production" in page.text
    assert "No change was applied in this time" in page.text
    assert "0 per day" not in page.text
    assert 'class="plot' not in page.html


def test_a_short_history_says_so_beside_its_sentence(
    reviewed: tuple[Server, Story], fresh: Story, serving: Server
) -> None:
    """Who reads minutes there reads at once that the ledger has known no more; behind a week nothing is said."""
    fresh.month("01", 3, "one")
    fresh.wait(minutes=42)
    fresh.do("propose", RefName(DATA, "live"), to=Numbered(1), why="first", tier="production")
    assert "knows 42 minutes of this project" in serving.get(HERE).text
    assert "Recorded time only" not in reviewed[0].get(HERE).text


def test_a_team_says_how_a_practice_stands(fresh: Story, serving: Server) -> None:
    """The form keeps the answer and says so; what makes no sense comes back with what was typed."""
    ann = Hand(serving)
    fresh.month("01", 3, "one")
    sent = ann.post(f"{HERE}?days=30", do="assess", practice="fairness", answer="manual", note="by carrier")
    assert (sent.status, sent.headers["location"]) == (303, f"{HERE}?days=30&thanks=practices#practices")
    page = ann.get(sent.headers["location"].partition("#")[0])
    assert "It is kept." in page.text
    assert "by carrier" in page.text
    wrong = ann.post(HERE, do="assess", practice="fairnes", answer="manual", note="typed <b>")
    assert (wrong.status, wrong_with(wrong)) == (400, [])
    assert 'value="typed &lt;b&gt;"' in wrong.html
    assert ann.post(HERE, do="rank").status == 400


def test_answers_are_taken_and_not_told(fresh: Story, serving: Server) -> None:
    """Several questions at once; the page thanks, and shows of a running period how many answered and nothing else."""
    ann = Hand(serving)
    fresh.month("01", 3, "one")
    sent = ann.post(HERE, do="respond", delivery="4", focus="2")
    assert sent.status == 303
    page = ann.get(sent.headers["location"].partition("#")[0])
    assert "Thank you." in page.text
    assert page.text.count("still runs: told when it is over") == 2
    assert ann.post(HERE, do="respond").status == 400
    assert ann.post(HERE, do="respond", delivery="9").status == 400


def test_who_may_not_write_finds_no_form(fresh: Story, serving: Server) -> None:
    """A reader sees the numbers, and why there is nothing to fill in; sending it nevertheless is refused."""
    fresh.month("01", 3, "one")
    token_for(fresh, "root", "admin", everywhere=True)
    reader = Hand(serving, token_for(fresh, "eve", "viewer"))
    page = reader.get(HERE)
    assert page.status == 200
    assert '<option value="fairness"' not in page.html
    assert "<fieldset" not in page.html
    assert reader.post(HERE, do="assess", practice="fairness", answer="manual").status == 403


def test_no_page_of_insights_names_a_person(reviewed: tuple[Server, Story]) -> None:
    """Neither who proposed nor who looked stands beside a number or in a list behind one."""
    server, _ = reviewed
    for path in (HERE, f"{HERE}/list?section=delivery&of=data&measure=deployment+frequency"):
        main = server.get(path).html.partition("<main")[2].partition("</main>")[0]
        assert not re.search(r"\bbob\b|\bann\b", main)


def test_a_list_goes_on_behind_its_page(reviewed: tuple[Server, Story], monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page, each thing once."""
    monkeypatch.setattr("loopline.faces.web.pages.insights.PAGE", 3)
    server, _ = reviewed
    page = server.get(f"{HERE}/list", section="delivery", of="data", measure="deployment frequency")
    (older,) = page.tree.all("a", rel="next")
    found = page.html.count('<p class="small dim">change')
    assert found + server.get(older["href"].replace("&amp;", "&")).html.count('<p class="small dim">change') == 4
