from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.verbs.noting import noted

from .conftest import DATA

if TYPE_CHECKING:
    from .conftest import World


def test_what_was_said_of_a_version_comes_with_it(world: World) -> None:
    """The text is no tag, and a version of which nothing was said stays as it is."""
    world.data(b=b"2")
    world.do("annotate", f"{DATA}@2", tags={"a": "b"}, text="the second")
    with world.loop.ledger.read() as tx:
        first, second = (tx.versions.get(DATA, number) for number in (1, 2))
        assert noted(tx, first) is first
        told = noted(tx, second)
    assert (told.text, told.tags, told.artifact) == ("the second", {"a": "b"}, second.artifact)
