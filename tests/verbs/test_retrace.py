"""What a rollback would move, asked before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Refused
from loopline.nouns.caller import Caller
from loopline.nouns.name import Numbered
from loopline.nouns.token import Scope
from loopline.verbs.permitting import may_ask

from .conftest import ANN, CHAMPION

if TYPE_CHECKING:
    from .conftest import World


@pytest.fixture
def both(world: World) -> World:
    """Give a champion that was moved twice together with a branch of the data."""
    world.train(b"one")
    world.train(b"two")
    world.data(b_csv=b"more")
    for number in (1, 2):
        world.do("propose", CHAMPION, to=Numbered(number), why="x", also={"data/flights@released": str(number)})
    return world


def test_nothing_is_written(both: World) -> None:
    """Asking leaves no event, and asking again gives the same."""
    before = both.events()
    one, two = both.do("retrace", CHAMPION), both.do("retrace", CHAMPION)
    assert one == two
    assert both.events() == before


def test_every_word_that_matters_makes_another_digest(both: World) -> None:
    """What moves, stays and is marked is in its digest."""
    beside = both.do("retrace", CHAMPION).moves[1].move.ref
    asked: list[dict[str, Any]] = [{}, {"quarantine": False}, {"leave": (beside,)}]
    assert len({both.do("retrace", CHAMPION, **words).digest for words in asked}) == 3


@pytest.mark.parametrize("verb", ["retrace", "rollback"])
def test_who_may_not_move_all_is_told_of_nothing(both: World, verb: str) -> None:
    """A token for models alone takes no data back: nothing moves, and no name of what it does not cover is told."""
    scopes = (Scope(verbs=("read", verb), project="flights", assets="model/*"),)
    caller = Caller(ANN, {"flights": "maintainer"}, scopes)
    here = type(both)(replace(both.loop, caller=caller))
    words: dict[str, Any] = {"why": "x"} if verb == "rollback" else {}
    for ask in (
        lambda: may_ask(here.loop, verb, {"ref": CHAMPION, **words}),
        lambda: here.do(verb, CHAMPION, **words),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        told = f"{caught.value} {caught.value.hint} {caught.value.facts}"
        assert (caught.value.kind, "data" in told) == ("not-allowed", False)
    assert both.target() == 2
