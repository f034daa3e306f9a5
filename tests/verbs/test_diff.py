from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.name import parse_pointer

from .conftest import PROJECT

if TYPE_CHECKING:
    from loopline.nouns.comparison import Comparison

    from .conftest import World


def _diff(world: World, old: str, new: str, **asked: Any) -> Comparison:
    pointers = [parse_pointer(text, project=PROJECT) for text in (old, new)]
    found: Comparison = world.do("diff", *pointers, **asked)
    return found


def test_files_that_differ_are_listed(world: World) -> None:
    """Added, removed and changed by path; nothing for what is equal; the rest beyond the limit is counted."""
    world.data(a_csv=b"2", b_csv=b"x", c_csv=b"y")
    found = _diff(world, "data/flights@1", "data/flights@2")
    assert [(one.path, one.word) for one in found.files] == [
        ("a.csv", "changed"),
        ("b.csv", "added"),
        ("c.csv", "added"),
    ]
    back = _diff(world, "data/flights@2", "data/flights@1", limit=1)
    assert ([one.path for one in back.files], back.more_files) == (["a.csv"], 2)
    assert _diff(world, "data/flights@2", "data/flights@main").files == ()


def test_models_differ_in_what_their_runs_had(world: World) -> None:
    """Metrics and data of the two trainings stand side by side; what is equal is left out."""
    world.train(b"one")
    world.data(b_csv=b"2")
    world.train(b"two", data=2, auc=0.8)
    found = _diff(world, "model/delay@1", "model/delay@2")
    assert [(m.name, m.old, m.new) for m in found.metrics] == [("auc", 0.7, 0.8)]
    assert [(one.name, one.old, one.new) for one in found.data] == [("data/flights", "@1", "@2")]
    assert (found.params, found.environment) == ((), ())


def test_only_like_is_compared_with_like(world: World) -> None:
    """Different kinds, unknown versions and a limit below 1 are refused."""
    world.train()
    with pytest.raises(Invalid):
        _diff(world, "data/flights@1", "model/delay@1")
    with pytest.raises(NotFound):
        _diff(world, "data/flights@1", "data/flights@2")
    with pytest.raises(Invalid):
        _diff(world, "data/flights@1", "data/flights@1", limit=-1)
