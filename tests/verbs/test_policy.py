from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import Invalid, Refused
from loopline.nouns.change import ChangeState
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.trigger import Do, OnTime, Trigger

from .conftest import APPROVED

if TYPE_CHECKING:
    from .conftest import World


def test_the_policy_in_force_is_shown(world: World) -> None:
    """Before there is one there is none; afterwards it is what was put into force."""
    assert world.do("policy") == ()
    world.policy(APPROVED)
    assert world.do("policy") == (APPROVED,)


def test_a_policy_may_guard_itself(world: World) -> None:
    """Once a policy speaks of policy/…@main, replacing it waits for what it asks."""
    guard = Policy("rules", ("policy/*@main",), approvals=Approvals(count=1))
    world.policy(guard)
    weaker = dump_document(Document((), ())).decode()
    change = world.do("policy", document=weaker, why="less")
    assert change.state is ChangeState.PROPOSED
    assert world.do("policy") == (guard,)
    with pytest.raises(Refused):
        world.do("apply", change.id)


def test_a_broken_or_equal_document_is_refused(world: World) -> None:
    """Nothing that is not understood can come into force, and nothing moves to where it is."""
    world.policy(APPROVED)
    for document in ("{}", "nonsense", dump_document(Document((APPROVED,), ())).decode()):
        with pytest.raises(Invalid):
            world.do("policy", document=document, why="w")


def test_what_is_no_policy_does_not_come_into_force(world: World) -> None:
    """Other bytes under the policy's name would be in force as no policy at all."""
    world.policy(APPROVED)
    asset = AssetName("flights", "policy", "flights")
    world.do("put", asset, digest=world.loop.blobs.put(b"anything"))
    with pytest.raises(Invalid) as caught:
        world.do("propose", RefName(asset, "main"), to=Numbered(2), why="w")
    assert caught.value.kind == "not-a-policy"
    assert world.do("policy") == (APPROVED,)


def test_a_trigger_that_cannot_be_carried_out_does_not_come_into_force(world: World) -> None:
    """Whoever writes a document by hand is told as whoever writes a file, and nobody's ticks break on it."""
    wrong = Trigger("nightly", OnTime("0 25 * * *"), Do("train"))
    with pytest.raises(Invalid) as caught:
        world.do("policy", document=dump_document(Document(triggers=(wrong,))).decode(), why="test")
    assert caught.value.kind == "bad-schedule"
    assert world.do("triggers") == ()
