"""Every page as HTML, without a browser."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from loopline.nouns.run import Link, Point, RunState

from .browsing import ADDRESSES, CLOSED, EMPTY, SAID
from .serving import wrong_with

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story

HOSTILE = (
    "<script>alert(1)</script>", 'a"b\' onload=x', "R&D <b>&amp;</b>", "مرحبا بالعالم", "\u202e\u2066evil", "x" * 10_000,
    "{{ 7*7 }}{% raw %}", "a/../../b?c=d#e", "\U0001f680 rocket", "line\nbreak\ttab\x07",
)  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_page_is_well_formed_and_light(name: str, served: Server, story: Story) -> None:
    """Tags close, nothing is inline, every field has a label, and the page weighs at most 150 KB."""
    page = served.once(ADDRESSES[name](story))
    assert page.status == (404 if name == "missing" else 200), page.text[:500]
    assert wrong_with(page) == []
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_page_says_how_to_ask_the_same(name: str, served: Server, story: Story) -> None:
    """The command stands at the foot, and the address beside it, which programs find in the head, answers with JSON."""
    page = served.once(ADDRESSES[name](story))
    if name in ("missing", "login", "device", "device-waiting"):
        return
    command = re.search(r'<div class="asks">.*?<code[^>]*>(loopline [^<]+)</code>', page.html, re.DOTALL)
    assert command
    (twin,) = page.tree.all("a", class_="json")
    assert [one["href"] for one in page.tree.all("link", rel="alternate")] == [twin["href"]]
    answer = served.get(twin["href"])
    assert answer.status == 200, answer.body
    assert "result" in answer.json()


def test_links_inside_lead_somewhere(served: Server, story: Story) -> None:
    """From every page each link to a page of runs, or to a step's log, answers."""
    seen: set[str] = set()
    for address in ADDRESSES.values():
        for attrs in served.once(address(story)).tree.all("a"):
            href = attrs["href"]
            if re.match(r"/p/flights(/runs|/compare|$|\?)", href) and len(seen) < 50:
                seen.add(href)
    assert len(seen) > 40
    assert {href: status for href in sorted(seen) if (status := served.once(href).status) != 200} == {}


def test_the_overview_tells_what_is_current_and_why(served: Server) -> None:
    """Refs by tier with version, mover and reason; open changes with what each lacks; what runs and what waits for me."""
    text = served.get("/p/flights").text
    assert text.index("production") < text.index("model/delay@champion")
    for words in (
        "version 2",
        "June is in, and holidays are a feature",
        "Waits for you",
        "1 approval",
        "running",
        "not run on this head",
    ):
        assert words in text, words


def test_an_empty_ledger_says_what_to_type_next(serving: Server) -> None:
    """Nothing has happened: each page says so, and how to begin."""
    for path, words in (("/p/flights", "loopline add"), ("/p/flights/runs", "loopline run")):
        page = serving.get(path)
        assert (page.status, words in page.text) == (200, True), path
        assert wrong_with(page) == []
    assert serving.get("/").headers["location"] == "/p/flights"


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_names_are_text(word: str, fresh: Story, serving: Server) -> None:
    """Whatever somebody calls a run, a param, a metric or an asset, it is shown as text and breaks nothing."""
    name = word[:300]
    run = fresh.do("start", name, experiment=name, params={name: word}, tags={name: word}, commit=name[:40])
    other = fresh.do("start", name, params={name: "else"})
    fresh.do("log", run.id, points=tuple(Point(name, i / 3, i) for i in range(5)))
    digest = fresh.loop.blobs.put(b"x")
    step = fresh.do("start", name, kind="step", parent=run.id)
    fresh.mark(step.id, log=fresh.loop.blobs.put(word.encode("utf-8", "replace")))
    fresh.do("log", step.id, outputs=(Link(name, digest),))
    fresh.do("finish", step.id, state=RunState.FAILED, error=word)
    fresh.do("finish", run.id, state=RunState.FAILED, error=word)
    paths = ["", "/metrics", "/steps", "/log"]
    for path in [
        "/p/flights",
        "/p/flights/runs",
        *(f"/p/flights/runs/{run.id}{one}" for one in paths),
        f"/p/flights/compare?run={run.id}&run={other.id}",
    ]:
        page = serving.get(path)
        assert page.status == 200, (path, page.text[-300:])
        assert wrong_with(page) == [], path
        assert "<script>alert" not in page.html


def test_a_thousand_runs_are_paged(fresh: Story, serving: Server) -> None:
    """Fifty on a page, older ones behind a link that keeps filter and order; no page is heavy."""
    for number in range(1000):
        run = fresh.do("start", "sweep", params={"seed": str(number)})
        fresh.do("log", run.id, points=(Point("loss", number / 1000),))
    page = serving.get("/p/flights/runs", where="metrics.loss >= 0", order="metrics.loss asc")
    assert page.status == 200
    assert len(page.tree.all("input", name="run")) == 50
    assert wrong_with(page) == []
    (older,) = page.tree.all("a", rel="next")
    second = serving.get(older["href"].replace("&amp;", "&"))
    assert "0.0500" in second.text
    first = re.findall(r'href="([^"]+)">← First', second.html)
    assert serving.get(first[0].replace("&amp;", "&")).text.count("0.0000") == page.text.count("0.0000")
    fresh.do("log", fresh.do("start", "sweep").id, points=(Point("loss", 0.0),))  # what comes in front moves nothing
    seen = [one["value"] for one in second.tree.all("input", name="run")]
    again = serving.get(older["href"].replace("&amp;", "&"))
    assert [one["value"] for one in again.tree.all("input", name="run")] == seen
    here, pages = second, 2
    while there := here.tree.all("a", rel="next"):
        here, pages = serving.get(there[0]["href"].replace("&amp;", "&")), pages + 1
    assert (pages, len(here.tree.all("input", name="run"))) == (20, 50)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("/p/flights/runs?wher=x", "did you mean where?"),
        ("/p/flights/feed?kind=&event=0&page=2", "leave page out of the address"),
        ("/p/flights?limit=5", "leave limit out of the address"),
        ("/p/flights/settings/people?role=admin", "leave role out of the address"),
        ("/login?nxt=/", "did you mean next?"),
    ],
)
def test_a_parameter_that_no_page_knows_is_named(served: Server, address: str, hint: str) -> None:
    """What stands behind `?` and is not understood is answered 400, with its name, what is known, and what was meant."""
    page = served.get(address)
    assert page.status == 400
    strange = address.rpartition("?")[2].rpartition("&")[2].partition("=")[0]
    assert f"'{strange}' is no parameter of this page" in page.text
    assert hint in page.text
    assert wrong_with(page) == []


def test_what_another_program_leads_to_may_say_more(served: Server) -> None:
    """A provider may send words of its own back (RFC 6749, 4.1.2): they are ignored; a page that is none stays that."""
    assert served.get("/login/callback?iss=x&session_state=y").status == 403
    assert served.get("/p/flights/nowhere?x=1").status == 404


@pytest.mark.parametrize(
    "page", ["", "/runs", "/assets", "/changes", "/lineage", "/feed", "/settings", "/search?text=a"]
)
def test_a_project_that_is_not_there_is_not_empty(served: Server, page: str) -> None:
    """Nobody takes a misspelt project for one in which nothing happens: 404, what was meant, and the way back."""
    for name, hint in (("flihgts", "did you mean flights?"), ("trains", "a project begins with")):
        found = served.get(f"/p/{name}{page}")
        assert found.status == 404
        assert f"there is no project {name}" in found.text
        assert hint in found.text
        assert any(one["href"] == "/p/flights" for one in found.tree.all("a", class_="button"))
        assert f"/p/{name}" not in found.html
        assert wrong_with(found) == []


def test_a_filter_that_makes_no_sense_is_answered_beside_it(served: Server) -> None:
    """The page stays, with what was typed, what is wrong and what to write."""
    page = served.get("/p/flights/runs", where="metrics.roc_auc >")
    assert page.status == 200
    assert "the filter is unclear at character" in page.text
    (box,) = page.tree.all("input", name="where")
    assert (box["value"], box["aria-invalid"]) == ("metrics.roc_auc >", "true")
    assert wrong_with(page) == []


def test_a_pipelines_page_tells_the_path_that_mattered_and_what_the_cache_saved(served: Server, story: Story) -> None:
    """Steps with times, the critical path, savings of the cache, links to versions, and the way to get it again."""
    page = served.get(f"/p/flights/runs/{story.named['finished']}")
    for words in (
        "The cache saved",
        "7, 4 from the cache",
        "data/flights@3",
        "loopline reproduce",
        "model/delay@3",
    ):
        assert words in page.text, words
    steps = served.get(f"/p/flights/runs/{story.named['finished']}/steps")
    rows = re.findall(r"<b[^>]*>(\w+)</b>[^\n]*critical path", steps.html)
    assert rows == ["train", "evaluate", "report"]


def test_a_failed_run_says_why_and_shows_what_it_printed(served: Server, story: Story) -> None:
    """The error stands on top, the failed step's log is the one that opens."""
    page = served.get(f"/p/flights/runs/{story.named['failed']}")
    assert "ValueError: 14 rows have no origin" in page.text
    assert "loopline run --resume" in page.text
    log = served.get(f"/p/flights/runs/{story.named['failed']}/log")
    assert "Traceback (most recent call last)" in log.text


def test_compare_marks_what_differs(served: Server, story: Story) -> None:
    """Runs have letters, params that differ come first and are marked, packages and files too."""
    page = served.get(ADDRESSES["compare"](story))
    assert "(differs from A)" in page.text
    for words in ("learning_rate", "holidays", "0.75", "flights.py", "1 row alike"):
        assert words in page.text, words
    assert len(page.tree.all("svg", data_chart="line")) == 3


@pytest.mark.timeout(120)
def test_pages_of_many_curves_stay_small(fresh: Story, serving: Server) -> None:
    """42 metrics of 2,000 points with 180 slices, and ten runs beside each other, are drawn on pages of at most 150 KB."""
    chance = random.Random(1)
    long = fresh.do("start", "train", params={"depth": "7"})
    for metric in range(42):
        fresh.do(
            "log", long.id, points=tuple(Point(f"layer-{metric:02}/loss", chance.random(), i) for i in range(2000))
        )
    sliced = [Point(f"auc{metric}[carrier=C{i}]", chance.random()) for metric in range(6) for i in range(30)]
    fresh.do("log", long.id, points=tuple(sliced))
    page = serving.get(f"/p/flights/runs/{long.id}/metrics")
    assert wrong_with(page) == []
    assert "the lowest 16 of 30" in page.text
    assert len(page.tree.all("svg", data_chart="line")) == 24
    assert min(one["d"].count("L") for one in page.tree.all("path") if "line" in one.get("class", "")) > 150
    runs = []
    for number in range(10):
        runs.append(fresh.do("start", "train", params={"depth": str(number), "rate": f"0.{number}"}).id)
        for metric in range(6):
            points = tuple(Point(f"metric-{metric}", chance.random(), i) for i in range(400))
            fresh.do("log", runs[-1], points=points)
    page = serving.get("/p/flights/compare", run=runs)
    assert wrong_with(page) == []
    assert len(page.tree.all("svg", data_chart="line")) == 4


def test_every_page_says_what_its_picture_shows() -> None:
    """A page that is added to those that tests look at is pictured, too, with a sentence about it."""
    assert set(SAID) == {*ADDRESSES, *EMPTY, *CLOSED}


@pytest.mark.parametrize("query", ["", "run=0", "run=ffffffff&run=eeeeeeee"])
def test_compare_says_what_it_needs(query: str, served: Server) -> None:
    """None, one or unknown runs: a page that says what to name."""
    page = served.get(f"/p/flights/compare?{query}")
    assert page.status in (400, 404)
    assert wrong_with(page) == []


def test_files_are_kept_for_ever_under_their_hash(served: Server) -> None:
    """The address of a style sheet changes with its bytes, so it may be kept; another address may not."""
    (sheet,) = served.get("/p/flights").tree.all("link", rel="stylesheet")
    answer = served.get(sheet["href"])
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert served.get("/static/000000000000/loopline.css").headers["cache-control"] == "no-store"
    for path in ("/static/0/nothing.css", "/static/0/..%2fpage.py", "/static/0/page.py"):
        assert served.get(path).status == 404, path


def test_scripts_weigh_at_most_forty_kilobytes(served: Server) -> None:
    """All modules together, as they are served."""
    names = ("theme.js", "swap.js", "keys.js", "table.js", "chart.js")
    base = served.get("/p/flights").tree.all("script")[0]["src"].rpartition("/")[0]
    assert sum(len(served.get(f"{base}/{name}").body) for name in names) <= 40_000


def test_whoever_is_not_let_in_learns_nothing(fresh: Story, serving: Server) -> None:
    """With an admin's token in force, a page leads to the login and names nothing."""
    fresh.do("start", "secret-run")
    fresh.do("issue", "ops", role="admin", everywhere=True)
    page = serving.get("/p/flights/runs")
    assert page.status == 303
    assert page.headers["location"].startswith("/login?next=%2Fp%2Fflights%2Fruns")
    assert "secret-run" not in page.html
