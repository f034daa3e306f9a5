from __future__ import annotations

from collections import Counter

from loopline.insights.maturity import Seen, maturity
from loopline.insights.practices import PRACTICES, SECTIONS
from loopline.nouns.assessment import Assessment
from loopline.nouns.insight import Practice


def stands(name: str, seen: Seen = Seen(), *said: Assessment) -> Practice:  # noqa: B008 - a frozen value
    """One practice of an assessment."""
    return next(one for one in maturity(seen, {one.practice: one for one in said}).practices if one.name == name)


CAREFUL = Seen(
    models=10, by_pipeline=10, by_trigger=9, checked=10, approved=10, sliced=True, guarded=frozenset({"model", "code", "data"}),
    reviewed=frozenset({"model"}), services=1, monitors=frozenset({"data", "drift", "quality", "objectives"}), recorded=True,
    redacted=True, rolled=3, deployed=10, rollbacks=1, repeats=(4, 4), tried=5, subscribed=1, retrains=True,
)  # fmt: skip


def test_there_are_28_of_them_seven_a_section() -> None:
    """Each with a name of its own, a text and a step."""
    assert Counter(one.section for one in PRACTICES) == dict.fromkeys(SECTIONS, 7)
    assert len({one.name for one in PRACTICES}) == 28
    assert all(one.text.endswith(".") and one.step for one in PRACTICES)


def test_what_nobody_knows_is_not_known() -> None:
    """An empty ledger claims nothing, scores nothing, and says how one answers."""
    found = maturity(Seen(), {})
    assert (found.level, found.score, found.unknown) == (None, 0, 28)
    assert {one.stands for one in found.practices} == {"not known"}
    assert found.step == "loopline assess data-expectations no|manual|automated"


def test_what_the_ledger_shows_needs_no_asking() -> None:
    """Policies, monitors, triggers and history are looked at, and each says what was found."""
    found = maturity(CAREFUL, {})
    automated = {one.name for one in found.practices if one.stands == "automated"}
    assert automated == {
        "data-expectations", "models-reviewed", "slices", "whole-pipeline-tested", "quality-before-serving", "debuggable",
        "canary", "upstream-changes", "data-invariants", "training-serving-skew", "model-age", "speed", "quality-in-production",
    }  # fmt: skip
    assert {one.name for one in found.practices if one.stands == "manual"} == {
        "privacy", "parameters-tuned", "reproducible-training", "rollback",
    }  # fmt: skip
    assert all(one.because for one in found.practices)
    assert dict(found.scores) == {"data": 1.5, "model": 2.5, "infrastructure": 5.0, "monitoring": 6.0}
    assert found.score == 1.5


def test_a_ledger_that_shows_nothing_of_it_says_no() -> None:
    """Models that went out unchecked, unapproved and by hand, services without monitors."""
    bare = Seen(models=4, deployed=4, services=1, repeats=(1, 2))
    said = {one.name: one.stands for one in maturity(bare, {}).practices}
    assert {name for name, stand in said.items() if stand == "no"} == {
        "models-reviewed", "quality-before-serving", "slices", "whole-pipeline-tested", "canary", "rollback", "data-invariants",
        "training-serving-skew", "quality-in-production", "speed", "model-age", "reproducible-training",
    }  # fmt: skip


def test_the_team_is_believed_where_the_ledger_does_not_show_the_whole() -> None:
    """A canary elsewhere counts; a no about what is seen to be automated does not."""
    elsewhere = Assessment("canary", "automated", "in the mesh", "person:ann", 7)
    found = stands("canary", Seen(deployed=3), elsewhere)
    assert (found.stands, found.source, found.because, found.at) == ("automated", "team", "in the mesh", 7)
    assert stands("canary", CAREFUL, Assessment("canary", "no", "", "person:ann", 7)).source == "ledger"
    assert stands("fairness", CAREFUL, Assessment("fairness", "manual", "", "person:ann", 7)).stands == "manual"


def test_levels_are_about_who_starts_what() -> None:
    """By hand, pipelines that start by themselves, and pipelines whose code gets there by itself, too."""
    assert maturity(Seen(models=4, by_pipeline=3), {}).level == 0
    assert maturity(Seen(models=4, by_pipeline=4), {}).level == 0
    assert maturity(Seen(models=4, by_pipeline=4, by_trigger=1), {}).level == 1
    assert maturity(Seen(models=4, by_pipeline=4, retrains=True, guarded=frozenset({"model"})), {}).because.endswith(
        "code"
    )
    assert maturity(CAREFUL, {}).level == 2


def test_the_next_step_is_in_the_weakest_section() -> None:
    """First what is known to lack, then what nobody has said, then what is done by hand."""
    said = {one.name: Assessment(one.name, "automated", "", "a", 1) for one in PRACTICES}
    assert maturity(CAREFUL, said).step == ""
    weak = {**said, "fairness": Assessment("fairness", "no", "", "a", 1)}
    found = maturity(CAREFUL, weak)
    assert found.step.startswith("name those groups as slices")
    assert "model, 6 of 7" in found.reason
    asked = {name: one for name, one in weak.items() if name != "fairness"}
    assert maturity(CAREFUL, asked).step == "loopline assess fairness no|manual|automated"
    by_hand = {**said, "fairness": Assessment("fairness", "manual", "", "a", 1)}
    assert "done by hand" in maturity(CAREFUL, by_hand).reason
