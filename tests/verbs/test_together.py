from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.artifact import Artifact
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName
from loopline.verbs.together import sources, together

from .conftest import CHAMPION, CODE

if TYPE_CHECKING:
    from .conftest import World


def test_sources_are_data_code_and_environment(world: World) -> None:
    """What the training read, and the code it ran where that was published."""
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.versions.publish(AssetName("flights", "code", "flights"), Artifact(CODE), author="a")
        tx.say("test", "x")
    version = world.train()
    with world.loop.ledger.read() as tx:
        assert [str(v) for v in sources(tx, version)] == ["code/flights@1", "data/flights@1"]
        moves = together(tx, world.loop, Move(CHAMPION, None, 1))
        assert [str(m.ref) for m in moves] == ["code/flights@champion", "data/flights@champion"]
        assert together(tx, world.loop, Move(CHAMPION, 1, None)) == ()


def test_what_already_stands_there_is_left_out(world: World) -> None:
    """A second model from the same data moves the model alone."""
    world.train(b"1")
    world.train(b"2")
    world.propose(1, together=True)
    with world.loop.ledger.read() as tx:
        assert together(tx, world.loop, Move(CHAMPION, 1, 2)) == ()
