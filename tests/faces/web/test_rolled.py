"""How a page shows a rollout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.faces.web.rolled import rolled
from loopline.nouns.rolling import Compared, Forecast, Judged, Judgement, Plan, Rolling, Step
from loopline.nouns.rollout import Rollout

from .serving import Server, wrong_with
from .traffic import PROD, STAGING

if TYPE_CHECKING:
    from .story import Story

PLAN = Plan("canary", (Step(0.25), Step(0.5)), (Judged("brier", "loss", 0.02), Judged("errors", "events", 0.05)))
BRIER = Compared(
    "brier", "loss", "undecided", "+0.01 [-0.02, +0.04] may be more than the 0.02 that is allowed", 0.15, 0.14, 0.01, -0.02, 0.04,
    0.02, 1.4, 3.7, (120, 360), (1, 4), ((2, 0.1), (200, 0.9), (480, 1.4)),
)  # fmt: skip
ERRORS = replace(
    BRIER, metric="errors", kind="events", answer="not-worse", reason="+0.0%", estimate=0.0, high=0.03, path=()
)
ONE = Rollout(
    "c", "flights", str(STAGING), 1, 2, PLAN, Rolling("rolling", 0, 0.25, 1, 1, 0, "canary, step 1 of 2"),
    judged=Judgement("undecided", 0, "brier: …", (BRIER, ERRORS), (120, 360)), run="a" * 32,
    forecast=(Forecast("brier", 0, 3_800, 900, enough=False, words="too few will come"),),
)  # fmt: skip


def test_it_says_what_would_decide_it() -> None:
    """Only what is undecided needs something, and the bound and the evidence that are missing are told."""
    found = rolled(ONE)
    ((metric, words),) = found.needs
    assert metric == "brier"
    assert "0.04" in words
    assert "3.7" in words
    assert [one.title for one in found.paths] == ["brier"]
    assert "errors" in found.apart
    assert rolled(replace(ONE, judged=None)).paths == ()


def test_the_page_of_the_change_shows_it(story: Story, served: Server) -> None:
    """Shares, answers, bounds and the run are there, with buttons while it goes on, and no button once it is over."""
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        change = tx.refs.get(STAGING).change or ""
        tx.rollouts.begin(replace(ONE, change=change, judged=None))
        begun = tx.rollouts.get(change)
        tx.rollouts.keep(begun, replace(ONE, change=change))
        tx.say("rollout.advanced", change)
    page = served.get(f"/p/flights/changes/{change}")
    for words in (
        "25 % meet the new version",
        "75 % the old one",
        "not-worse",
        "worse when the evidence",
        "Pause",
        "Abort",
    ):
        assert words in page.text, words
    assert not wrong_with(page)
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        one = tx.rollouts.get(change)
        over = tx.rollouts.keep(one, replace(one, progress=Rolling("stopped", 0, 0.0, reason="worse: brier")))
        tx.say("rollout.stopped", change)
    page = served.get(f"/p/flights/changes/{change}")
    assert over.over
    assert "worse: brier" in page.text
    assert "Abort" not in page.text


def test_a_share_of_a_slice_is_one_of_its_members(story: Story, served: Server) -> None:
    """Where only some meet the new version, the page says who; when it is over the share is again one of everybody."""
    steps = (Step(0.25, members=("UA", "AA")),)
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        change = tx.refs.get(PROD).change or ""
        plan = replace(PLAN, kind="slice", column="carrier", steps=steps)
        begun = tx.rollouts.begin(replace(ONE, change=change, ref=str(PROD), plan=plan, judged=None, forecast=()))
        tx.say("rollout.advanced", change)
    wanted = "25 % of carrier UA, AA meet the new version; all others the old one"
    assert wanted in served.get(f"/p/flights/changes/{change}").text
    with story.loop.ledger.write("flights", story.loop.actor) as tx:
        tx.rollouts.keep(begun, replace(begun, progress=Rolling("finished", 0, 1.0)))
        tx.say("rollout.finished", change)
    assert "100 % meet the new version, 0 % the old one" in served.get(f"/p/flights/changes/{change}").text
