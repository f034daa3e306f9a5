"""Runs side by side, curves, logs and a whole project, as a terminal shows them."""

from __future__ import annotations

import io
import math
from typing import Any

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.nouns.change import Change, ChangeState, Move, Moved
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Difference, Entry
from loopline.nouns.incident import Incident
from loopline.nouns.lineup import Figure, Line, Lineup
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.overview import Current, Overview, Waiting
from loopline.nouns.ref import Ref
from loopline.nouns.run import Run, RunState
from loopline.nouns.series import Series, Tail
from loopline.nouns.verdict import Requirement, Result

NOW = 1_800_000_000_000_000
CHAMPION = RefName(AssetName("flights", "model", "delay"), "champion")


def drawn(value: Any, *, verbose: int = 0) -> tuple[str, str]:
    """Draw a value; give what went to stdout and what was said beside it."""
    screen = Screen(io.StringIO(), io.StringIO(), environ={})
    screen.out_color, screen.verbose, screen.project, screen._now = False, verbose, "flights", NOW
    text = "\n".join(draw(value, screen))
    assert isinstance(screen.err, io.StringIO)
    return text, screen.err.getvalue()


def a_run(number: int, **more: Any) -> Run:
    """Make a run."""
    return Run(f"{number:032x}", "flights", "train", actor="person:ann", recorded_at=NOW - 60_000_000, **more)


def test_an_overview_tells_what_is_current_and_what_is_lacking() -> None:
    """Version, tier, mover and reason of each ref; what each change lacks; what runs and what failed."""
    moved = Moved("01", CHAMPION, 1, 2, NOW - 5_000_000, "person:bob", "june", "planned", 7)
    move = Change(
        "ab" * 16, "flights", "person:bob", "deeper", "planned", ChangeState.PROPOSED, (Move(CHAMPION, 2, 3),), NOW
    )
    text, _ = drawn(
        Overview(
            "flights", NOW, (Current(Ref(CHAMPION, 2, "production", "01", NOW - 5_000_000), None, moved),), 3,
            (Waiting(move, 2, (Requirement("champion", "1 approval", Result.PENDING, "0 of 1"),), mine=True),),
            (a_run(1),), (a_run(2, state=RunState.FAILED, error="no\x1b[31m rows"),),
            (Incident("i", "flights", "p99 doubled", "high", "person:sre", NOW),), 12, 4,
        )
    )  # fmt: skip
    for words in ("12 runs, 4 assets", "@2  production", "bob: june", "3 refs more", "waits for you", "lacks 1 approval  0 of 1",
                  "running", "no\\x1b[31m rows", "p99 doubled"):  # fmt: skip
        assert words in text, words


def test_a_lineup_shows_what_differs_and_counts_what_does_not() -> None:
    """Runs have letters; with -v everything is there."""
    entry = Entry("a.py", digest_of(b"1"), 1)
    value = Lineup(
        (a_run(1), a_run(2)), params=(Line("depth", ("4", None), differs=True), Line("seed", ("1", "1"), differs=False)),
        metrics=(Figure("auc", (0.7, 0.8), differs=True),), code=((), (Difference("a.py", None, entry),)),
    )  # fmt: skip
    text, _ = drawn(value)
    for words in (
        "A  0000000000000000",
        "params  1 alike",
        "depth  4  –",
        "auc  0.7000  0.8000",
        "1 file of B differ",
        "added  a.py",
    ):
        assert words in text, words
    assert "seed" not in text
    assert "seed" in drawn(value, verbose=1)[0]


def test_a_curve_is_drawn_in_blocks() -> None:
    """High is high, a gap is a gap, and no number at all breaks nothing."""
    series = [
        Series("a" * 32, "loss", (0, 1, 2), (0, 1, 2), (8.0, 4.0, 1.0), 300),
        Series("a" * 32, "odd", (0, 1, 2), (0, 1, 2), (1.0, math.nan, 2.0), 3),
        Series("a" * 32, "none", (0,), (0,), (math.inf,), 1),
        Series("a" * 32, "empty", (), (), (), 0),
    ]
    text, _ = drawn(tuple(series))
    assert "█▄▁" in text
    assert "▁ █" in text
    assert "300 points" in text


def test_a_log_is_written_as_it_was_printed() -> None:
    """Lines and tabs stay, what a terminal would act upon does not; where nothing is, that is said beside it."""
    text, _ = drawn(Tail("a" * 32, "train", 0, 9, 9, "one\ttwo\n\x1b[2Jthree\n", over=True))
    assert text == "one\ttwo\n\\x1b[2Jthree"
    assert drawn(Tail("a" * 32, "train", 0, 0, 0, "", over=False)) == (
        "",
        "train has printed nothing yet, or runs elsewhere\n",
    )
