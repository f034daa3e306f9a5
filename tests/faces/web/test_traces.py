"""Pages of traces: what they say, and what they make of hostile ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from loopline.nouns.feedback import Feedback
from loopline.nouns.trace import Happening, Span
from loopline.verbs.tracing import Arrival, mark, receive, remark

from .serving import wrong_with

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story

LIST = "/p/flights/traces"
HOSTILE = ("<script>alert(1)</script>", "a\"b' onload=x", "{{ 7*7 }}", "مرحبا \u202e", "x" * 9_000, "a\nb\tc")


def test_the_run_leads_to_its_traces(served: Server, story: Story) -> None:
    """To just these, and each of them back to it."""
    page = served.get(f"/p/flights/runs/{story.named['finished']}")
    (link,) = [one["href"] for one in page.tree.all("a") if "/traces?" in one["href"]]
    assert "2 traces" in page.text
    listed = served.get(link.replace("&amp;", "&"))
    assert (listed.text.count("answer a dispatcher"), wrong_with(listed)) == (2, [])
    assert "loopline find traces" in listed.text
    one = served.get(f"{LIST}/{story.named['trace']}")
    assert f"/p/flights/runs/{story.named['finished']}" in one.html


def test_a_trace_tells_what_each_part_did(served: Server, story: Story) -> None:
    """When it ran, with what, what it took, and what people say."""
    page = served.get(f"{LIST}/{story.named['trace']}")
    for words in (
        "look up departures", "CHAT_MODEL", "a-model", "2268", "shift-7", "UA 1545", "helpful", "both were late", "1.3 s",
        "service/delay@prod", "When each span ran", "client: dispatch desk", "dispatch 2.4",
    ):  # fmt: skip
        assert words in page.text, words
    assert len(re.findall(r'href="#span-', page.html)) == 6
    assert re.search(r'id="span-0{15}6"', page.html)


def test_the_first_span_begins_at_once(fresh: Story, serving: Server) -> None:
    """Whatever part of a millisecond its trace began in; and nothing is said of a critical path, which a trace has not."""
    began = 10**18 + 700_000
    spans = (
        Span("1" * 16, "ask", began, began + 10**7),
        Span("2" * 16, "look", began + 4 * 10**6, began + 9 * 10**6, "1" * 16),
    )
    receive(fresh.loop, fresh.do("experiment", "any"), [Arrival("tr-1", spans)])
    page = serving.get(f"{LIST}/tr-1")
    assert ("10 ms, 0 ms in" in page.text, "5 ms, 4 ms in" in page.text) == (True, True)
    assert "the critical path is" not in page.html


def test_filters_are_those_of_the_command(served: Server) -> None:
    """What is unclear is said beside the field, with what was typed."""
    page = served.get(LIST, where="state = failed and span.kind = TOOL")
    assert page.text.count("answer a dispatcher") == 1
    assert "No trace fits" in served.get(LIST, where="took > 100").text
    page = served.get(LIST, where="stat = failed")
    assert "did you mean state?" in page.text
    assert wrong_with(page) == []
    assert served.get(LIST, after="tr-nowhere").status == 200
    assert served.get(f"{LIST}/tr-nowhere").status == 404


@pytest.mark.parametrize("word", HOSTILE)
def test_what_programs_send_is_text(word: str, fresh: Story, serving: Server) -> None:
    """In every place where a page shows it."""
    group = fresh.do("experiment", "any")
    told = {word[:200]: word, "deep": {"x": [word]}}
    span = Span(
        "1" * 16,
        word,
        10**18,
        10**18 + 5,
        None,
        word[:40],
        message=word,
        attributes=told,
        happenings=(Happening(word, 1, told),),
        model=word,
    )
    receive(
        fresh.loop, group, [Arrival("tr-1", (span,), word, word, word, word, {word[:200]: word}, {word[:200]: word})]
    )
    mark(fresh.loop, "tr-1", tags={"x": word})
    remark(fresh.loop, Feedback("a-1", "tr-1", "feedback", word, word, {"error_message": word}, word, word, word))
    for address in (LIST, f"{LIST}/tr-1"):
        page = serving.get(address)
        assert (page.status, wrong_with(page)) == (200, [])


def test_a_trace_of_a_thousand_spans_stays_small(fresh: Story, serving: Server) -> None:
    """With long attributes, deep and wide: at most 150 KB, and it says what it leaves out."""
    group = fresh.do("experiment", "any")
    spans = tuple(
        Span(f"{at:016x}", f"span {at}", 10**18 + at, 10**18 + at + 10**6, f"{at // 3:016x}" if at else None, "TOOL",
             attributes={f"key {key}": "long " * 400 for key in range(30)})
        for at in range(1_000)
    )  # fmt: skip
    receive(fresh.loop, group, [Arrival("tr-1", spans)])
    page = serving.get(f"{LIST}/tr-1")
    assert (page.status, wrong_with(page)) == (200, [])
    assert "900 spans more" in page.text
    assert "950 spans more than are drawn" in page.text


def test_many_traces_are_paged(fresh: Story, serving: Server) -> None:
    """Each once, the newest first."""
    group = fresh.do("experiment", "any")
    receive(
        fresh.loop,
        group,
        [Arrival(f"tr-{at:03}", (Span("1" * 16, f"ask {at}", at * 10**9),), f"ask {at}") for at in range(120)],
    )
    seen: list[str] = []
    here = LIST
    while here:
        page = serving.get(here)
        seen += re.findall(r"traces/(tr-\d{3})\"", page.html)
        here = next((one["href"].replace("&amp;", "&") for one in page.tree.all("a") if "after=" in one["href"]), "")
    assert seen == [f"tr-{at:03}" for at in range(119, -1, -1)]
