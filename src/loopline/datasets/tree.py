r"""tree: an immutable folder of files, named by one digest. The format below is frozen: version 1, for ever.

A tree is a sequence of entries (path, sha256, size, executable) sorted by the raw UTF-8 bytes of the path, cut into
nodes, whose references are a sequence again, cut by the same rule, until one node is left: the root. The cut depends on
the keys alone, so equal contents have equal roots, whatever edits led to them (a "prolly tree").

Key. The path's UTF-8 bytes: 1 to 4096 of them, no NUL, parts between single `/`, none of them empty, `.` or `..`; hence
no `/` at either end. A backslash is an ordinary byte; nothing is normalised. No path is a folder of another one.

Cut. Level 0 holds entries. Walk a level's items in order and append each to the open node; it then closes the node when
the node has 512 items, or has at least 32 and `xxh3_64(key, seed=level) % 128 == 0`. The end of the level closes what is
open. Nothing else does: nodes of one level are cut from the whole level, so a node may begin below one parent and the
next below another. A level of one node is the root; a level of more gives the items of the level above: for each node
its last key, id, number of entries and sum of sizes. The empty tree is one leaf without items.

Node. `89 4c 4c 54 52 45 45` (0x89 "LLTREE"), `01` (the version), then one MessagePack array of seven, each value in the
shortest form there is:

    level       unsigned, 0 for a leaf
    shared      array of unsigned: how many leading bytes a key has in common with the key before (0 for the first)
    suffixes    array of bin: the rest of each key, so that key = before[:shared] + suffix; `shared` is as large as can be
    ids         one bin of 32 bytes an item: sha256 of the file's bytes (leaf) or of the child node's bytes (inner)
    firsts      array of unsigned < 2^63: size in bytes (leaf), number of entries below (inner)
    seconds     leaf: array of unsigned, the ascending positions of the items whose owner may execute them (mode 0755;
                all others 0644); inner: array of unsigned < 2^63, the sum of the sizes of the entries below, one an item
    extensions  map of str to a sparse column; empty in every tree written today. A reader that finds a name it does not
                know must refuse the tree; entries that use none are encoded as if extensions did not exist.

Id. The sha256 of exactly these bytes, uncompressed; they are stored as they are, so a node's id is its blob's digest.
The digest of the empty tree is EMPTY.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from loopline.datasets.nodes import Item, Keeps, Node, Reader, Reads, chunks, encode, to_digest
from loopline.datasets.path import after_prefix, are_paths, check_path
from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry, Folder

EMPTY: Final = to_digest(encode(0, [])[0][1])
"""The root of a tree without entries; its blob exists only where somebody built one."""

_EXECUTABLE: Final = 0o755
_PLAIN: Final = 0o644
_ROOMY: Final = 2**63


def build(blobs: Keeps, entries: Iterable[Entry]) -> Digest:
    """Write the tree of `entries`, which come sorted by the UTF-8 bytes of their paths (Python's order of `str`).

    The nodes are handed to the store as they are made, in one `put_all`. Raise Invalid for a path that cannot name a file
    (kind="bad-path"), that is a folder of another ("file-is-folder"), or that does not come after the one before ("unsorted").
    """
    top: list[Item] = []
    blobs.put_all(_every_node(_items(entries), top))
    return to_digest(top[0][1])


def _every_node(items: Iterable[Item], top: list[Item]) -> Iterator[bytes]:
    """Give the bytes of all nodes, level by level; leave the root's name in `top`."""
    level = 0
    while True:
        names = []
        for chunk in chunks(level, items):
            name, data = encode(level, chunk)
            names.append(name)
            yield data
        if len(names) > 1:
            level, items = level + 1, names
            continue
        if not names:
            name, data = encode(0, [])
            names.append(name)
            yield data
        top.append(names[0])
        return


def _items(entries: Iterable[Entry]) -> Iterator[Item]:
    """Check the order and the paths, 256 at a time, and what only neighbours can tell: a file that is a folder as well."""
    group: list[Item] = []
    before = b""
    above: list[bytes] = []  # earlier keys that the current one starts with: all that may be its folder
    for entry in entries:
        item = to_item(entry)
        key = item[0]
        if key <= before:
            raise Invalid(
                f"{entry.path!r} does not come after the entry before it",
                kind="unsorted",
                hint="sort entries by path and give each path once",
                path=entry.path,
            )
        while above and not key.startswith(above[-1]):
            above.pop()
        for folder in above:
            if key[len(folder)] == 0x2F:
                raise file_is_folder(folder, key)
        above.append(key)
        before = key
        group.append(item)
        if len(group) == 256:
            yield from _checked(group)
            group = []
    yield from _checked(group)


def _checked(group: list[Item]) -> list[Item]:
    if not are_paths([item[0] for item in group]):
        for item in group:
            check_path(item[0].decode())
    return group


def to_item(entry: Entry) -> Item:
    """Turn an entry into what a leaf holds, checking all but the path's rules."""
    try:
        key = entry.path.encode()
    except UnicodeEncodeError:
        key = check_path(entry.path)  # raises, with the reason
    try:
        raw = bytes.fromhex(entry.digest[7:])
    except ValueError:
        raw = b""
    if len(raw) != 32 or not 0 <= entry.size < _ROOMY or entry.mode not in (_PLAIN, _EXECUTABLE):
        raise Invalid(
            f"{entry.path!r} has a digest, size or mode that no tree can hold",
            kind="bad-entry",
            hint="give a sha256 digest, a size in bytes and mode 0o644 or 0o755",
            path=entry.path,
            digest=entry.digest,
            size=entry.size,
            mode=entry.mode,
        )
    return key, raw, entry.size, int(entry.mode == _EXECUTABLE)


def file_is_folder(folder: bytes, key: bytes) -> Invalid:
    """Say that one path would be a file and a folder."""
    file, inside = folder.decode(errors="replace"), key.decode(errors="replace")
    return Invalid(
        f"{file!r} cannot be a file and hold {inside!r}",
        kind="file-is-folder",
        hint=f"remove or rename {file}",
        path=file,
        inside=inside,
    )


class Tree:
    """Reads one tree. Nodes are read when needed and verified; the upper levels stay in memory. For one thread at a time.

    Every method may raise NotFound kind="blob-missing", Unavailable kind="blob-corrupt" or "tree-corrupt"; making one raises
    Invalid kind="not-a-tree" for the digest of anything else.
    """

    def __init__(self, blobs: Reads, root: Digest) -> None:
        self.root = root
        self.reader = Reader(blobs, root)
        self.count: int = self.reader.root.count
        """Files."""
        self.bytes: int = self.reader.root.total
        """Sum of their sizes."""

    def find(self, path: str) -> Entry | None:
        """Read one entry; None where `path` names no file (a folder is none, and neither is what no tree can hold)."""
        key = path.encode(errors="surrogatepass")
        found = self.reader.leaf(key)
        if found is None or found[0].keys[found[1]] != key:
            return None
        return _entry(*found)

    def get(self, path: str) -> Entry:
        """Read one entry. Raise NotFound kind="path-missing"."""
        entry = self.find(path)
        if entry is None:
            raise NotFound(
                f"no file {path!r} in this dataset", kind="path-missing", hint="list the folder above it", path=path
            )
        return entry

    def iter(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        """Give the entries whose path starts with `prefix` and sorts behind `after`, in order.

        `prefix` is plain text: write `jan/` for a folder, `jan` also gives `january.csv`.
        """
        low, high = prefix.encode(), after_prefix(prefix.encode())
        start = max(low, after.encode() + b"\0" if after else b"")
        for _, node, _ in self.reader.walk(0, start):
            for at, key in enumerate(node.keys):
                if key < start:
                    continue
                if high is not None and key >= high:
                    return
                yield _entry(node, at)

    def list(self, folder: str = "", *, after: str = "", limit: int = 1000) -> list[Entry | Folder]:
        """Give one level of `folder` (`""` or ending with `/`): its files and folders, sorted, behind `after`, at most `limit`.

        Costs O(height) a line, however much lies below: to page, give the path of the last line as `after`.
        """
        base = folder.encode()
        lines: list[Entry | Folder] = []
        start = base
        if after:
            start = max(base, after_prefix(after.encode()) or b"") if after.endswith("/") else after.encode() + b"\0"
        here = self._seek(start)
        while here is not None and len(lines) < limit:
            node, at, count, total = here
            key = node.keys[at]
            if not key.startswith(base):
                break
            slash = key.find(b"/", len(base))
            if slash < 0:
                lines.append(_entry(node, at))
                here = (node, at + 1, count + 1, total + node.firsts[at]) if at + 1 < len(node.keys) else None
                here = here or self._seek(key + b"\0")
                continue
            here = self._seek(
                key[:slash] + b"0"
            )  # the byte behind "/": where the folder ends, and the next line begins
            behind = here[2:] if here else (self.count, self.bytes)
            lines.append(Folder(key[: slash + 1].decode(), behind[0] - count, behind[1] - total))
        return lines

    def measure(self, prefix: str = "") -> tuple[int, int]:
        """Give files and bytes below `prefix` (plain text, as in `iter`) from the sums in the nodes, in O(height)."""
        if not prefix:
            return self.count, self.bytes
        low, high = (self._seek(key) for key in (prefix.encode(), after_prefix(prefix.encode()) or b""))
        ends = (self.count, self.bytes)
        (first, less), (last, more) = (found[2:] if found else ends for found in (low, high))
        return last - first, more - less

    def _seek(self, key: bytes) -> tuple[Node, int, int, int] | None:
        """Find the first entry at or above `key`: its leaf and place there, files and bytes in front of it; None behind all."""
        count = total = 0
        node = self.reader.root
        while True:
            at = bisect_left(node.keys, key)
            if at == len(node.keys):
                return None
            fewer, less = node.before(at)
            count, total = count + fewer, total + less
            if node.level == 0:
                return node, at, count, total
            node = self.reader.child(node, at)

    def nodes(self) -> Iterator[Digest]:
        """Give the digest of each node, the root first, reading inner nodes only: what keeps a tree's own bytes alive."""
        yield self.root
        for level in range(self.reader.root.level, 0, -1):
            for _, node, _ in self.reader.walk(level, b""):
                for at in range(len(node.keys)):
                    yield to_digest(node.id(at))

    def verify(self) -> None:
        """Read all nodes and check that this is the one tree of its entries. Raise Unavailable kind="tree-corrupt"."""
        top: list[Item] = []
        try:
            for _ in _every_node(_items(self.iter()), top):
                pass
        except Invalid as error:
            why = error.message
        else:
            if to_digest(top[0][1]) == self.root:
                return
            why = "it is not cut as its entries demand"
        raise Unavailable(
            f"tree {self.root} is malformed: {why}",
            kind="tree-corrupt",
            hint="run `loopline verify` to see what it affects",
            digest=self.root,
            why=why,
        )


def to_entry(item: Item) -> Entry:
    """Turn what a leaf holds into an entry."""
    return Entry(item[0].decode(), to_digest(item[1]), item[2], _EXECUTABLE if item[3] else _PLAIN)


def _entry(node: Node, at: int) -> Entry:
    # not by way of `to_entry`: a checkout of 100,000 files gives them twice, 0.1 s
    mode = _EXECUTABLE if node.seconds[at] else _PLAIN
    return Entry(node.keys[at].decode(), to_digest(node.id(at)), node.firsts[at], mode)
