"""What the specification of a service brings back, and the refs that it follows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.nouns.declaration import Candidate
from loopline.nouns.name import Numbered, Pointer, RefName
from loopline.nouns.service import Limits, Recording

from .conftest import MODEL
from .test_deploy import DECLARED, PROD, champion, train

if TYPE_CHECKING:
    from loopline.nouns.wayback import WayBack

    from .conftest import World


def told(way: WayBack) -> dict[str, tuple[str, str]]:
    """Give what comes back, by name."""
    return {one.name: (one.old, one.new) for one in way.pinned}


def test_each_arm_and_each_setting_is_told_where_it_differs(world: World) -> None:
    """Arms that came or went, their weights, what was set otherwise: a line each; what is the same is left out."""
    for body in (b"1", b"2"):
        train(world, body)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    both = (Candidate("main", "model/delay@champion"), Candidate("new", "model/delay@2", shadow=True))
    wide = replace(DECLARED, arms=both, limits=Limits(rows=5), recording=Recording(redact=("predict",)))
    world.do("deploy", PROD, declared=wide)
    found = told(world.do("retrace", PROD))
    assert found["model main"] == ("model/delay@1, weight 1", "model/delay@1")
    assert found["model new"] == ("model/delay@2 (shadow)", "–")
    assert found["limits.rows"] == ("5", "100000")
    assert found["recording.redact"] == ("predict", "–")
    assert not any(name.startswith(("batching", "labels", "workers")) for name in found)


def test_a_lock_that_is_gone_is_told(world: World) -> None:
    """The host's packages serve then: it is no reason to stay, and one knows."""
    for number, body in enumerate((b"1", b"2"), start=1):
        train(world, body)
        champion(world, number)
        world.do("deploy", PROD, declared=DECLARED)
    assert any(one.startswith("the lock of model/delay@1") for one in world.do("retrace", PROD).notes)


def test_only_refs_that_both_versions_follow_go_along(world: World) -> None:
    """A model that was named by its number moves no alias: nothing says that the alias was meant."""
    for body in (b"1", b"2"):
        train(world, body)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    champion(world, 2)
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(2)))
    way = world.do("retrace", PROD)
    assert [one.move.ref for one in way.moves] == [PROD]
    assert "model/delay@champion stays at model/delay@2, which goes into quarantine" in way.notes


def test_a_time_is_kept_to_the_moment(world: World) -> None:
    """Whoever names a time wants it as it was then, also where the alias had moved already."""
    for number, body in enumerate((b"1", b"2"), start=1):
        train(world, body)
        champion(world, number)
        world.loop.clock.advance(seconds=60)  # type: ignore[attr-defined]
        world.do("deploy", PROD, declared=DECLARED)
    way = world.do("retrace", PROD, to=f"@{world.loop.clock.now() - 30_000_000}")
    assert [one.move.ref for one in way.moves] == [PROD]
    assert [one.move.ref for one in world.do("retrace", PROD).moves] == [PROD, RefName(MODEL, "champion")]
