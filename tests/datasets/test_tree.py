from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from loopline.datasets.nodes import Node, Reader
from loopline.datasets.tree import EMPTY, Tree, build
from loopline.errors import Invalid, NotFound
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry, Folder
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import digest_of_root, entries, entry, naive_root

PARTS = st.text(st.sampled_from("ab-./0\\é"), min_size=1, max_size=3).filter(
    lambda part: "/" not in part and part not in (".", "..")
)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


def fixed(count: int) -> list[Entry]:
    """Entries that must give the same digest for ever."""
    return [
        Entry(
            f"{n % 7}/{n:05d}.bin", digest_of(b"%d" % n), n * 1_000_003 % 5_000_000_000, 0o755 if n % 11 == 0 else 0o644
        )
        for n in sorted(range(count), key=lambda n: (n % 7, n))
    ]


GOLDEN = {
    0: "sha256:e947b1297e51a7b90827df99e77801fa955264a840661b0d04778faa63a10bb1",
    1: "sha256:995a3e7300e03b63d78a5c8bf29da91dc95d1b5a86dc2e3a4bc9d36cc093af26",
    31: "sha256:0384398f591cd79deb346de2233f97eeb03eeea341bc7bb6e40ab16163990b76",
    1000: "sha256:4d880248ef7213e4c63031eadf6a1ae3239d0e174deca6a53710b30544eac021",
    30000: "sha256:152a3389a8f9da047b74b582e9d83e7cf4ac90ebb781f65e9f4009f882292ee8",
}


@pytest.mark.parametrize("count", GOLDEN)
def test_the_format_is_frozen(count: int) -> None:
    """The digest of a given tree is what it was when the format was fixed, and that of the format's description."""
    found = build(MemoryBlobs(), fixed(count))
    assert found == digest_of_root(fixed(count))
    assert found == GOLDEN[count]


def test_the_documented_example_is_real() -> None:
    """The bytes on the format's page are the bytes of that tree."""
    page = Path(__file__).parents[2] / "docs/reference/tree-format.md"
    hexes = re.search(r"```hex\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert hexes
    said = bytes.fromhex("".join(line.partition("#")[0] for line in hexes[1].splitlines()))
    blobs = MemoryBlobs()
    root = build(
        blobs,
        [
            Entry("data/jan.csv", digest_of(b"jan"), 3),
            Entry("data/june.csv", digest_of(b"june"), 300),
            Entry("run.sh", digest_of(b"#!"), 2, 0o755),
        ],
    )
    assert blobs.read(root) == said
    assert root in page.read_text(encoding="utf-8")
    assert EMPTY in page.read_text(encoding="utf-8")


@given(st.dictionaries(PATHS, st.integers(0, 2**62)))
def test_any_tree_is_written_as_described(wanted: dict[str, int]) -> None:
    """Whatever the paths and sizes, the root's bytes are those of the description."""
    content = [Entry(path, digest_of(path.encode()), size) for path, size in sorted(wanted.items())]
    content = [e for e in content if not any(o.path.startswith(e.path + "/") for o in content)]
    blobs = MemoryBlobs()
    if sum(e.size for e in content) >= 2**63:
        with pytest.raises(Invalid):
            build(blobs, content)
        return
    assert blobs.read(build(blobs, content)) == naive_root(content)


def test_the_empty_tree_has_a_name() -> None:
    """A tree of nothing is the digest EMPTY, with no files."""
    blobs = MemoryBlobs()
    assert build(blobs, []) == EMPTY
    tree = Tree(blobs, EMPTY)
    assert (tree.count, tree.bytes, list(tree.iter()), tree.list(), list(tree.nodes())) == (0, 0, [], [], [EMPTY])
    assert tree.find("a") is None
    assert tree.measure("a") == (0, 0)


@pytest.mark.parametrize("keep", [True, False])
def test_keys_chosen_against_the_rule_still_make_a_tree(keep: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Where each key is a boundary, or none is, the least and the largest node bound the sizes."""
    names = (f"{n:07d}" for n in range(10**7))
    chosen = [entry(p) for p, _ in zip((p for p in names if _is_boundary(p) == keep), range(2000), strict=False)]
    blobs = MemoryBlobs()
    root = build(blobs, chosen)
    assert root == digest_of_root(chosen)
    assert [e.path for e in Tree(blobs, root).iter()] == [e.path for e in chosen]
    leaves = [len(node.keys) for _, node, _ in Tree(blobs, root).reader.walk(0, b"")]
    assert leaves == ([32] * 62 + [16] if keep else [512] * 3 + [464])


def _is_boundary(path: str) -> bool:
    return xxh3_64_intdigest(path.encode(), seed=0) % 128 == 0


@pytest.fixture(scope="module")
def blobs() -> MemoryBlobs:
    """One store for the tests of reading."""
    return MemoryBlobs()


@pytest.fixture(scope="module")
def content() -> list[Entry]:
    """Files in folders of folders, and files beside them."""
    many = [entry(f"{n % 13:02d}/{n % 3}/{n:05d}.jpg", n) for n in range(6000)]
    return sorted([*many, entry("readme.md", 5), entry("02.txt", 6)], key=lambda e: e.path.encode())


@pytest.fixture(scope="module")
def tree(blobs: MemoryBlobs, content: list[Entry]) -> Tree:
    """The tree of `content`."""
    return Tree(blobs, build(blobs, content))


def test_find_reads_each_entry(tree: Tree, content: list[Entry]) -> None:
    """Every path leads to its entry, and no other string does."""
    assert [tree.find(e.path) for e in content[::37]] == content[::37]
    assert [tree.find(path) for path in ("", "02", "02/", "zzz", "02/0/", "\udcff", "a\0")] == [None] * 7
    with pytest.raises(NotFound) as caught:
        tree.get("02/9")
    assert caught.value.facts["path"] == "02/9"


@pytest.mark.parametrize("prefix", ["", "0", "02", "02/", "02/1/", "12/2/059", "readme", "x", "é"])
def test_iter_gives_what_starts_with_the_prefix(tree: Tree, content: list[Entry], prefix: str) -> None:
    """Prefix and position choose what a filter over all entries would."""
    for after in ("", "02/1/00054.jpg", "02/1/00054.jp", "03", "zzz"):
        expected = [e for e in content if e.path.startswith(prefix) and e.path > after]
        assert list(tree.iter(prefix, after)) == expected, after


@pytest.mark.parametrize("prefix", ["", "0", "02", "02/", "02/1/", "12/2/059", "readme", "x"])
def test_measure_counts_without_reading_all(tree: Tree, content: list[Entry], prefix: str) -> None:
    """Files and bytes below a prefix are those of a sum over its entries."""
    chosen = [e for e in content if e.path.startswith(prefix)]
    assert tree.measure(prefix) == (len(chosen), sum(e.size for e in chosen))
    assert (tree.count, tree.bytes) == tree.measure("")


@pytest.mark.parametrize("limit", [1, 2, 1000])
@pytest.mark.parametrize("folder", ["", "02/", "02/1/"])
def test_list_gives_one_level_in_pages(tree: Tree, content: list[Entry], folder: str, limit: int) -> None:
    """Paging through a folder gives each file and folder directly in it once, in order."""
    if limit == 1 and folder == "02/1/":
        limit = 7
    seen: list[Entry | Folder] = []
    while page := tree.list(folder, after=seen[-1].path if seen else "", limit=limit):
        assert len(page) <= limit
        seen += page
    inside = [e for e in content if e.path.startswith(folder)]
    names = {folder + e.path[len(folder) :].partition("/")[0] + "/" * ("/" in e.path[len(folder) :]) for e in inside}
    assert [line.path for line in seen] == sorted(names)
    assert sum(line.count if isinstance(line, Folder) else 1 for line in seen) == len(inside)


def test_nodes_are_all_that_the_tree_needs(tree: Tree, content: list[Entry]) -> None:
    """A store that holds only the listed nodes can read the whole tree."""
    blobs = MemoryBlobs()
    listed = list(tree.nodes())
    assert listed[0] == tree.root
    assert len(listed) == len(set(listed))
    build(blobs, content)
    assert set(blobs.held) == set(listed)


def test_verify_accepts_a_sound_tree(tree: Tree) -> None:
    """A tree that build made is the one tree of its entries."""
    tree.verify()


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        (["b", "a"], "unsorted"),
        (["a", "a"], "unsorted"),
        (["a", "../b"], "unsorted"),
        (["../b", "a"], "bad-path"),
        (["a", "a!", "a/b"], "file-is-folder"),
        (["a", "a.b", "a.b.c", "a/b/c"], "file-is-folder"),
        (["a/b", "a/b/c"], "file-is-folder"),
        (["a\0"], "bad-path"),
        (["a", "\udcff"], "bad-path"),
    ],
)
def test_build_refuses_what_no_folder_could_hold(paths: list[str], kind: str) -> None:
    """Wrong order, names that no file can have, and a file that is a folder as well are refused."""
    with pytest.raises(Invalid) as caught:
        build(MemoryBlobs(), [entry(path) for path in paths])
    assert caught.value.kind == kind


def test_names_that_only_look_like_folders_stand_together() -> None:
    """`a.b` and `a/c` do not make `a` a file."""
    blobs = MemoryBlobs()
    content = [entry(path) for path in ("a!", "a-b", "a.b", "a/c", "a/c.d", "a0")]
    assert list(Tree(blobs, build(blobs, content)).iter()) == content


@pytest.mark.parametrize(
    "bad",
    [
        Entry("a", digest_of(b""), -1),
        Entry("a", digest_of(b""), 2**63),
        Entry("a", digest_of(b""), 1, 0o600),
        Entry("a", digest_of(b"")[:-2], 1),  # type: ignore[arg-type]
        Entry("a", "sha256:zz", 1),  # type: ignore[arg-type]
    ],
)
def test_build_refuses_entries_that_the_format_cannot_hold(bad: Entry) -> None:
    """A size, mode or digest outside of the format is refused and names the path."""
    with pytest.raises(Invalid) as caught:
        build(MemoryBlobs(), [bad])
    assert (caught.value.kind, caught.value.facts["path"]) == ("bad-entry", "a")


def test_build_takes_a_stream() -> None:
    """Entries may come from a generator, once."""
    some = entries(500)
    assert build(MemoryBlobs(), iter(some)) == build(MemoryBlobs(), some)


def test_a_page_of_files_goes_from_leaf_to_leaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand lines visit the few leaves that they stand in, and not the way from the root for each of them."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(20_000, "d/{:06d}"))
    visits, child = [], Reader.child

    def counted(reader: Reader, node: Node, at: int) -> Node:
        visits.append(at)
        return child(reader, node, at)

    monkeypatch.setattr(Reader, "child", counted)
    lines = Tree(blobs, root).list("d/", after="d/007000", limit=1000)
    assert [line.path for line in lines] == [f"d/{n:06d}" for n in range(7001, 8001)]
    assert len(visits) < 100
