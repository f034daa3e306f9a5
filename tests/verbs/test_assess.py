from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, Refused

from .conftest import ANN, BOB, TRIGGER

if TYPE_CHECKING:
    from .conftest import World


def test_what_a_team_says_of_a_practice_is_kept_with_name_and_time(world: World) -> None:
    """It is an event, the newest answer counts, and insights tells it without the name."""
    world.do("assess", "fairness", "no", by=ANN)
    made = world.do("assess", "fairness", "manual", note="by carrier", by=BOB)
    assert (made.by, made.at) == ("person:bob", world.loop.clock.now())
    event = world.events()[-1]
    assert (event.kind, event.subject, event.actor) == ("practice.assessed", "fairness", "person:bob")
    found = next(one for one in world.do("insights").maturity.practices if one.name == "fairness")
    assert (found.stands, found.source, found.because, found.at) == ("manual", "team", "by carrier", made.at)
    abroad = next(one for one in world.abroad().do("insights").maturity.practices if one.name == "fairness")
    assert abroad.stands == "not known"


def test_only_people_speak_of_practices_that_there_are(world: World) -> None:
    """A near name is suggested; a trigger has no practice."""
    with pytest.raises(Invalid) as caught:
        world.do("assess", "fairnes", "no")
    assert caught.value.hint == "did you mean fairness?"
    with pytest.raises(Refused) as refused:
        world.do("assess", "fairness", "automated", by=TRIGGER)
    assert refused.value.kind == "not-a-person"
