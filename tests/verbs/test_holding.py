from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from loopline.datasets.tree import Tree, build
from loopline.errors import Invalid, NotFound
from loopline.nouns.artifact import BYTES, TREE
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.run import Link
from loopline.verbs import holding
from loopline.verbs.holding import claimed, held, readable, took, within
from loopline.verbs.staging import notes_of

from .conftest import DATA, PROJECT

if TYPE_CHECKING:
    from .conftest import World

MANY = AssetName(PROJECT, "data", "many")


def many(world: World, count: int, *, first: bytes = b"x") -> tuple[Digest, list[Digest]]:
    """Store a tree of several nodes and give its root and its files."""
    blobs = world.loop.blobs
    files = [blobs.put(b"%s%d" % (first, number)) for number in range(count)]
    return build(blobs, [Entry(f"{at:06}.txt", one, 4) for at, one in enumerate(files)]), files


def test_what_a_version_holds_is_its_projects(world: World) -> None:
    """The files and nodes of a version are held by its project and by no other, without anybody having uploaded them."""
    root, files = many(world, 2000)
    world.do("add", MANY, tree=root)
    nodes = set(Tree(world.loop.blobs, root).nodes())
    assert len(nodes) > 2
    assert held(world.loop, [*files, *nodes]) == {*files, *nodes}
    assert held(world.abroad().loop, [*files, root]) == set()
    with world.loop.ledger.read() as tx:
        assert root not in tx.holdings.roots(PROJECT)


def test_a_tree_is_walked_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question reads a tree; the next ones read nothing."""
    root, files = many(world, 500)
    world.do("add", MANY, tree=root)
    assert held(world.loop, files[:1]) == {files[0]}
    monkeypatch.setattr(type(world.loop.blobs), "read", None)
    assert held(world.loop, files) == set(files)
    assert held(world.loop, [digest_of(b"nobody's")]) == set()


def test_to_know_a_digest_is_not_to_have_it(world: World) -> None:
    """What the store keeps for others looks as if it were not there, until the bytes are brought."""
    digest = world.loop.blobs.put(b"theirs")
    took(world.abroad().loop, [digest])
    with pytest.raises(NotFound) as caught:
        readable(world.loop, digest)
    with pytest.raises(NotFound) as absent:
        readable(world.loop, digest_of(b"nowhere"))
    digits = re.compile(r"sha256:\w+|\w{12}")
    assert digits.sub("", caught.value.message) == digits.sub("", absent.value.message)
    took(world.loop, [digest])
    assert readable(world.loop, digest) == digest


@pytest.mark.parametrize(
    "ask",
    [
        lambda d: {"tree": d}, lambda d: {"code": d}, lambda d: {"environment": d}, lambda d: {"digest": d, "media_type": BYTES},
        lambda d: {"digest": d, "media_type": TREE}, lambda d: {"outputs": (Link("o", d),)},
    ],
)  # fmt: skip
def test_a_request_names_only_what_is_held(world: World, ask: Any) -> None:
    """Wherever a request says that bytes are its own, they must be held."""
    digest = build(world.loop.blobs, [])
    with pytest.raises(NotFound) as caught:
        claimed(world.loop, ask(digest))
    assert caught.value.facts["digests"] == [digest]
    took(world.loop, [digest])
    claimed(world.loop, ask(digest))


def test_what_a_run_reads_may_be_anybodys(world: World) -> None:
    """An input is no claim, nor is a tag."""
    digest = digest_of(b"elsewhere")
    claimed(world.loop, {"inputs": (Link("i", digest),), "tags": {"note": str(digest)}, "why": "x"})


@pytest.mark.parametrize("lacking", ["node", "file"])
def test_a_tree_is_claimed_with_all_below_it(world: World, lacking: str) -> None:
    """A root that is held does not open nodes and files that are not."""
    root, files = many(world, 700)
    nodes = list(Tree(world.loop.blobs, root).nodes())
    missing = nodes[-1] if lacking == "node" else files[333]
    took(world.loop, [one for one in (*nodes, *files) if one != missing])
    with pytest.raises(NotFound) as caught:
        claimed(world.loop, {"tree": root})
    assert caught.value.facts["digests"] == [missing]
    assert held(world.loop, [missing]) == set()
    took(world.loop, [missing])
    claimed(world.loop, {"tree": root})


def test_a_tree_that_names_itself_over_and_over_is_read_once(world: World) -> None:
    """A tree whose inner nodes all name one child costs one look at that child."""
    from loopline.datasets.nodes import encode

    blobs = world.loop.blobs
    name, data = encode(0, [(b"a", bytes(32), 1, 0)])
    took(world.loop, [Digest("sha256:" + bytes(32).hex()), blobs.put(data)])
    for level in range(1, 12):
        items = [(b"%03d" % at, name[1], 1, 1) for at in range(200)]
        name, data = encode(level, items)
        took(world.loop, [blobs.put(data)])
    claimed(world.loop, {"tree": Digest("sha256:" + name[1].hex())})


def test_a_tree_that_cannot_be_read_is_tried_again(world: World) -> None:
    """A node that is away for a while is no reason to forget what is below it."""
    root, files = many(world, 300)
    world.do("add", MANY, tree=root)
    data = world.loop.blobs.read(root)
    world.loop.blobs.delete(root)
    assert held(world.loop, files[:1]) == set()
    world.loop.blobs.put(data)
    assert held(world.loop, files[:1]) == {files[0]}


def test_who_is_kept_to_some_assets_has_what_is_below_those(world: World) -> None:
    """Of what a project holds, a glob opens the versions of the assets it names and all below them."""
    model = world.train(b"model").artifact.digest
    file = digest_of(b"1\n")
    with world.loop.ledger.read() as tx:
        data = tx.versions.get(DATA, 1).artifact.digest
    wanted = {model, file, data}
    assert within(world.loop, ["model/*"], wanted) == {model}
    assert within(world.loop, ["data/fl*"], wanted) == {file, data}
    assert within(world.loop, ["data/*", "model/*"], wanted) == wanted
    assert within(world.loop, [], wanted) == set()


def test_notes_are_claimed_with_the_version(world: World) -> None:
    """A version whose metadata name notes that another project has is refused; words of one's own under that name are not."""
    theirs, _ = many(world, 3)
    took(world.abroad().loop, [theirs])
    with pytest.raises(NotFound):
        claimed(world.loop, {"metadata": {"notes": str(theirs)}})
    claimed(world.loop, {"metadata": {"notes": "cleaned by Ann"}})
    root, _ = many(world, 1, first=b"y")
    version = world.do("add", MANY, tree=root, metadata={"notes": "cleaned by Ann"}).version
    assert notes_of(version) is None


def test_what_is_larger_than_a_node_is_not_read_as_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a large file as a tree does not have a server read all of it into memory."""
    monkeypatch.setattr(holding, "NODE", 10)
    large = world.loop.blobs.put(b"x" * 11)
    took(world.loop, [large])
    monkeypatch.setattr(type(world.loop.blobs), "read", None)
    with pytest.raises(Invalid):
        claimed(world.loop, {"tree": large})
