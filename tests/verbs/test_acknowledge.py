from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound

from .conftest import ANN, BOB
from .test_alerts import opened

if TYPE_CHECKING:
    from .conftest import World


def test_whoever_acknowledges_first_stays(world: World) -> None:
    """It is an event with who and what they know; a second one changes nothing; nobody's alert is not found."""
    alert = opened(world, "service/delay@prod", "features")
    seen = world.do("acknowledge", alert.id, note="late feed", by=ANN)
    assert seen.acknowledged_by == "person:ann"
    assert seen.resolved_at is None
    event = world.events()[-1]
    assert (event.kind, event.subject) == ("alert.acknowledged", alert.id)
    assert (event.payload or {})["note"] == "late feed"
    assert world.do("acknowledge", alert.id, by=BOB).acknowledged_by == "person:ann"
    with pytest.raises(NotFound):
        world.do("acknowledge", "ffff")
    with pytest.raises(NotFound):
        world.abroad().do("acknowledge", alert.id)
