from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, Refused
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.merge import Clash, Resolution
from loopline.nouns.name import Named, Pointer, RefName
from loopline.nouns.version import FIRST_PARENT
from loopline.verbs.basing import of_merge
from loopline.verbs.merging import DRIVERS, carry, decided, exactly, only
from loopline.verbs.staging import NOTES

from .conftest import ANN, DATA

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.merge import Choice
    from loopline.verbs.basing import Sides

    from .conftest import World

MAIN = RefName(DATA, "main")
FROM_FIX = Pointer(DATA, Named("fix"))


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("a/b", {"a/b"}),
        ("a/", {"a", "a/b", "a/c.csv"}),
        ("*.csv", {"a/c.csv", "d.csv"}),
        ("*", {"a", "a/b", "a/c.csv", "d.csv", "e1", "e[1]"}),
        ("e[1]", {"e1"}),
        ("e[[]1]", {"e[1]"}),
        ("?", {"a"}),
        ("a/?.csv", {"a/c.csv"}),
    ],
)
def test_a_pattern_means_paths(pattern: str, means: set[str]) -> None:
    """One path, all below a folder and the folder itself, or what it fits, where a star stands for slashes as well."""
    clashes = [Clash(path, "add/add", None, None, None) for path in ("a", "a/b", "a/c.csv", "d.csv", "e1", "e[1]")]
    taken = decided(clashes, [Resolution(pattern, "ours")])
    assert {one.path for one in taken if one.taken} == means


@pytest.mark.parametrize("path", ["a", "e[1]", "*", "?", "[[]", "a]b[", "[*]", "a\n*"])
def test_a_path_is_written_as_a_pattern_that_means_it_alone(path: str) -> None:
    """Whatever its name is made of."""
    assert only(exactly(path)) == path
    others = [Clash(one, "add/add", None, None, None) for one in (path, f"{path}x", "e1", exactly(path) + "y")]
    assert [one.path for one in decided(others, [Resolution(exactly(path), "ours")]) if one.taken] == [path]


def test_the_last_word_about_a_path_counts() -> None:
    """Whether it names the path or a pattern that fits it."""
    clash = [Clash("a/b", "add/add", None, None, None)]
    words = [Resolution("a/b", "ours"), Resolution("a/", "theirs"), Resolution("*", "base"), Resolution("c", "ours")]
    file = Resolution("a/b", "file", digest_of(b"x"), 1, 0o755)
    assert decided(clash, words)[0].taken == "base"
    assert decided(clash, [*words, file])[0].file == Entry("a/b", digest_of(b"x"), 1, 0o755)
    assert decided(clash, [file, *words])[0].file is None


def test_a_driver_merges_what_it_knows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for files that both sides have; what it makes is in the version, and the rest clashes."""
    asked = []

    def lines(loop: Loop, _: Sides, clash: Clash) -> bytes | None:
        asked.append(clash.path)
        if not clash.path.endswith(".txt"):
            return None
        sides = (loop.blobs.read(one.digest) for one in (clash.ours, clash.theirs) if isinstance(one, Entry))
        return b"".join(sorted(set(b"".join(sides).splitlines(keepends=True))))

    monkeypatch.setattr("loopline.verbs.merging.DRIVERS", {**DRIVERS, "lines": lines})
    world.data(a_txt=b"1\n", gone=b"1")
    world.do("branch", DATA, "fix")
    world.data("fix", a_txt=b"1\n2\n")
    world.data(a_txt=b"1\n3\n", gone=b"1", more=b"1")
    made = world.do("merge", FROM_FIX, MAIN)
    assert (made.state, made.clashes, asked) == ("made", 1, ["a.txt"])
    with world.loop.ledger.read() as tx:
        assert world.loop.blobs.read(digest_of(b"1\n2\n3\n"))
        assert tx.merges.list(DATA.project) == []
    world.data("fix", a_txt=b"4\n", b=b"fix")
    world.data(a_txt=b"5\n", b=b"main")
    waiting = world.do("merge", FROM_FIX, MAIN)
    assert (waiting.clashes, waiting.left) == (2, 1)
    assert [one.taken for one in world.do("merges", MAIN)] == ["file", None]
    world.do("merge", take="ours", paths=("b",))
    world.data(a_txt=b"6\n", b=b"main")
    asked.clear()
    world.do("merge", continue_=True)
    assert "a.txt" in asked
    assert world.loop.blobs.read(digest_of(b"4\n6\n"))


def test_tables_with_a_declared_key_merge_row_by_row(world: World) -> None:
    """What each side did to other rows and cells is in the version, which says of itself what ours said; cells clash as files."""
    loop = world.loop

    def put(branch: str, text: str) -> None:
        tree = build(loop.blobs, [Entry("t.csv", loop.blobs.put(text.encode()), len(text))])
        world.do(
            "add",
            DATA,
            tree=tree,
            branch=branch,
            metadata={"key": ["id"], "files": 1, "bytes": len(text), "of": branch},
        )

    put("main", "id,a,b\n1,1,1\n2,2,2\n3,3,3\n")
    world.do("branch", DATA, "fix")
    put("fix", "id,a,b\n1,1,9\n2,2,2\n4,4,4\n")
    put("main", "id,a,b\n1,8,1\n2,2,2\n3,3,3\n5,5,5\n")
    made = world.do("merge", FROM_FIX, MAIN)
    assert made.state == "made"
    tree = Tree(loop.blobs, made.version.artifact.digest)
    rows = loop.blobs.read(tree.get("t.csv").digest).decode().split()
    assert sorted(rows) == ["1,8,9", "2,2,2", "4,4,4", "5,5,5", "id,a,b"]
    assert made.version.metadata == {
        "key": ["id"], "files": 1, "bytes": tree.bytes, "of": "main", "first_parent": 4,
    }  # fmt: skip
    put("fix", "id,a,b\n1,7,9\n")
    put("main", "id,a,b\n1,6,9\n")
    assert (world.do("merge", FROM_FIX, MAIN).left, world.do("merges", MAIN)[0].kind) == (1, "edit/edit")


def test_notes_of_paths_come_along(world: World) -> None:
    """Content types and metadata that another door has given to files of theirs are in the merged version, and ours stay."""
    loop = world.loop

    def put(branch: str, **texts: str) -> None:
        files = [Entry(name, loop.blobs.put(text.encode()), len(text)) for name, text in sorted(texts.items())]
        notes = [Entry(name, loop.blobs.put(b"of " + name.encode()), 4) for name in sorted(texts)]
        world.do("add", DATA, tree=build(loop.blobs, files), branch=branch, metadata={NOTES: build(loop.blobs, notes)})

    put("main", a="1")
    world.do("branch", DATA, "fix")
    put("fix", a="1", b="2")
    put("main", a="1", c="3")
    made = world.do("merge", FROM_FIX, MAIN)
    for root in (made.version.artifact.digest, made.version.metadata[NOTES]):
        assert [one.path for one in Tree(loop.blobs, root).iter()] == ["a", "b", "c"]


def test_a_quarantine_that_comes_in_between_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at once more in the transaction that moves the ref."""
    from loopline.verbs import merging

    world.do("branch", DATA, "fix")
    world.data("fix", b=b"1")
    world.data(c=b"1")
    weigh = merging.weigh

    def slow(*args: object, **asked: object) -> object:
        with world.loop.ledger.write(DATA.project, ANN) as tx:
            tx.versions.quarantine(DATA, 2, reason="wrong units")
            tx.say("test", "test")
        return weigh(*args, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(merging, "weigh", slow)
    with pytest.raises(Refused):
        world.do("merge", FROM_FIX, MAIN)
    assert world.target(MAIN) == 3


def both(world: World) -> None:
    """Let fix, which is older, and main have both changed a, and each something else."""
    world.data(a=b"1")
    world.do("branch", DATA, "fix")
    world.data("fix", a=b"fix", f=b"1")
    world.data(a=b"main", m=b"1")


def test_a_merge_that_may_not_wait_is_refused_and_forgotten(world: World) -> None:
    """It names what clashes, and neither a merge nor an event is kept of it."""
    both(world)
    before = len(world.events())
    with pytest.raises(Conflict) as caught:
        carry(world.loop, lambda tx: of_merge(tx, world.loop, FROM_FIX, MAIN), waiting=False)
    assert (caught.value.kind, caught.value.facts["paths"]) == ("merge-clashes", ["a"])
    assert (len(world.events()), world.do("merges")) == (before, ())


@pytest.mark.parametrize(("prefer", "found"), [("ours", b"main"), ("theirs", b"fix")])
def test_what_is_preferred_is_taken_where_paths_clash(world: World, prefer: Choice, found: bytes) -> None:
    """And nowhere else: what only one side has changed is in the merge either way."""
    both(world)
    made = carry(world.loop, lambda tx: of_merge(tx, world.loop, FROM_FIX, MAIN), prefer=prefer).version
    assert made is not None
    tree = Tree(world.loop.blobs, made.artifact.digest)
    assert {one.path: world.loop.blobs.read(one.digest) for one in tree.iter()} == {"a": found, "f": b"1", "m": b"1"}


def test_a_merge_says_which_line_it_goes_on(world: World) -> None:
    """Its first parent is where its ref stood, also where that is the newer one; unjoined it follows it alone."""
    both(world)
    with world.loop.ledger.read() as tx:
        theirs, ours = tx.refs.get(RefName(DATA, "fix")).target, tx.refs.get(MAIN).target
    assert theirs < ours
    joined = carry(world.loop, lambda tx: of_merge(tx, world.loop, FROM_FIX, MAIN), prefer="ours").version
    assert joined is not None
    assert (joined.parents, joined.line, joined.metadata[FIRST_PARENT]) == ((theirs, ours), (ours, theirs), ours)
    world.data("fix", a=b"fix", f=b"2")

    def squashed(tx: Tables) -> Sides:
        return replace(of_merge(tx, world.loop, FROM_FIX, MAIN), joining=False, metadata={"k": "v"})

    alone = carry(world.loop, squashed).version
    assert alone is not None
    assert (alone.parents, alone.metadata["k"], FIRST_PARENT in alone.metadata) == ((joined.number,), "v", False)
