from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import EMPTY, Tree, build
from loopline.errors import Invalid, NotFound
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, RefName
from loopline.verbs import staging
from loopline.verbs.staging import look, written

from .conftest import DATA, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.staged import Staging

    from .conftest import World

MAIN = RefName(DATA, "main")


def tree(world: World, *paths: str, mode: int = 0o644) -> Digest:
    body = world.loop.blobs.put(b"x")
    return build(world.loop.blobs, [Entry(path, body, 1, mode) for path in sorted(paths)])


def there(world: World) -> list[str]:
    told: Staging = world.do("stage", MAIN)
    assert told.tree is not None
    return [one.path for one in Tree(world.loop.blobs, told.tree).iter()]


@pytest.fixture(params=[100, 1], ids=["rows", "folded"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in which many are staged."""
    monkeypatch.setattr(staging, "FEW", request.param)


def test_many_are_staged_at_once(world: World, few: None) -> None:
    """Files come and go together; the branch and the feed stay as they are, and a commit makes a version of exactly that."""
    before = len(world.events())
    told: Staging = world.do("stage", MAIN, tree=tree(world, "b.csv", "tmp/1", "tmp/2", mode=0o755))
    assert (told.ref, told.base.number if told.base else None, told.tree) == (MAIN, 1, None)
    assert there(world) == ["a.csv", "b.csv", "tmp/1", "tmp/2"]
    world.do("stage", MAIN, tree=tree(world, "tmp/3"), remove=["tmp/", "a.csv"])
    assert there(world) == ["b.csv", "tmp/3"]
    assert (world.target(MAIN), len(world.events())) == (1, before)
    root = world.do("stage", MAIN).tree
    assert world.do("commit", MAIN).version.artifact.digest == root
    assert Tree(world.loop.blobs, root).get("b.csv").mode == 0o755
    assert world.do("stage", MAIN).tree == root


def test_all_or_none(world: World, few: None) -> None:
    """Where one path would be a file and a folder, nothing is staged; a folder that goes in the same call is in nobody's way."""
    with pytest.raises(Invalid) as caught:
        world.do("stage", MAIN, tree=tree(world, "a.csv/inside", "fine"))
    assert caught.value.kind == "file-is-folder"
    assert there(world) == ["a.csv"]
    world.do("stage", MAIN, tree=tree(world, "a.csv/inside"), remove=["a.csv"])
    assert there(world) == ["a.csv/inside"]
    world.do("stage", MAIN, tree=tree(world, "a.csv"), remove=["a.csv/"])
    assert there(world) == ["a.csv"]


def test_what_is_noted_of_a_path_goes_with_its_bytes(world: World, few: None) -> None:
    """Content types and markers of what is written over or removed do not stay."""
    for row in (
        written("n.csv", world.loop.blobs.put(b"y"), 1, notes='{"type":"text/csv"}'),
        written("kept/", EMPTY, 0),
    ):
        staging.stage(world.loop, MAIN, row)
    world.do("stage", MAIN, tree=tree(world, "n.csv", "other"), remove=["kept/"])
    over = look(world.loop, MAIN).overlay(world.loop)
    assert [(one.path, over.notes(one)) for one in over.iter()] == [("a.csv", ""), ("n.csv", ""), ("other", "")]


def test_a_branch_without_a_version(world: World, few: None) -> None:
    """The first branch of an asset that has none is empty, and can be staged on; any other has to be there."""
    new = RefName(AssetName(PROJECT, "data", "new"), "main")
    with pytest.raises(NotFound):
        world.do("stage", new)
    world.do("bucket", "new-data", new)
    told: Staging = world.do("stage", new)
    assert (told.base, told.tree) == (None, EMPTY)
    assert list(Tree(world.loop.blobs, EMPTY).iter()) == []
    world.do("stage", new, tree=tree(world, "one", "two"))
    assert Tree(world.loop.blobs, world.do("stage", new).tree).count == 2
    with pytest.raises(NotFound):
        world.do("stage", RefName(DATA, "nope"), tree=tree(world, "one"))


def test_many_at_the_same_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stages many while somebody else stages one loses nothing of either."""
    monkeypatch.setattr(staging, "FEW", 1)
    plain, once = staging._folded_in, list[int]()

    def folded(*args: object) -> object:
        if not once:
            once.append(1)
            staging.stage(world.loop, MAIN, written("meanwhile", world.loop.blobs.put(b"x"), 1))
        return plain(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "_folded_in", folded)
    world.do("stage", MAIN, tree=tree(world, "one", "two"))
    assert there(world) == ["a.csv", "meanwhile", "one", "two"]


def test_who_is_far_away_may_read_what_is_staged(world: World) -> None:
    """The tree that is told is the project's own, with every node and file below it, also for who is kept to that asset."""
    from loopline.verbs.holding import held, within

    node = build(world.loop.blobs, [Entry("one", world.loop.blobs.put(b"new"), 3)])
    world.do("stage", MAIN, tree=node)
    root = world.do("stage", MAIN).tree
    wanted = {root, Tree(world.loop.blobs, root).get("one").digest}
    assert held(world.loop, wanted) == wanted
    assert within(world.loop, [str(DATA)], wanted) == wanted
    assert within(world.loop, ["data/other"], wanted) == set()
    assert held(world.loop, [node]) == set()
