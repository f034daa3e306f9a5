"""An incident in a terminal: a line each, and one as it is told afterwards."""

from __future__ import annotations

from dataclasses import replace

from loopline.nouns.incident import Blame, Incident
from loopline.nouns.postmortem import Affected, Failure, Linked, Moment, Postmortem
from tests.cli.test_render import drawn

MINUTE = 60_000_000
BLAME = Blame("caused_by", "b" * 32, "monitor", 0.5, "trigger:page", 1, "it was in force")
INCIDENT = Incident("a" * 32, "flights", "late\x1b[2J", "high", "person:ann", MINUTE, blames=(BLAME,))
LINKED = Linked(BLAME, "June", "person:bo", "planned", "applied", ("model/delay@champion 1 → 2",), 0, 0, 0)
FAILED = Failure("b" * 32, "model/delay@champion", "model", 0, MINUTE, None)
AFFECTED = Affected("service/delay@prod", 4, 1234, 5678, 9, 0, 1)


def test_a_line_says_how_sure_somebody_is() -> None:
    """State, severity, title and the changes that are linked, each with its confidence where it is not certain."""
    line = drawn((INCIDENT,))
    for words in ("open", "high", "ann", r"late\x1b[2J", f"caused by {'b' * 16} (50%)"):
        assert words in line
    assert "resolved" in drawn((replace(INCIDENT, resolved_at=2),))


def test_a_postmortem_has_the_times_the_edges_and_the_timeline() -> None:
    """What lasts is told so far, an edge with its source and reason, and nothing that was typed acts upon the terminal."""
    said = Moment(MINUTE, "comment.made", "said", "person:bo", said="a\x1bb")
    text = drawn(
        Postmortem(
            INCIDENT, "It came with June.", 3 * MINUTE, (LINKED,), (FAILED,), (AFFECTED,), moments=(said,), whole=False
        )
    )
    for words in (
        "It came with June.", "is open for 2 min", "detected after 1 min", "recovered after 3 min so far", "5,678 predictions",
        "monitor by trigger:page, 50% sure: it was in force", r"said: a\x1bb", "loopline feed --subject",
    ):  # fmt: skip
        assert words in text
    assert "\x1b" not in text


def test_an_empty_one_says_what_to_do() -> None:
    """Nobody has blamed anything, and nothing is known of its impact."""
    text = drawn(
        Postmortem(replace(INCIDENT, resolved_at=5 * MINUTE, resolved_by="person:bo", resolution="over"), "s", 9)
    )
    for words in (
        "loopline blame INCIDENT CHANGE",
        "no deployment to production",
        "was open for 4 min",
        "resolved by bo: over",
    ):
        assert words in text
