from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.nouns.name import Numbered
from loopline.verbs import load
from loopline.verbs.touching import ALL, named, touched
from loopline.verbs.usage import read, usage_of

from .conftest import CHAMPION, DATA, PROJECT

if TYPE_CHECKING:
    from .conftest import World

EVERYTHING = {(PROJECT, ALL)}


def ask(world: World, verb: str, **words: Any) -> set[tuple[str, str]]:
    """Tell what a request touches, as it comes over a wire."""
    return touched(world.loop, verb, read(usage_of(load(verb)), words, project=PROJECT))


def test_a_declaration_names_its_models(world: World) -> None:
    """Models that travel inside of a declaration are held against the caller as those that are written alone."""
    arms = [{"name": "main", "model": "secret:model/okapi@champion"}]
    words = {"ref": "service/delay@prod", "declared": {"name": "service/delay", "arms": arms}}
    assert ("secret", "model/okapi") in named(
        world.loop, "deploy", read(usage_of(load("deploy")), words, project=PROJECT)
    )


@pytest.mark.parametrize(
    ("verb", "words", "assets"),
    [
        ("get", {"pointer": "model/delay@champion"}, {"model/delay"}),
        ("diff", {"old": "data/a@1", "new": "data/b@2"}, {"data/a", "data/b"}),
        ("put", {"asset": "report/x", "digest": "sha256:" + "0" * 64}, {"report/x"}),
        ("history", {"what": "data/flights@main"}, {"data/flights"}),
        ("show", {"what": "model/delay@2"}, {"model/delay"}),
        ("ls", {"what": "data/flights@2"}, {"data/flights"}),
        ("ls", {"what": "data"}, {"data/*"}),
        ("why", {"what": "model/delay@champion"}, {"model/delay"}),
        ("delete", {"what": "report/old"}, {"report/old"}),
        ("policy", {}, {"policy/flights"}),
        ("propose", {"ref": "model/delay@champion", "to": "1", "why": "x", "also": {"data/flights@main": "data/other@2"}},
         {"model/delay", "data/flights", "data/other"}),
        ("log", {"run": "0a", "inputs": [{"name": "i", "digest": "sha256:" + "0" * 64, "asset": "data/x"}]}, {"data/x"}),
        ("start", {"name": "x"}, set()),
        ("whoami", {}, set()),
    ],
)  # fmt: skip
def test_words_name_assets(world: World, verb: str, words: dict[str, Any], assets: set[str]) -> None:
    """A name in any word of a request is something that it touches."""
    assert ask(world, verb, **words) == {(PROJECT, asset) for asset in assets}


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("find", {}), ("ls", {}), ("search", {"words": "x"}), ("feed", {}), ("overview", {}), ("why", {"what": "0abc"}),
        ("impact", {"what": "pkg:numpy"}), ("impact", {"what": "sha256:" + "0" * 64}), ("delete", {"what": "0abc"}),
        ("run", {"pipeline": "train"}), ("check", {"change": "0abc"}), ("verify", {}), ("apply", {"change": "0abc"}),
        ("show", {"what": "ffff"}), ("approve", {"change": "model/none@champion"}),
        ("rollback", {"ref": "model/no@x", "why": "x"}),
    ],
)  # fmt: skip
def test_what_cannot_be_told_touches_everything(world: World, verb: str, words: dict[str, Any]) -> None:
    """A search, a digest, code that runs, a change that is not there: who is kept to some assets is refused."""
    assert (PROJECT, ALL) in ask(world, verb, **words)


def test_a_change_touches_what_it_moves(guarded: World) -> None:
    """Whoever reviews, approves, applies or withdraws a change is held against every ref of it, however it is named."""
    change = guarded.propose(1)
    moved = {(PROJECT, "model/delay")}
    for verb in ("review", "approve", "apply", "withdraw", "comment"):
        words = {"change": change.id} | ({"text": "x"} if verb == "comment" else {})
        assert ask(guarded, verb, **words) == moved
        assert ask(guarded, verb, **(words | {"change": "model/delay@champion"})) == moved
    assert ask(guarded, "show", what=change.id) == moved


def test_a_rollback_touches_all_that_it_takes_back(world: World) -> None:
    """The newest change of a ref is taken back whole: its other refs are touched as well."""
    world.train(b"one")
    world.train(b"two")
    world.do("propose", CHAMPION, to=Numbered(1), why="x", also={"data/flights@prod": "1"})
    both = {(PROJECT, "model/delay"), (PROJECT, "data/flights")}
    assert ask(world, "rollback", ref="model/delay@champion", why="x") == both
    assert ask(world, "rollback", ref="data/flights@prod", why="x") == both


def test_an_incident_touches_what_it_is_about(world: World) -> None:
    """Whoever opens, blames, resolves or speaks of an incident is held against its asset and all that its changes have moved."""
    world.train(b"one")
    change = world.do("propose", CHAMPION, to=Numbered(1), why="x", also={"data/flights@prod": "1"})
    both = {(PROJECT, "model/delay"), (PROJECT, "data/flights")}
    blamed, alone = world.do("incident", "late", caused_by=change.id), world.do("incident", "odd", about=DATA)
    assert ask(world, "incident", title="late", caused_by=str(CHAMPION)) == both
    assert ask(world, "incident", title="late", about="data/flights") == {(PROJECT, "data/flights")}
    assert ask(world, "incident", title="later", edit=blamed.id, why="x") == both
    for verb in ("resolve", "reopen"):
        assert ask(world, verb, incident=blamed.id, why="x") == both
        assert ask(world, verb, incident=alone.id, why="x") == {(PROJECT, "data/flights")}
    assert ask(world, "blame", incident=alone.id, change=change.id, why="x") == both
    assert ask(world, "comment", change=blamed.id, text="x") == both
    assert ask(world, "show", what=alone.id) == {(PROJECT, "data/flights")}


def test_an_incident_that_names_nothing_touches_everything(world: World) -> None:
    """What it is about cannot be told, and neither what digits mean that begin several things."""
    made = world.do("incident", "late")
    assert ask(world, "resolve", incident=made.id, why="x") == {(PROJECT, ALL)}
    assert ask(world, "incident", title="late") == {(PROJECT, ALL)}
    world.train(b"one")
    change = world.propose(1)
    about = world.do("incident", "late", about=DATA)
    shared = "".join(one for one, two in zip(change.id, about.id, strict=True) if one == two)[:8]
    assert ask(world, "comment", change=shared, text="x") == {(PROJECT, ALL)}


def test_what_moves_with_others_touches_everything(world: World) -> None:
    """Which data, code and environment move together with a model is not in the words."""
    assert (PROJECT, ALL) in ask(world, "propose", ref="model/delay@champion", to="1", why="x", together=True)


def test_other_projects_are_named(world: World) -> None:
    """A name of another project touches that project, in every place where a name may stand."""
    for verb, words in (
        ("get", {"pointer": "secret:model/x@1"}), ("show", {"what": "secret:model/x@1"}), ("ls", {"what": "secret:model/x@1"}),
        ("history", {"what": "secret:model/x"}), ("why", {"what": "secret:model/x@1"}), ("card", {"pointer": "secret:model/x"}),
    ):  # fmt: skip
        typed = read(usage_of(load(verb)), words, project=PROJECT)
        assert ("secret", "model/x") in named(world.loop, verb, typed)
    typed = read(usage_of(load("run")), {"pipeline": "t", "params": {"data": "secret:data/x@1"}}, project=PROJECT)
    assert ("secret", "data/x") in named(world.loop, "run", typed)
