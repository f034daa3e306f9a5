from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.access.scopes import parse_scope
from loopline.errors import Refused
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.name import AssetName
from loopline.verbs.preparing import Source, Way, prepare, source_of

from .conftest import OTHER, PROJECT
from .projects import TINY

if TYPE_CHECKING:
    from loopline.nouns.token import Role

    from .projects import Project

VAULT = AssetName(OTHER, "data", "vault")
ABROAD = f"{OTHER}:data/vault"
SPY = TINY.replace('Data("data/flights")', f'Data("{ABROAD}")')
HIDDEN = TINY.replace('data: Data = Data("data/flights"), ', "").replace("read(data)", f'read(Data("{ABROAD}"))')


@pytest.fixture
def vault(project: Project) -> Project:
    """Give data/vault@1 of another project beside what there is."""
    project.abroad().do("add", VAULT, tree=project.tree(a_txt=b"40\n"), message="secret")
    return project


def asked_by(project: Project, roles: dict[str, Role], *scopes: str) -> Loop:
    """Give the loop as a worker has it for somebody who asked with a token."""
    caller = Caller(Actor("person", "bea", verified=True), roles, tuple(map(parse_scope, scopes or ("*",))))
    return replace(project.loop, actor=caller.actor, caller=caller)


def source(project: Project, **asked: str) -> Source:
    """Name the pipeline of the project."""
    return Source("train", project.code, ("tiny",), asked)


def test_preparing_writes_nothing(project: Project) -> None:
    """A plan is only read: the feed is as long as before."""
    with project.loop.ledger.read() as tx:
        before = tx.feed.head("flights").seq
    prepared = prepare(project.loop, source(project, plus="3"))
    assert prepared.pinned == {"plus": "3", "data": "data/flights@1"}
    with project.loop.ledger.read() as tx:
        assert tx.feed.head("flights").seq == before


def test_a_run_says_what_it_was_a_run_of(project: Project) -> None:
    """From what the ledger keeps of a run the same source can be named again."""
    ran = project.trained(params={"plus": "3"}, commit="abc", experiment="delay")
    again = source_of(ran.run)
    assert (again.pipeline, again.code, again.modules) == ("train", project.code, ("tiny",))
    assert (again.params, again.commit, again.experiment) == ({"plus": "3", "data": "data/flights@1"}, "abc", "delay")


def test_what_a_repetition_gives_is_not_known_to_later_runs() -> None:
    """Neither a repetition nor another environment feeds the cache."""
    assert Way().known
    assert Way(kind="check").known
    assert not Way(kind="reproduce").known
    assert not Way(python="/usr/bin/python3").known


@pytest.mark.parametrize("body", [SPY, HIDDEN])
def test_what_is_read_of_another_project_is_written_with_it(vault: Project, body: str) -> None:
    """Inputs and parameters name that project, no asset appears in this one, and a repetition reads the same again."""
    vault.write(tiny=body)
    ran = vault.trained()
    (link,) = ran.run.inputs
    assert (link.asset, link.number) == (ABROAD, 1)
    assert ran.run.params.get("data", f"{ABROAD}@1") == f"{ABROAD}@1"
    with vault.loop.ledger.read() as tx:
        assert tx.assets.find(AssetName(PROJECT, "data", "vault")) is None
    vault.abroad().do("add", VAULT, tree=vault.tree(a_txt=b"70\n"), message="more")
    repeat = vault.do("reproduce", ran.run.id, here=True, executor="inline")
    assert [(one.asset, one.number) for one in repeat.again.inputs] == [(ABROAD, 1)]
    assert repeat.equal
    assert not repeat.different


@pytest.mark.parametrize("body", [SPY, HIDDEN])
@pytest.mark.parametrize("there", [True, False])
def test_code_reaches_no_project_that_its_caller_may_not(project: Project, body: str, there: bool) -> None:  # noqa: FBT001 (a case)
    """A pipeline reads for whoever asked for it, and the answer is the same whether or not the asset is there."""
    if there:
        project.abroad().do("add", VAULT, tree=project.tree(a_txt=b"40\n"), message="secret")
    project.write(tiny=body)
    for roles, scopes in (
        ({PROJECT: "contributor"}, ()),
        ({PROJECT: "contributor", OTHER: "admin"}, ("*:flights",)),
        ({PROJECT: "contributor", OTHER: "admin"}, ("*:flights", "*:secret:env/*")),
    ):
        with pytest.raises(Refused) as caught:
            prepare(asked_by(project, roles, *scopes), source(project))  # type: ignore[arg-type]
        assert (caught.value.kind, caught.value.facts) == ("not-allowed", {"verb": "get", "project": OTHER})


def test_code_reaches_what_its_caller_may(vault: Project) -> None:
    """Who may look at the other project's asset, or run pipelines on it, has it read."""
    for body, roles, scopes in (
        (SPY, {PROJECT: "contributor", OTHER: "viewer"}, ()),
        (SPY, {PROJECT: "contributor", OTHER: "viewer"}, ("run:flights", "get:secret:data/vault")),
        (SPY, {PROJECT: "contributor", OTHER: "contributor"}, ("run",)),
        (TINY, {PROJECT: "contributor"}, ("run:flights", "get:secret:data/vault")),
    ):
        vault.write(tiny=body)
        prepare(asked_by(vault, roles, *scopes), source(vault))  # type: ignore[arg-type]


def test_of_its_own_project_too_a_narrow_token_has_only_its_share_read(project: Project) -> None:
    """Somebody who is kept to some assets has no others read by code, also where it is their own project's."""
    with pytest.raises(Refused) as caught:
        prepare(asked_by(project, {PROJECT: "contributor"}, "*:flights:model/*"), source(project))
    assert caught.value.facts == {"verb": "get", "project": PROJECT}
    prepare(asked_by(project, {PROJECT: "contributor"}, "*:flights:data/*"), source(project))


def test_who_was_asked_for_no_token_reads_what_they_like(vault: Project) -> None:
    """The owner of an embedded ledger, and whoever is on an open server, are held against nothing."""
    vault.write(tiny=SPY)
    for caller in (None, Caller(Actor("person", "bea"), open=True)):
        assert prepare(replace(vault.loop, caller=caller), source(vault)).pinned["data"] == f"{ABROAD}@1"
