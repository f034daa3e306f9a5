from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.verbs.hooking import OFF, Wanted, hook, hook_of, hooks, rehook, secret_of, unhook

if TYPE_CHECKING:
    from loopline.loop import Loop

    from .conftest import World

URL = "https://chat.example.org/hook"
WANTED = Wanted(URL, "chat", ("model_version.*",), "d", "secret")


@pytest.fixture
def keyed(world: World) -> Loop:
    """Give a loop with a key to keep secrets with."""
    return replace(world.loop, key=lambda: b"k" * 32)


def secret(loop: Loop, number: str) -> str:
    with loop.ledger.read() as tx:
        return secret_of(loop, tx, hook_of(loop, number).subscription)


def test_a_hook_keeps_what_it_is_given_and_no_event_its_secret(world: World, keyed: Loop) -> None:
    """It begins with what happens from then on."""
    made = hook(keyed, WANTED)
    assert (made.description, made.on, made.subscription.kinds) == ("d", True, ("model_version.*",))
    assert made.subscription.secret == "sealed:"
    assert secret(keyed, made.subscription.id) == "secret"
    assert world.events()[-1].kind == "subscription.created"
    assert hooks(keyed, limit=5)[0].subscription.id == made.subscription.id
    with pytest.raises(Conflict):
        hook(keyed, WANTED)


def test_what_is_not_said_stays(keyed: Loop) -> None:
    """A secret that is taken away is gone, and a new one is the only one."""
    number = hook(keyed, WANTED).subscription.id
    assert rehook(keyed, number, Wanted(name="new")).subscription.url == URL
    assert secret(keyed, number) == "secret"
    rehook(keyed, number, Wanted(secret="other"))
    assert secret(keyed, number) == "other"
    assert rehook(keyed, number, Wanted(secret="")).subscription.secret == ""
    with pytest.raises(Unavailable):
        secret(keyed, number)


def test_switching_off_and_on_leaves_out_what_happened_meanwhile(world: World, keyed: Loop) -> None:
    """One that the relay has paused goes on where it was."""
    number = hook(keyed, WANTED).subscription.id
    off = rehook(keyed, number, Wanted(on=False))
    assert (off.on, off.subscription.error) == (False, OFF)
    world.do("start", "a")
    on = rehook(keyed, number, Wanted(on=True))
    assert on.on
    assert on.subscription.position == len(world.events())
    with world.loop.ledger.telemetry() as tx:
        tx.subscriptions.pause(on.subscription, "refused there")
    world.do("start", "b")
    again = rehook(keyed, number, Wanted(on=True))
    assert (again.on, again.subscription.position) == (True, on.subscription.position)


def test_a_change_that_cannot_be_changes_nothing(keyed: Loop) -> None:
    """All of it holds, or none."""
    number = hook(keyed, WANTED).subscription.id
    hook(keyed, replace(WANTED, name="taken"))
    for wrong, error in (
        (Wanted(url="x", secret="new"), Invalid), (Wanted(name="a b", secret="new"), Invalid),
        (Wanted(name="taken", secret="new"), Conflict),
    ):  # fmt: skip
        with pytest.raises(error):
            rehook(keyed, number, wrong)
    assert hook_of(keyed, number).subscription.name == "chat"
    assert secret(keyed, number) == "secret"


def test_nobody_finds_a_hook_of_another_project_or_what_is_none(world: World, keyed: Loop) -> None:
    """Nor changes or ends one."""
    number = hook(keyed, WANTED).subscription.id
    own = world.do("subscribe", URL, name="own", secret="env:X")
    for loop, one in ((world.abroad().loop, number), (keyed, own.id), (keyed, "0" * 32)):
        for do in (hook_of, unhook, lambda loop, one: rehook(loop, one, Wanted())):
            with pytest.raises(NotFound):
                do(loop, one)
    unhook(keyed, number)
    assert hooks(keyed, limit=5) == ()


def test_a_secret_is_not_taken_where_there_is_no_key(world: World) -> None:
    """It would be kept in the open, or lost."""
    with pytest.raises(Unavailable):
        hook(replace(world.loop, key=None), WANTED)
    assert world.do("find", "subscriptions") == ()
