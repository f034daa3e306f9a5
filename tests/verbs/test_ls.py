from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import build
from loopline.errors import Invalid, NotFound
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.name import AssetName

from .conftest import DATA, PROJECT

if TYPE_CHECKING:
    from .conftest import World


def test_assets_are_listed_with_their_refs(guarded: World) -> None:
    """One line an asset, in order; a kind narrows it."""
    lines = guarded.do("ls")
    assert [str(one.asset) for one in lines] == ["data/flights", "model/delay", "policy/flights"]
    assert [str(ref.name) for ref in lines[0].refs] == ["data/flights@main"]
    assert [one.versions for one in guarded.do("ls", "model")] == [2]
    assert guarded.do("ls", "image") == ()


def test_a_typing_error_is_not_an_empty_list(world: World) -> None:
    """A kind that does not exist is said."""
    for wrong in ("dat", "models", "."):
        with pytest.raises(Invalid):
            world.do("ls", wrong)


def test_the_newest_version_is_one_that_is_there(guarded: World) -> None:
    """A deleted version is not shown as the newest."""
    guarded.do("delete", "model/delay@2")
    (line,) = guarded.do("ls", "model")
    assert line.newest.number == 1


def test_assets_are_paged_by_their_written_names(world: World) -> None:
    """Going on behind a name with signs in it skips nothing and repeats nothing."""
    names = ["a b", "a@x", "a/b", "ä", "z%"]
    for name in names:
        world.do("put", AssetName(PROJECT, "report", name), digest=world.loop.blobs.put(b"r"))
    seen, after = [], ""
    while page := world.do("ls", "report", after=after, limit=1):
        seen.append(page[0].asset.name)
        after = str(page[0].asset)
    assert sorted(seen) == sorted(names)


def test_files_are_listed_and_paged(world: World) -> None:
    """Files come in order; `after` goes on; a limit below 1 is refused."""
    world.data(a_csv=b"1", b_csv=b"2", c_csv=b"3")
    assert [one.path for one in world.do("ls", "data/flights", limit=2)] == ["a.csv", "b.csv"]
    assert [one.path for one in world.do("ls", "data/flights@2", after="b.csv")] == ["c.csv"]
    for limit in (0, -1):
        for what in ("", str(DATA)):
            with pytest.raises(Invalid):
                world.do("ls", what, limit=limit)


def test_one_blob_is_not_files(guarded: World) -> None:
    """A version that is a single blob says how to get it."""
    with pytest.raises(Invalid) as caught:
        guarded.do("ls", "model/delay@1")
    assert caught.value.kind == "not-a-tree"


def test_nothing_of_another_project_is_listed(world: World) -> None:
    """Not even names."""
    assert world.abroad().do("ls") == ()


def test_an_asset_is_listed_itself(guarded: World) -> None:
    """With `itself` an asset is one line with its refs, whatever its newest version is; one that is not there is none."""
    (line,) = guarded.do("ls", "model/delay", itself=True)
    assert (str(line.asset), line.versions, str(line.newest)) == ("model/delay", 2, "model/delay@2")
    with pytest.raises(NotFound):
        guarded.do("ls", "model/none", itself=True)


def test_one_level_of_a_folder_is_listed(world: World) -> None:
    """A level has its files and, counted, its folders; the level below is asked for by name."""
    put = world.loop.blobs.put
    tree = build(
        world.loop.blobs,
        [Entry("a.csv", put(b"1"), 1), Entry("jan/x.csv", put(b"22"), 2), Entry("jan/y/z", put(b"333"), 3)],
    )
    world.do("add", DATA, tree=tree, message="folders")
    assert [one.path for one in world.do("ls", "data/flights", folder="")] == ["a.csv", "jan/"]
    assert world.do("ls", "data/flights", folder="")[1] == Folder("jan/", 2, 5)
    assert [one.path for one in world.do("ls", "data/flights", folder="jan")] == ["jan/x.csv", "jan/y/"]
    assert [one.path for one in world.do("ls", "data/flights", folder="jan/", after="jan/x.csv")] == ["jan/y/"]
    assert world.do("ls", "data/flights", folder="feb") == ()
