from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid
from loopline.nouns.service import Arm, Monitor, Service
from loopline.verbs.looking import answering, deployed, look, newest_event

from .records import HOUR, PROD, Records, deploy, rows

if TYPE_CHECKING:
    from .conftest import World


def test_the_arm_with_most_traffic_answers_unless_one_is_named(world: World) -> None:
    """Shadows and arms without traffic are looked at only by name."""
    digest = world.loop.blobs.put(b"m")
    arms = (Arm("a", "m@1", digest), Arm("b", "m@2", digest, weight=3), Arm("c", "m@3", digest, weight=9, shadow=True))
    service = Service("service/delay", arms)
    assert answering(service).name == "b"
    assert answering(service, "c").name == "c"
    with pytest.raises(Invalid):
        answering(service, "d")


def test_a_look_covers_the_window_before_its_end(world: World) -> None:
    """Rows before and after the window do not count, and a bound that no monitor has is refused."""
    deploy(world)
    records = Records(world)
    now = world.loop.clock.now()
    for at, shift in ((now - 3 * HOUR, 5.0), (now - HOUR, 0.0), (now, 5.0)):
        records.add(at, rows(600, shift=shift, seed=9))
    with world.loop.ledger.read() as tx:
        here = deployed(tx, world.loop, PROD)
    monitor = Monitor("features", "drift", window=timedelta(hours=1))
    seen = look(world.loop, here, monitor, now)
    assert (seen.seen, seen.rows, seen.start, seen.end) == ("good", 600, now - HOUR, now)
    assert newest_event(here, now) == now
    with pytest.raises(Invalid):
        look(world.loop, here, Monitor("features", "drift", bounds={"effects": 1.0}), now)


def test_a_quality_monitor_measures_what_it_bounds(world: World) -> None:
    """Whoever bounds `accuracy` gets it measured, also where that is not among the usual metrics."""
    deploy(world)
    records, now = Records(world), world.loop.clock.now()
    records.add(now - HOUR, {**rows(40), "out.predict_proba[1]": [0.9] * 40})
    truths = tuple({"id": f"{records.last}:{n}", "label": n < 30} for n in range(40))
    world.do("label", PROD, rows=truths)
    with world.loop.ledger.read() as tx:
        here = deployed(tx, world.loop, PROD)
    monitor = Monitor("truth", "quality", window=timedelta(days=1), rows=30, bounds={"accuracy": 0.8})
    seen = look(world.loop, here, monitor, now)
    assert (seen.seen, seen.facts["champion.accuracy"]["value"]) == ("bad", 0.75)
