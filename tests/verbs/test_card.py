from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.name import parse_pointer
from loopline.verbs import load

from .conftest import CHAMPION
from .test_check import BEST

if TYPE_CHECKING:
    from .conftest import World
    from .projects import Project


def card(world: World, pointer: str, **asked: str) -> str:
    """Write a card."""
    written: str = load("card")(world.loop, parse_pointer(pointer, project="flights"), **asked)
    return written


def test_a_card_tells_what_the_ledger_knows(project: Project) -> None:
    """The version, its run, the data that it was made from, what was measured and where it stands."""
    ran = project.trained(environment=project.loop.blobs.put(b"lock"), packages={"numpy": "2.0", "x": "1"})
    project.do("propose", BEST, to=parse_pointer("model/total@1", project="flights").revision, why="the first one")
    text = card(project, "model/total@best")
    for fact in (
        "model/total@1",
        ran.run.id[:8],
        "data/flights@1",
        "number",
        "rows",
        "2 packages",
        "numpy 2.0",
        "model/total@best",
    ):
        assert fact in text, fact
    assert "the first one" in text
    assert text.count("- rows: ") == 1


def test_a_card_of_a_model_without_a_run_is_short(world: World) -> None:
    """What is not known is left out, not invented."""
    world.train(b"bytes")
    assert "model/delay@1" in card(world, "model/delay")


def test_only_models_have_cards(world: World) -> None:
    """Anything else is an error with the command that shows it."""
    with pytest.raises(Invalid) as caught:
        card(world, "data/flights@1")
    assert (caught.value.kind, caught.value.hint) == ("not-a-model", "loopline show data/flights@1")
    with pytest.raises(NotFound):
        card(world, str(CHAMPION))
