"""The review in Chromium, as a reviewer has it: in both themes, and without script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.nouns.name import Numbered
from loopline.nouns.policy import Approvals, OverrideRule, Policy

from .conftest import looking
from .story import CHAMPION

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from loopline.nouns.change import Change

    from .serving import Server
    from .story import Story

pytestmark = pytest.mark.long

WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "no-script": {"java_script_enabled": False},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
OFTEN = ("no-script", "phone")
"""What is tried each time: the ways that are least like each other."""


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", [one if one in OFTEN else pytest.param(one, marks=pytest.mark.long) for one in WAYS])
def test_a_change_is_reviewed_in_the_browser(way: str, browser: Browser, fresh: Story, serving: Server) -> None:
    """Propose on the page of a version, discuss, edit, approve, apply: all of it by what stands on the page."""
    fresh.month("04", 30, "April")
    for depth in (4, 5):
        fresh.model(fresh.pipeline(depth=depth, rate=0.1, data=1, edit=f"\n# {depth}\n"))
    fresh.do("propose", CHAMPION, to=Numbered(1), why="first")
    policy = Policy("champion", ("model/*@champion",), approvals=Approvals(count=1, not_author=False))
    fresh.do("policy", document=dump_document(Document((policy,), ())).decode(), why="judged")
    with looking(browser, serving.url, **WAYS[way]) as page:
        page.goto("/p/flights/assets/model/delay@2")
        page.get_by_label("Why").first.fill("deeper trees, <b>better</b>")
        page.get_by_role("button", name="Propose").click()
        page.wait_for_url("**/changes/*")
        assert page.locator("h1").inner_text() == "deeper trees, <b>better</b>"
        assert page.get_by_role("button", name="Apply").is_disabled()
        page.get_by_label("Say something").fill("Two lines\nof a question?")
        page.get_by_role("button", name="Comment").click()
        page.wait_for_url("**#c-*")
        assert page.locator(".said").inner_text() == "Two lines\nof a question?"
        page.locator(".talk summary", has_text="Edit").click()
        page.get_by_label("Your comment").fill("One line.")
        page.get_by_role("button", name="Save").click()
        page.locator(".talk").get_by_text("edited").wait_for()
        assert page.locator(".said").inner_text() == "One line."
        page.get_by_label("What to say with it").fill("fine")
        page.get_by_role("button", name="Approve").click()
        page.get_by_text("Everything holds").wait_for()
        page.get_by_role("button", name="Apply").click()
        page.locator("#answers").wait_for()
        assert page.locator("#stand .badge").first.inner_text().strip() == "applied"
        assert page.get_by_role("button", name="Apply").count() == 0
    assert fresh.do("history", str(CHAMPION))[0].new == 2


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.long), "dark"])
def test_a_bad_model_is_refused_let_through_and_taken_back(
    theme: str, browser: Browser, fresh: Story, serving: Server
) -> None:
    """Refused with what was seen and what is needed, overridden with a reason, applied, rolled back, and kept out afterwards."""
    fresh.month("04", 30, "April")
    for depth in (4, 5):
        fresh.model(fresh.pipeline(depth=depth, rate=0.1, data=1))
    fresh.do("propose", CHAMPION, to=Numbered(1), why="first")
    rule = OverrideRule(by=("person:ann",))
    policy = Policy("champion", ("model/*@champion",), metrics=("roc_auc >= 0.7",), override=rule)
    fresh.do("policy", document=dump_document(Document((policy,), ())).decode(), why="judged")
    change = fresh.do("propose", CHAMPION, to=Numbered(2), why="July, in metres")
    fresh.judged(change, 0.41, 0.77)
    with looking(browser, serving.url, color_scheme=theme, expected=("403",)) as page:
        page.goto(f"/p/flights/changes/{change.id}")
        lacking = page.locator("#policy li", has_text="roc_auc >= 0.7").inner_text()
        assert "0.41" in lacking
        assert "needed: >= 0.7" in lacking
        assert page.get_by_role("button", name="Apply", exact=True).is_disabled()
        page.get_by_text("Let it through against the policy").click()
        page.get_by_label("Why it must pass").fill("the old one is on fire")
        page.get_by_role("button", name="Override and apply").click()
        page.locator("#stand .badge", has_text="applied").wait_for()
        assert "overridden by ann" in page.locator("#stand").inner_text()
        page.locator("#back").get_by_role("link", name="Roll back").click()
        page.get_by_label("What went wrong").fill("July is in metres")
        page.get_by_role("button", name="Roll back").click()
        page.locator("h1", has_text="July is in metres").wait_for()
        assert "model/delay@2 is in quarantine" in page.locator("#moves").inner_text()
        page.locator("#moves").get_by_role("link", name="@2").click()
        page.locator(".badge", has_text="in quarantine").wait_for()
        assert "July is in metres" in page.locator("#propose").inner_text()
        page.get_by_label("Why").first.fill("again")
        with page.expect_response(lambda answer: answer.request.method == "POST") as refused:
            page.get_by_role("button", name="Propose").click()
        assert refused.value.status == 403
        page.locator(".kicker", has_text="quarantined").wait_for()
    assert [(one.new, one.kind) for one in fresh.do("history", str(CHAMPION))][:2] == [(1, "rollback"), (2, "planned")]


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_comment_appears_without_reloading(browser: Browser, fresh: Story, serving: Server) -> None:
    """What somebody else says stands on the open page a moment later, and what is being typed is not lost."""
    change = _waiting(fresh)
    with looking(browser, serving.url) as page:
        page.goto(f"/p/flights/changes/{change.id}")
        page.get_by_label("What to say with it").fill("half a sen")
        fresh.do("comment", change.id, "hello from bob", by="bob")
        page.get_by_text("hello from bob").wait_for()
        assert page.get_by_label("What to say with it").input_value() == "half a sen"


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_change_that_ends_elsewhere_ends_here(browser: Browser, fresh: Story, serving: Server) -> None:
    """Withdrawn in one tab, it is withdrawn in the other: one state on the page, nothing to answer or to go on with."""
    change = _waiting(fresh)
    address = f"/p/flights/changes/{change.id}"
    with looking(browser, serving.url) as page, looking(browser, serving.url) as other:
        page.goto(address)
        other.goto(address)
        page.locator("#work").wait_for()
        other.locator("#work summary", has_text="Withdraw").click()
        other.get_by_role("button", name="Take it back").click()
        page.locator("#stand .badge", has_text="withdrawn").wait_for()
        page.locator("#byline", has_text="withdrawn").wait_for()
        page.locator("#work").wait_for(state="detached")
        assert page.locator("#answer").count() == 0
        assert page.locator("text=proposed").filter(has=page.locator("svg")).count() == 0
        assert other.locator("h1").is_visible()


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_what_was_typed_outlives_the_change(browser: Browser, fresh: Story, serving: Server) -> None:
    """An answer that somebody is writing stays after a check, and when the change ends, then with its buttons off."""
    change = _waiting(fresh)
    with looking(browser, serving.url) as page:
        page.goto(f"/p/flights/changes/{change.id}")
        assert "no check is declared" in page.locator("#moves").inner_text()
        page.get_by_label("What to say with it").fill("half a sen")
        page.locator("h1").click()
        fresh.judged(change, 0.8, None)
        page.locator("#evidence b", has_text="eval/holdout").wait_for()
        assert "no check is declared" not in page.locator("#moves").inner_text()
        fresh.do("withdraw", change.id)
        page.locator("#work").wait_for(state="detached")
        assert page.get_by_label("What to say with it").input_value() == "half a sen"
        assert page.get_by_role("button", name="Approve").is_disabled()


def _waiting(fresh: Story) -> Change:
    """Give a change that waits for an approval."""
    fresh.month("04", 30, "April")
    fresh.model(fresh.pipeline(depth=4, rate=0.1, data=1))
    policy = Policy("champion", ("model/*@champion",), approvals=Approvals(count=1))
    fresh.do("policy", document=dump_document(Document((policy,), ())).decode(), why="judged")
    change: Change = fresh.do("propose", CHAMPION, to=Numbered(1), why="first")
    return change


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_lineage_is_walked_by_its_pictures(browser: Browser, served: Server) -> None:
    """A click on a thing in the graph shows the graph from there, by mouse and by keyboard."""
    with looking(browser, served.url) as page:
        page.goto("/p/flights/lineage?of=model%2Fdelay%40champion")
        page.locator("svg.plot a", has_text="flights@3").click()
        page.wait_for_url("**of=data**")
        assert page.locator("h1").inner_text() == "data/flights@3"
        page.get_by_role("link", name="What it has touched").click()
        page.wait_for_url("**way=impact**")
        page.locator("svg.plot a", has_text="delay@").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**of=model**")


@pytest.mark.parametrize("width", [1280, 390])
def test_no_line_of_a_difference_is_cut_off(width: int, browser: Browser, served: Server, story: Story) -> None:
    """A digest that is one long word is wrapped, on a wide screen and on a phone: nothing of it lies beyond the edge."""
    with looking(browser, served.url, viewport={"width": width, "height": 900}) as page:
        page.goto(f"/p/flights/changes/{story.named['waiting']}", wait_until="load")
        assert "sha256:" in page.locator(".diff", has_text="digest").first.inner_text()
        beyond = page.evaluate(
            "[...document.querySelectorAll('.diff')].map((one) => one.scrollWidth - one.clientWidth)"
        )
        assert beyond
        assert max(beyond) <= 0


def test_what_waits_for_somebody_comes_first_on_a_phone(browser: Browser, fresh: Story, serving: Server) -> None:
    """It comes by itself, above all else where there is one column, and beside what is current where there are two."""
    fresh.month("04", 30, "April")
    for depth in (4, 5):
        fresh.model(fresh.pipeline(depth=depth, rate=0.1, data=1))
    fresh.do("propose", CHAMPION, to=Numbered(1), why="first")
    policy = Policy("champion", ("model/*@champion",), approvals=Approvals(count=1, not_author=True))
    fresh.do("policy", document=dump_document(Document((policy,), ())).decode(), why="judged")
    with looking(browser, serving.url, **WAYS["phone"]) as page:
        page.goto("/p/flights")
        assert page.locator("#mine").count() == 0
        page.wait_for_timeout(400)
        fresh.do("propose", CHAMPION, to=Numbered(2), why="deeper trees", by="bob")
        page.locator("#mine").wait_for()
        tops = page.locator("main .panel").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        assert page.locator("main .panel").first.get_attribute("id") == "mine"
        assert tops == sorted(tops)
    with looking(browser, serving.url) as page:
        page.goto("/p/flights")
        mine, current = (page.locator(one).bounding_box() for one in ("#mine", "#current"))
        assert mine is not None
        assert current is not None
        assert (mine["y"], mine["x"] > current["x"]) == (current["y"], True)
