"""Files of runs: staged, and sealed when the run ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, LooplineError, NotFound
from loopline.loop import Loop
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import digest_of, short
from loopline.nouns.logged import LoggedState
from loopline.nouns.owner import Owner
from loopline.nouns.run import RunState
from loopline.verbs.filing import children, drop, file_of, keep, of_run, ready, seal, view
from loopline.verbs.modelling import begin, end
from loopline.verbs.staging import refold

from .conftest import PROJECT, World


def owner(world: World) -> Owner:
    """Begin a run."""
    return of_run(world.do("start", "train"))


def put(world: World, to: Owner, path: str, body: bytes = b"x") -> None:
    """Store bytes and file them."""
    keep(world.loop, to, path, Artifact(world.loop.blobs.put(body), size=len(body)))


def paths(world: World, of: Owner) -> list[str]:
    """List all files."""
    return [found.path for found in view(world.loop, of).iter()]


def sealed(world: World, of: Owner) -> list[str]:
    """List the files in the outputs of a run, which must be one tree or none."""
    with world.loop.ledger.read() as tx:
        links = tx.runs.get(of.id).outputs
    assert [(link.name, link.media_type) for link in links] in ([], [("artifacts", TREE)])
    return [entry.path for link in links for entry in Tree(world.loop.blobs, link.digest).iter()]


def test_a_file_is_read_as_it_was_put_last(world: World) -> None:
    """Of the same path the last one counts; the project holds its bytes; what is not there is not found."""
    run = owner(world)
    put(world, run, "a.txt", b"one")
    put(world, run, "a.txt", b"two")
    found = file_of(world.loop, run, "a.txt").entry
    assert world.loop.blobs.read(found.digest) == b"two"
    with world.loop.ledger.read() as tx:
        assert tx.holdings.among(PROJECT, [found.digest]) == {found.digest}
    for path in ("b.txt", "", "a.txt/b"):
        with pytest.raises(NotFound) as caught:
            file_of(world.loop, run, path)
        assert caught.value.kind == "no-file"


def test_a_folder_lists_what_lies_directly_in_it(world: World) -> None:
    """Files with sizes, folders without, each once, whatever lies deeper and however much is folded."""
    run = owner(world)
    for path in ("b/1", "b/2/3", "b.txt", "b-c", "a", "c/d/e/f"):
        put(world, run, path, path.encode())
    for fold in (False, True):
        if fold:
            refold(world.loop, run)
        files = view(world.loop, run)
        assert [(one.path, one.size) for one in children(files, "")] == [
            ("a", 1), ("b-c", 3), ("b.txt", 5), ("b", None), ("c", None),
        ]  # fmt: skip
        assert [one.path for one in children(files, "b")] == ["b/1", "b/2"]
        assert list(children(files, "none")) == []


def test_a_file_and_a_folder_do_not_share_a_path(world: World) -> None:
    """Neither the one over the other nor the other way round."""
    run = owner(world)
    put(world, run, "a/b")
    for path in ("a", "a/b/c"):
        with pytest.raises(Invalid) as caught:
            put(world, run, path)
        assert caught.value.kind == "file-is-folder"


def test_a_folder_goes_with_all_below(world: World) -> None:
    """Not what only begins like it; the root is everything; dropping nothing is no error."""
    run = owner(world)
    for path in ("a/1", "a/b/2", "ab", "c"):
        put(world, run, path)
    drop(world.loop, run, "a")
    assert paths(world, run) == ["ab", "c"]
    drop(world.loop, run, "c")
    drop(world.loop, run, "c")
    assert paths(world, run) == ["ab"]
    drop(world.loop, run, "")
    assert paths(world, run) == []


def test_what_a_run_has_becomes_its_output_when_it_ends(world: World) -> None:
    """However it ends; a run without files has no output; the event tells the digest."""
    run, empty = owner(world), owner(world)
    put(world, run, "a/1")
    put(world, run, "b")
    for one in (run, empty):
        world.do("finish", one.id, state=RunState.FAILED)
    assert (sealed(world, run), sealed(world, empty)) == (["a/1", "b"], [])
    event = world.events()[-2]
    assert (event.kind, "files" in (event.payload or {})) == ("run.finished", True)


def test_what_comes_after_the_end_is_sealed_anew(world: World) -> None:
    """Written and taken away; each time there is one output."""
    run = owner(world)
    put(world, run, "a")
    world.do("finish", run.id)
    put(world, run, "b")
    assert sealed(world, run) == ["a", "b"]
    drop(world.loop, run, "a")
    assert sealed(world, run) == ["b"]
    seal(world.loop, run)
    assert sealed(world, run) == ["b"]


def test_a_run_that_goes_on_is_sealed_again_at_its_next_end(world: World) -> None:
    """Meanwhile files are only staged."""
    run = owner(world)
    put(world, run, "a")
    world.do("finish", run.id)
    world.do("start", "train", run=run.id, again=True)
    put(world, run, "b")
    assert sealed(world, run) == ["a"]
    world.do("finish", run.id)
    assert sealed(world, run) == ["a", "b"]


def test_a_file_that_comes_while_the_run_ends_is_in_the_output(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing sees that somebody was faster than the folding, and folds again."""
    run = owner(world)
    put(world, run, "a")
    late, folds = ["late"], list[int]()

    def slow(loop: Loop, of: Owner) -> None:
        refold(loop, of)
        folds.append(1)
        if late:
            put(world, run, late.pop())

    monkeypatch.setattr("loopline.verbs.finish.refold", slow)
    world.do("finish", run.id)
    assert (sealed(world, run), len(folds)) == (["a", "late"], 2)


def test_nothing_is_filed_on_what_is_gone(world: World) -> None:
    """A deleted run or model, one of another project, none at all; it is told before bytes are sent."""
    gone, nowhere = owner(world), Owner(PROJECT, "run", "0" * 32)
    world.do("delete", gone.id)
    with world.loop.ledger.read() as tx:
        experiment = tx.experiments.get(PROJECT, "default")
    model = begin(world.loop, experiment, "clf")
    world.do("delete", model.id)
    elsewhere = Owner("secret", "run", owner(world).id)
    tried: tuple[Callable[[Owner], None], ...] = (lambda one: ready(world.loop, one), lambda one: put(world, one, "a"))
    for of, kind in (
        (gone, "owner-deleted"),
        (model.owner, "owner-deleted"),
        (nowhere, "no-run"),
        (elsewhere, "no-run"),
    ):
        for act in tried:
            with pytest.raises(LooplineError) as caught:
                act(of)
            assert caught.value.kind == kind


def test_a_finished_model_takes_nothing_and_loses_nothing(world: World) -> None:
    """It is an artifact by now."""
    run = owner(world)
    with world.loop.ledger.read() as tx:
        group = tx.experiments.get(PROJECT, "default")
    model = begin(world.loop, group, "clf", run=run.id)
    put(world, model.owner, "MLmodel")
    end(world.loop, model.id, LoggedState.READY)
    with pytest.raises(Conflict) as caught:
        put(world, model.owner, "more")
    assert caught.value.kind == "model-sealed"
    with pytest.raises(Conflict) as caught:
        drop(world.loop, model.owner, "MLmodel")
    assert caught.value.kind == "model-sealed"
    assert paths(world, model.owner) == ["MLmodel"]


def test_verify_misses_no_file_of_what_is_deleted(world: World) -> None:
    """After it was reclaimed; of a run that is there a lost file is found."""
    run, lost = owner(world), owner(world)
    put(world, run, "a", b"reclaimed")
    put(world, lost, "b", b"lost")
    world.do("delete", run.id)
    for body in (b"reclaimed", b"lost"):
        world.loop.blobs.delete(digest_of(body))
    said = " ".join(str(one) for one in world.do("verify", level=2))
    assert (short(digest_of(b"lost")) in said, short(digest_of(b"reclaimed")) in said) == (True, False)
