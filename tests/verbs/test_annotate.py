from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.name import Numbered, RefName, parse_pointer

from .conftest import BOB, DATA, MODEL

if TYPE_CHECKING:
    from .conftest import World


def test_a_run_is_tagged_and_renamed(world: World) -> None:
    """What the system writes itself stays its own."""
    run = world.do("start", "train", tags={"a": "1"}).id
    assert world.do("annotate", run, tags={"b": "2"}, untag=("a",), rename="other") == run
    found = world.do("show", run)
    assert (found.name, found.tags) == ("other", {"b": "2"})
    for words in ({"tags": {"log": "x"}}, {"untag": ("log",)}, {"text": "x"}):
        with pytest.raises(Invalid):
            world.do("annotate", run, **words)


def test_a_version_and_its_asset_are_tagged_and_described(world: World) -> None:
    """Each by itself, and each time one event."""
    world.data(b=b"2")
    world.do("annotate", f"{DATA}@1", tags={"reviewed": "yes"}, text="the first")
    world.do("annotate", str(DATA), tags={"owner": "ops"}, text="all flights")
    with world.loop.ledger.read() as tx:
        asset = tx.assets.get(DATA)
        assert asset.description == "all flights"
        assert tx.taggings.of(asset.subject) == {"owner": "ops"}
        assert tx.taggings.of(tx.versions.subject(tx.versions.get(DATA, 1))) == {"": "the first", "reviewed": "yes"}
        assert [event.kind for event in tx.feed.list(world.loop.project)][-2:] == ["annotated", "annotated"]
    for verb, words in (("show", f"{DATA}@1"), ("get", parse_pointer(f"{DATA}@1", project=DATA.project))):
        told = world.do(verb, words)
        assert (told.text, told.tags) == ("the first", {"reviewed": "yes"})
    (listed,) = world.do("ls", str(DATA), itself=True)
    assert (listed.text, listed.tags) == ("all flights", {"owner": "ops"})


def test_an_asset_that_is_renamed_keeps_its_history(world: World) -> None:
    """Under a name that nobody has, not even a deleted one."""
    world.data(b=b"2")
    model = world.train()
    assert world.do("annotate", str(DATA), rename="renamed") == "data/renamed"
    assert world.do("get", parse_pointer("data/renamed@1", project=DATA.project)).number == 1
    with pytest.raises(NotFound):
        world.do("get", parse_pointer(f"{DATA}@1", project=DATA.project))
    with pytest.raises(Conflict):
        world.do("annotate", str(model.asset), rename="data/renamed")


@pytest.mark.parametrize("words", [{"tags": {" ": "x"}}, {"untag": ("",)}])
def test_a_tag_has_a_name(world: World, words: dict[str, Any]) -> None:
    """The empty one is where descriptions are filed."""
    world.data(b=b"2")
    with pytest.raises(Invalid):
        world.do("annotate", f"{DATA}@1", **words)


def test_no_rename_passes_by_a_policy(guarded: World) -> None:
    """A policy speaks of refs by their names: an asset keeps its name while one speaks of a ref it has, or would have then."""
    guarded.do("propose", RefName(MODEL, "free"), to=Numbered(1), why="x")
    assert guarded.do("annotate", str(MODEL), rename="other") == "model/other"
    guarded.do("annotate", "model/other", rename="delay")
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    guarded.do("apply", change.id)
    with pytest.raises(Refused) as refused:
        guarded.do("annotate", str(MODEL), rename="other")
    assert refused.value.facts["ref"] == "model/delay@champion"
    with pytest.raises(Refused):
        guarded.do("annotate", f"policy/{DATA.project}", rename="aside")
    with pytest.raises(Refused):
        guarded.do("annotate", str(MODEL), rename="policy/mine")
