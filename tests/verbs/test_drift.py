from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loopline.cli.render.drift import drift as drawn
from loopline.cli.screen import Screen
from loopline.errors import Invalid, NotFound

from .conftest import CHAMPION
from .records import HOUR, PROD, Records, deploy, rows

if TYPE_CHECKING:
    from .conftest import World


def test_the_newest_window_is_compared_with_training(world: World) -> None:
    """What moved comes first, with the service, arm, version and times it is about; what lies before does not count."""
    deploy(world)
    records = Records(world)
    now = world.loop.clock.now()
    records.add(now - 50 * HOUR, rows(shift=5, seed=1))
    records.add(now, rows(shift=0.8, seed=2))
    found = world.do("drift", PROD)
    assert (found.service, found.arm, found.version) == ("service/delay@prod", "champion", "model/delay@1")
    assert (found.start, found.end, found.rows) == (now + 1 - 24 * HOUR, now + 1, 1_000)
    assert [(one.column, one.verdict) for one in found.columns] == [("temp", "drift"), ("hour", "stable")]
    lines = list(drawn(found, Screen(io.StringIO(), io.StringIO(), environ={})))
    assert lines[1] == "1 of 2 columns moved"
    assert "temp" in lines[2]
    assert "→" in lines[2]
    assert world.do("drift", PROD, effect=0.5).columns[0].verdict == "stable"
    assert [one.column for one in world.do("drift", PROD, columns=("hour",)).columns] == ["hour"]
    earlier = world.do("drift", PROD, until=now - 49 * HOUR, window=timedelta(hours=2))
    assert (earlier.columns[0].effect or 0) > 0.9


def test_what_cannot_be_compared_is_said(world: World) -> None:
    """No predictions, no such arm, and what is no service are errors; no reference is an answer without columns."""
    deploy(world, signed=False)
    records = Records(world)
    with pytest.raises(NotFound) as nothing:
        world.do("drift", PROD)
    assert nothing.value.kind == "no-predictions"
    with pytest.raises(Invalid) as caught:
        world.do("drift", PROD, arm="other")
    assert caught.value.kind == "no-arm"
    with pytest.raises(Invalid) as caught:
        world.do("drift", CHAMPION)
    assert caught.value.kind == "not-a-service"
    records.add(world.loop.clock.now(), rows())
    assert world.do("drift", PROD).columns == ()
