from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.errors import Invalid, NotFound
from loopline.verbs.traffic import PIECES, length_for

from .records import HOUR, PROD, Records, deploy

if TYPE_CHECKING:
    from .conftest import World


def test_traffic_is_counted_by_time_and_arm(world: World) -> None:
    """Pieces stand on round times, hold requests, errors and latencies, and what lies outside is not counted."""
    deploy(world)
    records = Records(world)
    now = world.loop.clock.now() // HOUR * HOUR
    records.ask(now - 3 * HOUR, requests=4, errors=1)
    records.ask(now - HOUR, requests=2)
    records.ask(now - 30 * HOUR, requests=9)
    found = world.do("traffic", PROD, until=now, window=timedelta(hours=1))
    assert [(one.start - now, one.end - one.start, one.arm) for one in found] == [
        (-3 * HOUR, HOUR, "champion"),
        (-HOUR, HOUR, "champion"),
    ]
    assert [(one.requests, one.rows, one.errors, one.p99_us) for one in found] == [(4, 4, 1, 1000.0), (2, 2, 0, 1000.0)]
    assert sum(one.requests for one in world.do("traffic", PROD, since=now - 40 * HOUR)) == 15
    screen = Screen(io.StringIO(), io.StringIO(), environ={})
    assert [line.split()[-9:-6] for line in draw(found, screen)][1:] == [["champion", "4", "4"], ["champion", "2", "2"]]


def test_what_was_never_asked_has_no_traffic(world: World) -> None:
    """A deployment without records is an empty answer, a ref that is not there an error."""
    with pytest.raises(NotFound):
        world.do("traffic", PROD)
    deploy(world)
    assert world.do("traffic", PROD) == ()


@pytest.mark.parametrize(
    "wrong", [{"since": 5, "until": 5}, {"window": timedelta(-1)}, {"since": 0, "window": timedelta(seconds=1)}]
)
def test_times_without_end_are_refused(world: World, wrong: dict[str, Any]) -> None:
    """No time at all, pieces that go backwards, and more pieces than anybody reads."""
    deploy(world)
    with pytest.raises(Invalid):
        world.do("traffic", PROD, **wrong)


@pytest.mark.parametrize("hours", [0.1, 1, 24, 24 * 7, 24 * 90])
def test_pieces_are_as_many_as_a_picture_shows(hours: float) -> None:
    """About 48, on lengths that a clock knows."""
    whole = round(hours * HOUR)
    assert PIECES / 4 < whole / length_for(whole) <= PIECES
