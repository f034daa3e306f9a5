from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound

from .conftest import CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def test_the_page_is_written_from_what_is_recorded(world: World) -> None:
    """It has the incident, its edges, the timeline and what was done, and room for what people conclude."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    world.propose(2)
    made = world.do("incident", "Delays in seconds", caused_by=str(CHAMPION), why="it came with it")
    world.do("rollback", CHAMPION, why="taken back")
    text = world.do("postmortem", made.id, timezone="Europe/Berlin")
    for fact in (
        "# Delays in seconds\n", "model/delay@champion 1 → 2", "## Timeline", "put model/delay@2 into quarantine", "CET",
        "- the rollback model/delay@champion 2 → 1 (“taken back”)", "## What we learned",
    ):  # fmt: skip
        assert fact in text
    assert world.do("postmortem", made.id, timezone="Europe/Berlin") == text


def test_no_incident_and_no_zone_are_refused(world: World) -> None:
    """Both say what to do next."""
    made = world.do("incident", "late")
    with pytest.raises(NotFound) as caught:
        world.do("postmortem", "ffffffff")
    assert caught.value.kind == "no-incident"
    with pytest.raises(Invalid):
        world.do("postmortem", made.id, timezone="Mars/Olympus")
