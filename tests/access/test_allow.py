"""Role and scope together."""

from __future__ import annotations

import pytest

from loopline.access.allow import allowed, entered
from loopline.access.scopes import parse_scope
from loopline.errors import Refused
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.verbs import BY_NAME, VERBS

ANN = Actor("person", "ann", verified=True)


def test_role_and_scope_must_both_allow() -> None:
    """Neither makes up for the other."""
    reader = Caller(ANN, {"flights": "admin"}, (parse_scope("read"),))
    viewer = Caller(ANN, {"flights": "viewer"})
    for caller in (reader, viewer):
        allowed(caller, BY_NAME["why"], project="flights")
        with pytest.raises(Refused):
            allowed(caller, BY_NAME["log"], project="flights")


def test_another_project_is_another_project() -> None:
    """A role in one project opens no other."""
    with pytest.raises(Refused):
        allowed(Caller(ANN, {"flights": "admin"}), BY_NAME["why"], project="other")


def test_nobody_without_a_role_gets_in() -> None:
    """To be known is not to be allowed."""
    for verb in VERBS:
        if verb.name == "whoami":
            continue
        with pytest.raises(Refused):
            allowed(Caller(ANN), verb, project="flights")


def test_each_of_several_scopes_stands_for_itself() -> None:
    """Scopes add up by verb and asset, never mixed."""
    caller = Caller(ANN, {"*": "admin"}, (parse_scope("read:flights"), parse_scope("log:other")))
    allowed(caller, BY_NAME["why"], project="flights")
    allowed(caller, BY_NAME["log"], project="other")
    with pytest.raises(Refused):
        allowed(caller, BY_NAME["log"], project="flights")


def test_everybody_may_ask_who_they_are() -> None:
    """A token for one thing alone can still find out what that thing is, and nothing else."""
    caller = Caller(ANN, {}, (parse_scope("log:other:model/*"),))
    allowed(caller, BY_NAME["whoami"], project="flights")
    for name in ("issue", "revoke", "why"):
        with pytest.raises(Refused):
            allowed(caller, BY_NAME[name], project="flights")


def test_nobody_looks_around_where_they_have_no_right() -> None:
    """A role there and a token that is not kept to other projects; or a server that is open."""
    entered(Caller(ANN, {"flights": "viewer"}), project="flights")
    entered(Caller(ANN, {"*": "viewer"}, (parse_scope("log:flights:model/*"),)), project="flights")
    entered(Caller(ANN, open=True), project="flights")
    for caller in (
        Caller(ANN),
        Caller(ANN, {"other": "admin"}),
        Caller(ANN, {"flights": "admin"}, (parse_scope("read:other"),)),
        Caller(ANN, {"flights": "admin"}, ()),
    ):
        with pytest.raises(Refused):
            entered(caller, project="flights")


def test_an_open_server_lets_everybody() -> None:
    """On loopback, while nobody has a token, this machine's people may do everything."""
    for verb in VERBS:
        allowed(Caller(ANN, open=True), verb, project="flights")
