from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.policy import Approvals, Policy

from .conftest import BOB, DATA, OTHER

if TYPE_CHECKING:
    from .conftest import World

V1 = RefName(DATA, "v1")
FIRST = Pointer(DATA, Numbered(1))


def test_a_fixed_ref_does_not_move(world: World) -> None:
    """Neither by a proposal nor by files that are added to it, nor by a second one of its name."""
    assert world.do("tag", "v1", FIRST).state == "applied"
    world.data(b=b"2")
    for verb, words, asked in (
        ("propose", (V1,), {"to": Numbered(2), "why": "newer"}),
        ("add", (DATA,), {"tree": world.tree(c=b"3"), "branch": "v1"}),
    ):
        with pytest.raises(Refused) as caught:
            world.do(verb, *words, **asked)
        assert caught.value.kind == "ref-fixed"
    with pytest.raises(Conflict):
        world.do("tag", "v1", Pointer(DATA, Numbered(2)))
    assert world.target(V1) == 1


def test_a_fixed_ref_is_taken_away_by_its_own_word(world: World) -> None:
    """Then the name is free; a branch is none."""
    world.do("tag", "v1", FIRST)
    world.do("tag", "v1", FIRST, delete=True)
    assert world.target(V1) is None
    with pytest.raises(NotFound):
        world.do("tag", "v1", FIRST, delete=True)
    with pytest.raises(Invalid) as caught:
        world.do("tag", "main", Pointer(DATA, Named("main")), delete=True)
    assert caught.value.kind == "not-fixed"
    with pytest.raises(Invalid):
        world.do("tag", "v1", Pointer(AssetName(OTHER, "data", "flights"), Numbered(1)))


def test_a_service_is_not_tagged(world: World) -> None:
    """Each of its refs is a deployment, for which a server starts processes."""
    with pytest.raises(Invalid) as caught:
        world.do("tag", "v1", Pointer(AssetName(DATA.project, "service", "delay"), Numbered(1)))
    assert caught.value.kind == "tag-of-service"


def test_a_policy_holds_fixed_refs_too(world: World) -> None:
    """Making one and taking it away wait for approval; one that was proposed twice comes once."""
    world.policy(Policy("releases", ("data/*@v*",), approvals=Approvals(count=1, not_author=True)))
    first, second = world.do("tag", "v1", FIRST), world.do("tag", "v1", FIRST)
    assert (first.state, world.target(V1)) == ("proposed", None)
    for change in (first, second):
        world.do("approve", change.id, by=BOB)
    world.do("apply", first.id)
    with pytest.raises(Conflict):
        world.do("apply", second.id)
    assert world.do("tag", "v1", FIRST, delete=True).state == "proposed"
    assert world.target(V1) == 1


def test_what_became_fixed_while_a_change_waited_is_not_moved(world: World) -> None:
    """The change was proposed before, and is held against the ref as it is now."""
    world.data(b=b"2")
    world.do("branch", DATA, "free", at=Numbered(1))
    free = RefName(DATA, "free")
    world.policy(Policy("free", ("data/*@free",), approvals=Approvals(count=1, not_author=True)))
    change = world.do("propose", free, to=Numbered(2), why="newer")
    fixing = world.do("propose", free, to=Numbered(1), tier="fixed", why="keep it")
    for one in (change, fixing):
        world.do("approve", one.id, by=BOB)
    world.do("apply", fixing.id)
    with pytest.raises(Refused) as caught:
        world.do("apply", change.id)
    assert caught.value.kind == "ref-fixed"
