"""Progress is drawn late, rarely, and never in the way of data."""

from __future__ import annotations

import io

import pytest

from loopline.cli.progress import Meter, line_of
from loopline.cli.screen import Screen
from loopline.nouns.progress import Progress
from tests.cli.conftest import Terminal


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def hands() -> Hands:
    """Give a clock at 100 seconds."""
    return Hands()


def meter(hands: Hands, err: io.StringIO, *, quiet: bool = False) -> Meter:
    """Make a meter that draws on `err`."""
    screen = Screen(io.StringIO(), err, environ={})
    screen.quiet = quiet
    return Meter(screen, clock=hands)


def report(meter: Meter, hands: Hands, seconds: float, *, total: int | None = 1000) -> None:
    """Report every 50 ms for a while."""
    for index in range(int(seconds * 20)):
        meter(Progress("hash", index, total, "files"))
        hands.now += 0.05


def test_quick_work_draws_nothing(hands: Hands) -> None:
    """What is done within 300 ms leaves no trace."""
    err = Terminal()
    drawn = meter(hands, err)
    report(drawn, hands, 0.3)
    drawn(Progress("hash", 1000, 1000, "files"))
    assert err.getvalue() == ""


def test_long_work_is_drawn_on_one_line_and_wiped_away(hands: Hands) -> None:
    """On a terminal the line redraws itself, ten times a second at most, and is gone at the end."""
    err = Terminal()
    drawn = meter(hands, err)
    report(drawn, hands, 2.0)
    drawn.close()
    assert "\n" not in err.getvalue()
    assert 10 <= err.getvalue().count("\r") <= 20
    assert "files/s" in err.getvalue()
    assert err.getvalue().endswith("\r\x1b[K")


def test_elsewhere_there_is_one_line_every_ten_seconds(hands: Hands) -> None:
    """In a file or a CI log, a minute of work is five or six lines without control characters."""
    err = io.StringIO()
    drawn = meter(hands, err)
    report(drawn, hands, 60, total=10_000)
    assert err.getvalue().count("\n") == 5
    assert "\x1b" not in err.getvalue()
    assert "\r" not in err.getvalue()


def test_quiet_draws_nothing(hands: Hands) -> None:
    """With -q there is no progress."""
    err = Terminal()
    report(meter(hands, err, quiet=True), hands, 5)
    assert err.getvalue() == ""


def test_a_second_label_does_not_start_the_patience_again(hands: Hands) -> None:
    """Work in several parts is drawn when the whole has taken long, not each part."""
    err = Terminal()
    drawn = meter(hands, err)
    for index in range(20):
        drawn(Progress("all", index, 20))
        drawn(Progress(f"part {index}", 0, 1))
        hands.now += 0.05
        drawn(Progress(f"part {index}", 1, 1))
    assert "\r" in err.getvalue()


def test_a_line_tells_rate_and_what_is_left() -> None:
    """Half of it in ten seconds leaves ten seconds; bytes are written as sizes; without a total there is no bar."""
    line = line_of(Progress("upload", 512 * 1024, 1024 * 1024, "B"), 10.0, 512 * 1024)
    assert " 50 %" in line
    assert "51.2 KiB/s" in line
    assert "10.0 s left" in line
    assert "512.0 KiB of 1.0 MiB" in line
    assert "░" not in line_of(Progress("walk", 5, None, "runs"), 1.0, 5)
