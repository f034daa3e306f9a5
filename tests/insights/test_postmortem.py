from __future__ import annotations

from dataclasses import replace

import pytest

from loopline.insights.postmortem import document, lasting, sentence
from loopline.nouns.alert import Alert
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.postmortem import Affected, Failure, Linked, Moment, Postmortem

SECOND = 1_000_000
HOUR = 3600 * SECOND
INCIDENT = Incident("a" * 32, "flights", "late", "high", "person:ann", 2 * HOUR)
CAUSE = Linked(
    Blame("caused_by", "b" * 32, "human", 0.8, "person:bo", HOUR, "it came with it"), "June", "person:ann", "planned",
    "applied", ("model/delay@champion 1 → 2",), 0, HOUR, HOUR,
)  # fmt: skip
FIX = replace(
    CAUSE, blame=Blame("fixes", "c" * 32, "rollback"), reason="late", kind="rollback", moves=("model/delay@champion 2 → 1",)
)  # fmt: skip
FAILED = Failure("b" * 32, "model/delay@champion", "model", HOUR, 2 * HOUR, 3 * HOUR, "c" * 32)
ALERT = Alert("d" * 32, "flights", "service/delay@prod", "drift", "drift", "low", "moved", HOUR + 60 * SECOND, 0)


def test_a_sentence_says_after_what_noticed_how_and_over_when() -> None:
    """What is known is in it, and what lasts is told so far."""
    assert sentence(INCIDENT, [], [], [], now=4 * HOUR) == (
        "Nobody has said yet which change caused it; ann opened this incident, and it has lasted 2 h so far."
    )
    assert sentence(INCIDENT, [CAUSE, FIX], [FAILED], [ALERT], now=9 * HOUR) == (
        "It probably came with model/delay@champion 1 → 2 (“June”), an alert saw it 1 min later, and it was over 2 h after it had"
        " come, by the rollback model/delay@champion 2 → 1 (“late”)."
    )
    early = sentence(replace(INCIDENT, opened_at=2 * HOUR), [], [], [ALERT], now=4 * HOUR)
    assert early.endswith("; an alert saw it, and it has lasted 2 h 59 min so far.")
    over = replace(INCIDENT, resolved_at=5 * HOUR)
    assert sentence(over, [CAUSE], [], [], now=9 * HOUR).endswith("1 h later, and it was resolved 4 h later.")


def test_what_was_let_through_is_no_failure() -> None:
    """An override alone says that somebody let a change through; once somebody blames it, it is the cause."""
    through = replace(CAUSE, blame=replace(CAUSE.blame, source="override", confidence=1.0))
    assert "ann let model/delay@champion 1 → 2 (“June”) through" in sentence(INCIDENT, [through], [], [], now=9 * HOUR)
    other = replace(CAUSE, moves=("data/x@main 1 → 2",))
    assert "It probably came with data/x@main" in sentence(INCIDENT, [through, other], [], [], now=9 * HOUR)


def test_the_surest_cause_is_named() -> None:
    """Of several the one with the most confidence stands in the sentence."""
    surer = replace(
        CAUSE, blame=replace(CAUSE.blame, change="e" * 32, confidence=1.0), moves=("data/x@main 1 → 2", "b")
    )
    assert "It came with data/x@main 1 → 2 and 1 more (“June”)" in sentence(
        INCIDENT, [CAUSE, surer], [], [], now=9 * HOUR
    )


def test_nothing_that_was_typed_breaks_the_page() -> None:
    """Pipes, line breaks and tags in what people wrote stay text of one cell."""
    nasty = "a | b\n# no\n<script>"
    found = Postmortem(
        replace(INCIDENT, title=nasty, resolution=nasty), "s", 9 * HOUR, linked=(replace(CAUSE, reason=nasty), FIX),
        failures=(FAILED,), affected=(Affected("service/delay@prod", 4, 1234, 5678, 9, 0, 1),), alerts=(ALERT,),
        quarantined=("model/delay@2",), moments=(Moment(HOUR, "comment.made", "said", "person:bo", said=nasty),), whole=False,
    )  # fmt: skip
    text = document(found)
    assert "<script" not in text
    assert "\n# no" not in text
    assert "| 1970-01-01 01:00:00 UTC | bo | said: a \\| b # no &lt;script> |" in text
    for fact in (
        "| service/delay@prod @4 | 1,234 | 5,678 | 9 |",
        "| 1 h | 2 h | 1 h |",
        "80% sure: it came with it",
        "There was more",
    ):
        assert fact in text


@pytest.mark.parametrize(
    ("nasty", "written"),
    [
        ("[here](javascript:alert(1))", "\\[here\\](javascript:alert(1))"), ("![seen](x.png)", "!\\[seen\\](x.png)"),
        ("`a` *b* __init__ ~~c~~", "\\`a\\` \\*b\\* \\_\\_init\\_\\_ \\~\\~c\\~\\~"), ("a\\|b\\", "a\\\\\\|b\\\\"),
        ("# heading", "\\# heading"), ("- item", "\\- item"), ("1. item", "1\\. item"), ("> said", "\\> said"),
        ("&lt;b&gt; &#60;", "&amp;lt;b&amp;gt; &amp;#60;"), ("a_b & c; 1.5 - 2", "a_b & c; 1.5 - 2"),
    ],
)  # fmt: skip
def test_what_was_typed_is_no_markdown(nasty: str, written: str) -> None:
    """Whoever renders the page sees what was typed, sign by sign: no link, picture, heading, code or cell comes of it."""
    typed = replace(CAUSE, reason=nasty, blame=replace(CAUSE.blame, why=nasty))
    found = Postmortem(replace(INCIDENT, title=nasty, resolution=nasty), "s", 9 * HOUR, linked=(typed,))
    text = document(found)
    assert [f"# {written}\n" in text, f"\n- {written}\n" in text, f"({written})" in text] == [True] * 3
    assert text.count(written) == 4


def test_no_terminal_acts_upon_the_page() -> None:
    """Controls and signs that turn text around are left out; those that a script is written with stay."""
    text = document(Postmortem(replace(INCIDENT, resolution="a\x1b[2J\u202eb\x07 \ud800می\u200cمی"), "s", 9 * HOUR))
    assert "- a\\[2Jb می\u200cمی\n" in text


def test_a_sentence_is_short() -> None:
    """Of a reason as long as a book it holds the beginning, in one line."""
    text = sentence(INCIDENT, [replace(CAUSE, reason="why\n" * 5000)], [], [], now=9 * HOUR)
    assert len(text) < 400
    assert "\n" not in text


def test_an_empty_page_says_what_is_not_known() -> None:
    """Nothing is left blank."""
    text = document(Postmortem(INCIDENT, "s", 9 * HOUR))
    assert "Nobody has said yet" in text
    assert "No deployment to production counts as failed" in text
    assert "*Nothing is recorded.*" in text


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (-5, "0 ms"), (40_000, "40 ms"), (12 * SECOND, "12 s"), (200 * SECOND, "3 min 20 s"),
        (302 * 60 * SECOND, "5 h 2 min"), (99 * HOUR, "4 d 3 h"),
    ],
)  # fmt: skip
def test_a_length_of_time_has_two_units(micros: int, text: str) -> None:
    """As people say it."""
    assert lasting(micros) == text
