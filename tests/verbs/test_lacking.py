from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import NotFound, Unavailable
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.name import Numbered
from loopline.nouns.token import Scope
from loopline.store.blobs import absent, corrupt
from loopline.verbs import lacking
from loopline.verbs.lacking import TOLD, name_touched, telling, touched

from .conftest import DATA, OTHER

if TYPE_CHECKING:
    from .conftest import World

A = digest_of(b"1\n")


def test_versions_are_named_with_their_refs(world: World) -> None:
    """Every version that holds a file, and every ref at one of them; what is current comes first."""
    world.do("branch", DATA, "old")
    world.data(a_csv=b"1\n", b_csv=b"2")
    world.data(b_csv=b"2")
    assert touched(world.loop, A) == ("data/flights@1", "data/flights@old", "data/flights@2")
    assert touched(world.loop, digest_of(b"2")) == ("data/flights@3", "data/flights@main", "data/flights@2")


def test_a_node_and_a_blob_alone_are_found(guarded: World) -> None:
    """The root of a tree touches its version, and so does a blob that is one."""
    root = guarded.do("show", "data/flights@1").artifact.digest
    assert touched(guarded.loop, root) == ("data/flights@1", "data/flights@main")
    assert touched(guarded.loop, digest_of(b"one")) == ("model/delay@1",)


def test_a_file_deep_in_a_tree_is_found(world: World) -> None:
    """Trees of several levels are searched to their leaves, also where another node of them is lost."""
    files: dict[str, Any] = {f"f{number}_csv": b"%d" % number for number in range(5000)}
    world.data(**files)
    root = world.do("show", "data/flights@2").artifact.digest
    world.loop.blobs.delete(A)
    assert touched(world.loop, digest_of(b"4321")) == ("data/flights@2", "data/flights@main")
    world.damage(root)
    assert touched(world.loop, digest_of(b"4321")) == ()


def test_an_error_about_lost_bytes_says_what_it_touches(world: World) -> None:
    """Names in the message and the facts, and a next step, once."""
    for error in (absent(A), corrupt(A, digest_of(b""), 2)):
        name_touched(world.loop, error)
        assert error.facts["touches"] == ["data/flights@1", "data/flights@main"]
        assert "data/flights@main" in str(error)
        assert error.hint.startswith("loopline verify --deep")
        said = error.message
        name_touched(world.loop, error)
        assert error.message == said


def test_many_names_are_counted(world: World) -> None:
    """A few are named, in the message and the facts, and that there are more; nothing is looked for beyond."""
    for number in range(9):
        world.do("branch", DATA, f"b{number}")
    error = absent(A)
    name_touched(world.loop, error)
    assert (len(error.facts["touches"]), len(touched(world.loop, A))) == (TOLD, TOLD + 1)
    assert "data/flights@b4 and more" in error.message


def test_other_errors_stay_as_they_are(world: World) -> None:
    """What is about no bytes, or about bytes that are in nothing, is told as it was."""
    errors = (
        NotFound("x", kind="no-run", digest=A),
        absent(digest_of(b"nowhere")),
        Unavailable("x", kind="blob-corrupt"),
    )
    for error in errors:
        before = (error.message, error.hint, dict(error.facts))
        name_touched(world.loop, error)
        assert (error.message, error.hint, error.facts) == before


def test_a_stranger_is_told_no_names(world: World) -> None:
    """Another project has nothing to do with it, and who is kept to some assets may not know the others."""
    error = absent(A)
    name_touched(world.abroad().loop, error)
    assert world.abroad().loop.project == OTHER
    kept = Caller(Actor("token", "ci"), scopes=(Scope(("*",), "*", "model/*"),))
    name_touched(replace(world.loop, caller=kept), error)
    assert "touches" not in error.facts
    name_touched(replace(world.loop, caller=Caller(Actor("person", "ann"), open=True)), error)
    assert "touches" in error.facts


def test_a_search_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error waits for no more than so many nodes; the version itself is compared all the same."""
    monkeypatch.setattr(lacking, "NODES", 0)
    assert touched(world.loop, A) == ()
    root: Digest = world.do("show", "data/flights@1").artifact.digest
    assert touched(world.loop, root) == ("data/flights@1", "data/flights@main")


def test_so_many_versions_are_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a ref stands at is looked at first, then the newest of all assets; beyond the bound nothing is read."""
    world.do("branch", DATA, "old", at=Numbered(1))
    for text in (b"2", b"3", b"4"):
        world.data(a_csv=text)
    asked = digest_of(b"2")
    monkeypatch.setattr(lacking, "VERSIONS", 3)
    assert touched(world.loop, A) == ("data/flights@1", "data/flights@old")
    assert touched(world.loop, asked) == ()
    monkeypatch.setattr(lacking, "VERSIONS", 4)
    assert touched(world.loop, asked) == ("data/flights@2",)


def test_whatever_is_raised_within_is_told(world: World) -> None:
    """The context hands the error on with its names."""
    with pytest.raises(NotFound) as caught, telling(world.loop):
        raise absent(A)
    assert "data/flights@main" in caught.value.facts["touches"]
