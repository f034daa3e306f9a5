"""Nouns are drawn so that everything that matters is there, with or without colour."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.cli.render import ALONE, MANY, draw
from loopline.cli.render.words import TONES
from loopline.cli.screen import Screen
from loopline.nouns.change import Approval, Change, ChangeState, Decision, Move, Override, Published
from loopline.nouns.comparison import Comparison, Delta, Review, Shift
from loopline.nouns.deployment import DeploymentState
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.drift import Said as DriftSaid
from loopline.nouns.entry import Difference, Entry
from loopline.nouns.evaluation import Estimate, Evaluation
from loopline.nouns.expectation import Breach, Expected, Observation
from loopline.nouns.finding import Finding
from loopline.nouns.firing import Armed
from loopline.nouns.lineage import Impact, Reached, Reason
from loopline.nouns.look import Seen
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.verdict import Requirement, Result, Verdict
from loopline.nouns.version import Version
from loopline.nouns.wayback import Returning, Staying, WayBack
from loopline.sdk.standing import Standing
from loopline.verbs.annotations import fields_of
from tests.cli.conftest import Terminal
from tests.verbs.test_plain import all_nouns, strategy

MODEL = AssetName("flights", "model", "delay")
CHAMPION = RefName(MODEL, "champion")
DIGEST = digest_of(b"x")
NOUNS = {noun.__name__: noun for noun in all_nouns()}


def screen(*, color: bool = False, verbose: int = 0) -> Screen:
    """Make a screen that is no terminal."""
    made = Screen(io.StringIO(), io.StringIO(), environ={})
    made.out_color, made.verbose, made.project = color, verbose, "flights"
    made._now = 1_800_000_000_000_000
    return made


def drawn(value: Any, **rest: Any) -> str:
    """Draw a value as one text."""
    return "\n".join(draw(value, screen(**rest)))


def change(state: ChangeState = ChangeState.PROPOSED, **rest: Any) -> Change:
    """Make a change of one ref."""
    given: dict[str, Any] = {"kind": "planned", "moves": (Move(CHAMPION, 1, 2),), "created_at": 1_799_999_990_000_000}
    given |= {"reason": "july data", "state": state}
    return Change("01a2" * 8, "flights", "person:ann", **(given | rest))


def decision(*results: Requirement) -> Decision:
    """Make a decision with these results."""
    return Decision(
        0, "person:ann", "propose", DIGEST, DIGEST, all(one.result is Result.PASS for one in results), results
    )


def test_a_change_shows_each_requirement_with_sign_and_word() -> None:
    """The table of a policy says pass, fail and pending in words, what was observed and needed, and what to do next."""
    value = change(
        decision=decision(
            Requirement("champion", "roc_auc >= base", Result.PASS, "0.71"),
            Requirement("champion", "slice(carrier).roc_auc >= 0.6", Result.FAIL, "0.55 for HA", "0.6", "train again"),
            Requirement("champion", "1 approval", Result.PENDING, "0", "1", "loopline approve 01a2"),
        )
    )
    text = drawn(value)
    assert "✓ pass" in text
    assert "✗ fail" in text
    assert "… pending" in text
    assert "observed 0.55 for HA, needed 0.6" in text
    assert "→ loopline approve 01a2" in text
    assert "model/delay@champion" in text
    assert "@1" in text
    assert "@2" in text


def test_answers_say_when_they_do_not_count() -> None:
    """A stale approval, an unverified one and an override are told apart."""
    answer = Approval("person:bob", "approve", DIGEST, DIGEST, verified=False, at=1, comment="fine", stale=True)
    text = drawn(change(approvals=(answer,), override=Override("person:ops", "fire", 2, 1, DIGEST)))
    assert "no longer counts, unverified" in text
    assert "override" in text
    assert "fire" in text


def test_an_approved_change_names_the_next_step() -> None:
    """Where nothing is missing, the next step is to apply."""
    assert "→ loopline apply 01a201a201a2" in drawn(change(ChangeState.APPROVED))
    assert "→" not in drawn(change(ChangeState.APPLIED)).split("\n")[-1].replace("@1  →", "")


def test_estimates_stand_beside_their_base() -> None:
    """A metric shows its interval, the base, the paired difference and its interval; losing slices come first."""
    whole = Estimate("roc_auc", 0.71, 0.70, 0.72, 1000, base=0.70, delta=0.01, delta_low=0.005, delta_high=0.015)
    slices = [
        Estimate("roc_auc", 0.6, n=10, slice="carrier", member=f"C{i}", base=0.6, delta=i / 100) for i in range(20)
    ]
    text = drawn(Evaluation((whole, *slices), {"rows": "test half"}))
    assert "[0.7000, 0.7200]" in text
    assert "+0.0100" in text
    assert "carrier=C0" in text
    assert "carrier=C19" not in text
    assert "12 more slices" in text
    assert "carrier=C19" in drawn(Evaluation((whole, *slices)), verbose=1)


def test_a_tree_of_reasons_is_indented() -> None:
    """Each reason stands below what it explains, times as ages."""
    data = Reason("version", "data/flights@1", "January")
    run = Reason("run", "01a2" * 8, "train", {"at": str(1_799_999_940_000_000)}, (data,))
    lines = drawn(
        Reason("ref", "model/delay@champion", "points at 1", {}, (Reason("change", "ab" * 16, "first"), run))
    ).split("\n")
    assert lines[1].startswith("├─ change abababababab")
    assert lines[2].startswith("└─ run 01a201a201a2")
    assert "(1 min ago)" in lines[2]
    assert lines[3].startswith("   └─ version data/flights@1")


def test_impact_tells_what_is_current_and_whether_that_is_all() -> None:
    """Refs that point at what was reached are marked, and a walk that was cut short says so."""
    reached = (
        Reached("version", "model/delay@1", "", 1, "r"),
        Reached("ref", "model/delay@champion", "production", 1, "v", current=True),
    )
    text = drawn(Impact("data/flights@1", reached, complete=False))
    assert "✓ production" in text
    assert "2 things, 1 ref" in text
    assert "stopped" in text
    assert "nothing was built" in drawn(Impact("data/x@1", (), complete=True))


def test_a_comparison_lists_only_what_differs() -> None:
    """Files, params and metrics that differ are listed with both sides."""
    old, new = Version(MODEL, 1, artifact()), Version(MODEL, 2, artifact())
    files = (
        Difference("a.csv", None, Entry("a.csv", DIGEST, 2048)),
        Difference("b.csv", Entry("b.csv", DIGEST, 1), None),
    )
    text = drawn(
        Comparison(
            old, new, files=files, more_files=3, params=(Delta("depth", "8", None),), metrics=(Shift("auc", 0.5, 0.75),)
        )
    )
    assert "model/delay@1 → model/delay@2" in text
    assert "+ added" in text
    assert "- removed" in text
    assert "2.0 KiB" in text
    assert "3 more" in text
    assert "+0.2500" in text
    assert "nothing differs" in drawn(Comparison(old, new))


def artifact() -> Any:
    """Make some artifact."""
    from loopline.nouns.artifact import Artifact

    return Artifact(DIGEST, "application/json", 10)


def test_a_review_is_one_page() -> None:
    """A review shows the change, what was measured, what differs, and its notes."""
    verdict = Verdict("eval/holdout", DIGEST, Result.FAIL, None, 1, "worse")
    text = drawn(
        Review(
            change(verdicts=(verdict,)), (Comparison(None, Version(MODEL, 2, artifact())),), notes=("run the check",)
        )
    )
    assert "✗ fail  eval/holdout" in text
    assert "– → model/delay@2" in text
    assert "run the check" in text


def test_a_review_tells_how_the_policy_judges_now() -> None:
    """What a check will bring that was queued since the change was judged last is pending, not missing."""
    old = Requirement("champion", "check eval/holdout", Result.FAIL, "not run on this head", "pass")
    new = replace(old, result=Result.PENDING, observed="queued")
    judged = Decision(1, "person:ann", "propose", None, DIGEST, passed=False, results=(old,))
    text = drawn(Review(change(decision=judged), (), requirements=(new,)))
    assert "queued" in text
    assert "not run on this head" not in text


def test_a_run_shows_what_it_read_and_made() -> None:
    """Inputs and outputs come with the version they belong to."""
    link = Link("rows", DIGEST, size=10, asset="data/flights", number=3)
    run = Run(
        "ab" * 16,
        "flights",
        "train",
        state=RunState.FAILED,
        error="out of memory",
        inputs=(link,),
        metrics={"auc": 0.5},
    )
    text = drawn(run)
    assert "✗ failed" in text
    assert "out of memory" in text
    assert "data/flights@3" in text
    assert "auc" in drawn((run,)).split("\n")[0]


def test_a_signature_is_a_line_of_names_and_types() -> None:
    """What goes in and what comes out is read at a glance, and what is no signature is shown as it is."""
    inputs = [{"name": f"c{number}", "type": "FP64", "low": None} for number in range(9)]
    signature = {"inputs": inputs, "outputs": [{"name": "predict", "type": "INT64"}]}
    shown = drawn(Version(MODEL, 3, artifact(), metadata={"signature": signature}))
    assert "c7 FP64, 1 more → predict INT64" in shown
    assert "signature  what?" in drawn(Version(MODEL, 3, artifact(), metadata={"signature": "what?"}))


def test_a_version_shows_its_quarantine() -> None:
    """A quarantined version says so in a list, too."""
    version = Version(MODEL, 3, artifact(), quarantined=True, metadata={"rows": 5})
    assert "✗ quarantined" in drawn(version)
    assert "✗ quarantined" in drawn((version,))
    assert "– unchanged" in drawn(Published(version))


def test_where_a_ref_stands_is_shown_without_control_characters() -> None:
    """A title is anybody's text, of a ref as of anything else."""
    here = Reached("ref", "model/a@b", "\r\x1b[2J", 1, "", current=True)
    shown = drawn(Impact("x", (here,), complete=True))
    assert "\r" not in shown
    assert "\x1b" not in shown


def test_how_often_a_trigger_may_fire_is_shown_without_control_characters() -> None:
    """A trigger's bound comes from whoever declared it, as the rest of it does."""
    shown = drawn((Armed("retrain", "alert x", "run train", at_most="\x1b[2J1 in 1d"),))
    assert "\x1b" not in shown
    assert "[2J1 in 1d" in shown


def test_findings_come_with_their_cure() -> None:
    """What fails names its fix, what is fine does not."""
    text = drawn((Finding("git", "fail", "not found", "apt-get install git"), Finding("uv", "ok", "0.5", "nothing")))
    assert "✗ fail  git  not found\n     → apt-get install git" in text
    assert "→ nothing" not in text


def test_names_of_other_projects_carry_it() -> None:
    """A ref of another project is written with its project."""
    other = RefName(AssetName("weather", "data", "rain"), "main")
    assert "weather:data/rain@main" in drawn(change(moves=(Move(other, None, 1),)))


def test_what_a_terminal_would_act_upon_is_escaped() -> None:
    """A message from anywhere cannot move the cursor or fake a status."""
    text = drawn(change(ChangeState.APPLIED, reason="\x1b[2Jgone\r✓ pass"))
    assert "\x1b" not in text
    assert "\\x1b[2Jgone\\r" in text


HOSTILE = "\x1b[2Jx"


def hostile(kind: Any, turn: int, depth: int = 0) -> Any:
    """Make a value of a noun whose every text is what a terminal would obey; `turn` chooses among what may stand in a place."""
    if kind in (str, Any):
        return HOSTILE
    plainly = {
        int: 7,
        float: 0.5,
        bool: True,
        timedelta: timedelta(1),
        Digest: DIGEST,
        type(None): None,
        Numbered: Numbered(1),
    }
    names = {AssetName: MODEL, RefName: RefName(MODEL, "main"), Pointer: Pointer(MODEL, Numbered(1))}
    if kind in plainly or kind in names:
        return {**plainly, **names}[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if isinstance(kind, type):
        return kind(**{name: hostile(one, turn, depth + 1) for name, one in fields_of(kind).items()})
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return args[turn % len(args)]
    if origin is tuple and args[-1] is Ellipsis:
        return (hostile(args[0], turn, depth + 1),) if depth < 6 else ()  # some are made of themselves
    if origin is tuple:
        return tuple(hostile(one, turn, depth + 1) for one in args)
    if origin is Mapping:
        return {hostile(args[0], turn, depth + 1): hostile(args[1], turn, depth + 1)}
    some = [one for one in args if one is not type(None)]
    return hostile(some[turn % len(some)], turn, depth + 1)


@pytest.mark.parametrize("name", sorted({*ALONE, *MANY} & {*NOUNS}))
def test_no_text_of_any_noun_reaches_a_terminal_as_it_is(name: str) -> None:
    """Each of its fields holds what would clear the screen, wherever text may stand."""
    for turn in range(4):
        value = hostile(NOUNS[name], turn)
        for one in (value, (value, value)):
            if not isinstance(one, tuple) or name in MANY:
                assert "\x1b" not in drawn(one)


@pytest.mark.parametrize("name", sorted({*ALONE, *MANY} & {*NOUNS}))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_noun_can_be_drawn(name: str, data: st.DataObject) -> None:
    """Whatever its fields hold, a noun is drawn, colour changes no word, and nothing escapes to the terminal."""
    if name == "Review":
        return
    value = data.draw(strategy(NOUNS[name]))
    if name == "Change" and not value.moves:
        return
    for one in (value, (value, value)):
        if isinstance(one, tuple) and name not in MANY:
            continue
        text = drawn(one)
        assert "\x1b" not in text
        painted = drawn(one, color=True)
        for code in ("31", "32", "33", "36", "1", "2", "0"):
            painted = painted.replace(f"\x1b[{code}m", "")
        assert painted == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\nlines\n", "two\nlines"),
        ({"team/x": ("person:ann", "person:bob")}, "team/x  person:ann, person:bob"),
        (("a", "b"), "a\nb"),
        (True, "yes"),
        (3.25, "3.2500"),
    ],
)
def test_plain_values_are_drawn_plainly(value: Any, text: str) -> None:
    """Text is text, mappings are facts, lists are lines."""
    assert drawn(value) == text


def test_colour_follows_the_terminal_and_the_environment() -> None:
    """Colour is on for a terminal and FORCE_COLOR, off for NO_COLOR, TERM=dumb and files."""
    assert Screen(Terminal(), io.StringIO(), environ={}).out_color
    assert not Screen(Terminal(), io.StringIO(), environ={"NO_COLOR": "1"}).out_color
    assert not Screen(Terminal(), io.StringIO(), environ={"TERM": "dumb"}).out_color
    assert not Screen(io.StringIO(), io.StringIO(), environ={}).out_color
    assert Screen(io.StringIO(), io.StringIO(), environ={"FORCE_COLOR": "1"}).out_color


def test_the_flag_that_takes_a_ref_along_is_named() -> None:
    """Whoever is told that a ref has moved on reads at once what would take it along."""
    stays = Staying(RefName(AssetName("flights", "data", "flights"), "released"), 3, 1, "moved-on", "moved on")
    way = WayBack(CHAMPION, 1, (Returning(Move(CHAMPION, 2, 1), "named"),), stays=(stays,), digest=DIGEST)
    assert "--also data/flights@released" in "\n".join(draw(way, screen()))


def test_a_rollback_says_what_it_quarantines() -> None:
    """Whoever takes something back reads which versions no automation may move to any more."""
    back = change(ChangeState.APPLIED, kind="rollback", quarantines=("data/flights@2", "model/delay@2"))
    assert "  quarantines data/flights@2, model/delay@2" in drawn(back).splitlines()


@pytest.mark.parametrize("states", [DeploymentState, DriftSaid, Seen])
def test_every_state_of_serving_has_a_sign(states: Any) -> None:
    """What is fine looks fine: no state is drawn as one that nobody has thought of."""
    assert {one for one in get_args(states) if one not in TONES} == set()


def test_a_checkout_that_was_cut_short_is_told() -> None:
    """A folder with files of two versions is not drawn as one that stands somewhere."""
    standing = Standing(AssetName("flights", "data", "rows"), "rows", "main", 2, 2, (), unfinished=True)
    assert "✗ a checkout was cut short; last in step with main, version 2" in drawn((standing,))
    assert "a checkout was cut short\n" in drawn((replace(standing, number=None),)) + "\n"


def test_what_does_not_hold_is_drawn_with_rows() -> None:
    """What fails comes with some of its rows; what holds is told where it says something, and all of it with -v."""
    rows = tuple(Breach("a.csv", at, {"x": None if at == 1 else f"{at}"}, "k") for at in range(1, 6))
    bad = Observation("x is a number", holds=False, observed="5 of 9 rows are not", broken=5, rows=9, samples=rows)
    quiet, said = Observation("y is text", holds=True), Observation("rows at least 1", holds=True, observed="9 rows")
    value = Expected("data/flights@2", "data/flights@1", (quiet, bad, said))
    text = drawn(value)
    assert "data/flights@2, against data/flights@1: 2 of 3 expectations hold" in text
    assert "a.csv, row 1  k  x=–" in text
    assert ("2 more rows with -v" in text, "rows at least 1: 9 rows" in text, "y is text" in text) == (
        True,
        True,
        False,
    )
    assert all(one in drawn(value, verbose=1) for one in ("row 5", "y is text"))
    assert "y is text" in drawn(Evaluation((), observations=(quiet,)))
