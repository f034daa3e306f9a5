from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Refused
from loopline.nouns.name import AssetName
from loopline.nouns.person import Person
from loopline.verbs.find import find
from loopline.verbs.grant import grant
from loopline.verbs.permitting import may_ask, may_read, roles_of

from .conftest import ANN, BOB, MODEL, SRE
from .test_issue import give, over_the_wire

if TYPE_CHECKING:
    from .conftest import World


def test_the_greatest_role_counts_and_nobody_shut_out_has_any(world: World) -> None:
    """A role by a team and one of one's own meet."""
    give(world, BOB, "viewer")
    world.do("grant", "bob", "team/ml")
    world.do("grant", "team/ml", "role/approver")
    with world.loop.ledger.write("flights", ANN) as tx:
        assert roles_of(tx, str(BOB)) == {"flights": "approver"}
        tx.people.disable(str(BOB))
        tx.say("person.disabled", str(BOB))
        assert roles_of(tx, str(BOB)) == {}


def test_a_maintainer_gives_roles_up_to_their_own(world: World) -> None:
    """Not admin, not everywhere, and not by way of a team that can do more."""
    give(world, BOB, "maintainer")
    world.do("grant", "team/ops", "role/admin", everywhere=True)
    asker = over_the_wire(world, BOB)
    grant(asker, "eve", "role/approver")
    for who, role, everywhere in (
        ("eve", "role/admin", False),
        ("eve", "role/viewer", True),
        ("bob", "team/ops", False),
        ("bob", "team/ops", True),
    ):
        with pytest.raises(Refused):
            grant(asker, who, role, everywhere=everywhere)


def test_a_token_for_a_project_grants_nothing_everywhere(world: World) -> None:
    """An admin's token that is kept to one project gives no right in all of them."""
    give(world, BOB, "admin", everywhere=True)
    asker = over_the_wire(world, BOB, "grant:flights")
    grant(asker, "eve", "role/viewer")
    with pytest.raises(Refused) as caught:
        grant(asker, "eve", "role/viewer", everywhere=True)
    assert caught.value.kind == "beyond-your-scope"


def test_nobody_takes_from_somebody_who_has_more(world: World) -> None:
    """A maintainer of one project cannot shut an admin out of it."""
    give(world, BOB, "maintainer")
    give(world, ANN, "admin", everywhere=True)
    give(world, ANN, "viewer")
    with pytest.raises(Refused):
        grant(over_the_wire(world, BOB), "ann", "role/viewer", revoke=True)


def test_the_last_admin_stays(world: World) -> None:
    """A server is not locked by its only admin."""
    give(world, ANN, "admin", everywhere=True)
    asker = over_the_wire(world, ANN)
    with pytest.raises(Conflict) as caught:
        grant(asker, "ann", "role/admin", revoke=True, everywhere=True)
    assert caught.value.kind == "last-admin"
    grant(asker, "bob", "role/admin", everywhere=True)
    grant(asker, "ann", "role/admin", revoke=True, everywhere=True)


def test_what_a_role_sees_of_others(world: World) -> None:
    """An admin lists everybody's tokens, a maintainer those of the project, anybody else their own."""
    abroad = world.abroad()
    give(world, BOB, "contributor")
    give(world, ANN, "viewer")
    give(abroad, SRE, "viewer")
    for who in (ANN, BOB, SRE):
        world.do("issue", who.name, actor=who)
    with world.loop.ledger.telemetry() as tx:
        for who in (ANN, BOB, SRE):
            tx.people.see(Person(str(who)))

    def names(what: str, of: World) -> set[str]:
        listed = find(over_the_wire(of, BOB), what)  # type: ignore[arg-type]
        return {one.actor.partition(":")[2] for one in listed}  # type: ignore[union-attr]

    for what in ("tokens", "people"):
        assert names(what, world) == {"bob"}
    give(world, BOB, "maintainer")
    for what in ("tokens", "people"):
        assert names(what, world) == {"ann", "bob"}
        assert names(what, abroad) == {"bob"}
    give(world, BOB, "admin", everywhere=True)
    for what in ("tokens", "people"):
        assert names(what, abroad) == {"ann", "bob", "sre"}


def test_what_words_name_is_held_against_who_asks(world: World) -> None:
    """Each project that a request names is asked about, this one last; the owner of a ledger is held against nothing."""
    give(world, BOB, "contributor")
    asker = over_the_wire(world, BOB)
    may_ask(asker, "reproduce", {"run": "0123"})
    for words in ({"run": "secret:model/x@1"}, {"pipeline": "train", "params": {"data": "secret:data/x"}}):
        with pytest.raises(Refused) as caught:
            may_ask(asker, "reproduce" if "run" in words else "run", words)
        assert caught.value.facts["project"] == "secret"
        may_ask(world.loop, "run", words)
    with pytest.raises(Refused):
        may_ask(asker, "verify", {})


def test_what_code_names_is_held_against_who_asks(world: World) -> None:
    """An asset of another project needs a right there, to look or to run; the own project's only where the token is narrow."""
    give(world, BOB, "contributor")
    vault = AssetName("secret", "data", "vault")
    for scopes in ((), ("*:flights:data/*",)):
        with pytest.raises(Refused):
            may_read(over_the_wire(world, BOB, *scopes), vault)
    may_read(over_the_wire(world, BOB), MODEL)
    may_read(over_the_wire(world, BOB, "get:flights:model/*"), MODEL)
    with pytest.raises(Refused):
        may_read(over_the_wire(world, BOB, "get:flights:data/*"), MODEL)
    may_read(world.loop, vault)
