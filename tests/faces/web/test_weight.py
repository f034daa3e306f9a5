"""What a page weighs with everything that it loads, where there is much to show: on the wire, and as it is read."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from loopline.nouns.run import Point

from .serving import Read, Server, wrong_with
from .story import Story, begin

pytestmark = pytest.mark.long

BUDGET = 150_000
"""Bytes that a first visit takes, the page with its files and their heads."""
WORDS = ("optimizer", "scheduler", "augmentation", "backbone.layer", "head")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """Serve ten runs of 40 metrics over 1,500 steps, with slices and 60 params, and a feed of 200 events that say much."""
    story, chance, runs = begin(tmp_path_factory.mktemp("crowded")), random.Random(1), []
    course = [[chance.random() for _ in range(1500)] for _ in range(40)]
    for number in range(10):
        params = {f"{WORDS[i % 5]}.group-{i:02}.rate": str(chance.random()) if i % 2 else f"of-{i}" for i in range(60)}
        runs.append(story.do("start", f"train-{number}", params=params).id)
        points = [
            Point(_name(i), value / (number + 1), at) for i, one in enumerate(course) for at, value in enumerate(one)
        ]
        points += [Point(f"auc[carrier=C{i:02}]", chance.random()) for i in range(30)]
        story.do("log", runs[-1], points=tuple(points))
    for number in range(200):
        _begin(story, number, {f"{WORDS[i % 5]}.group-{i:02}": str(chance.random()) for i in range(60)})
    server = Server(story.loop).start()
    yield server, runs
    server.stop()


def _name(number: int) -> str:
    return f"metric_{number}" if number < 10 else f"train/layer-{number:02}/gradient-norm"


def _begin(story: Story, number: int, params: dict[str, str]) -> None:
    story.do("start", f"nightly-{number}", params=params, by=("ann", "bob")[number % 2])


ADDRESSES = {
    "overview": "",
    "runs": "/runs",
    "runs-chosen": "/runs?columns=" + "&columns=".join(f"metrics.{_name(i)}" for i in range(12)),
    "run": "/runs/{run}",
    "run-metrics": "/runs/{run}/metrics",
    "run-metrics-by-time": "/runs/{run}/metrics?across=time",
    "compare": "/compare?{all}",
    "compare-elapsed": "/compare?{all}&across=elapsed",
    "compare-curves": "/compare?{all}&part=curves",
    "compare-params": "/compare?{all}&part=params",
    "compare-metrics": "/compare?{all}&part=metrics",
    "feed": "/feed",
    "event": "/feed?event=150",
    "search": "/search?text=nightly",
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ADDRESSES)
def test_a_first_visit_stays_within_the_budget(name: str, crowded: tuple[Server, list[str]]) -> None:
    """Ten runs of 40 metrics and 60 params: each page with all its files takes at most 150 KB, and its HTML unpacked."""
    server, runs = crowded
    address = "/p/flights" + ADDRESSES[name].format(run=runs[0], all="&".join(f"run={one}" for one in runs))
    page = server.get(address)
    assert page.status == 200, page.text[:300]
    assert wrong_with(page) == []
    files = _files_of(server, page)
    assert len(files) > 4
    assert sum(_taken(server, one) for one in (address, *files)) <= BUDGET


def test_what_a_page_leaves_out_stands_behind_it(crowded: tuple[Server, list[str]]) -> None:
    """From Compare every param and metric is reached, page by page, and more curves; from the feed each event in whole."""
    server, runs = crowded
    first = server.get("/p/flights/compare", run=runs)
    for part, wanted in (("params", 60), ("metrics", 70), ("curves", 4)):
        (href,) = {one["href"] for one in first.tree.all("a") if f"part={part}" in one.get("href", "")}
        found: list[str] = []
        while href:
            page = server.get(href)
            assert (page.status, wrong_with(page)) == (200, [])
            shown = re.findall(r"<figcaption>(.*?)</figcaption>", page.html) if part == "curves" else re.findall(
                r'<tr><th scope="row" dir="auto">(.*?)</th>', page.html
            )  # fmt: skip
            found += shown
            href = next((one["href"] for one in page.tree.all("a", rel="next")), "")
            if part == "curves":
                assert "start=8" in href
                break  # drawing all of them takes its time
        assert len(set(found)) == len(found) == wanted, part
    feed = server.get("/p/flights/feed")
    (href, *_) = [one["href"] for one in feed.tree.all("a") if "event=" in one.get("href", "")]
    assert "head.group-59" not in feed.text
    assert "head.group-59" in server.get(href).text


def _files_of(server: Server, page: Read) -> set[str]:
    """Give every file that a page loads, and what these import."""
    tree = page.tree
    found = {one["src"] for one in tree.all("script")}
    found |= {one["href"] for one in tree.all("link") if one["rel"] in ("stylesheet", "icon")}
    todo = list(found)
    while todo:
        here = todo.pop()
        if here.endswith(".js"):
            imported = {urljoin(here, one) for one in re.findall(r'from "(\./[^"]+)"', server.get(here).html)}
            todo += imported - found
            found |= imported
    return found


def _taken(server: Server, address: str) -> int:
    """Count what an answer takes on the wire, as a browser asks for it."""
    headers = {"Accept-Encoding": "gzip, deflate, br, zstd", "Sec-Fetch-Site": "none"}
    answer = server.http.request(
        "GET", server.url + address, headers=headers, preload_content=False, decode_content=False
    )
    try:
        head = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
        return len(answer.read(decode_content=False)) + head
    finally:
        answer.release_conn()
