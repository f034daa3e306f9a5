"""sending: all that a tree names, brought from one store into another.

Where the other store has a tree of before whole, only nodes that differ from it are opened. What is in them is asked for in the
other store, some thousands at a time, and what it lacks goes there: small blobs together and in order, large ones several at
once. So whoever was interrupted goes on where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from loopline.datasets.nodes import Item, Node, decode, to_digest
from loopline.errors import LooplineError, Unavailable
from loopline.nouns.digest import Digest, short
from loopline.nouns.progress import Progress, Report
from loopline.store.blobs import CHUNK, Writer, absent, corrupt, put_lacking, sweep_uploads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LEAVES: Final = 128
"""Leaves that are opened together: some twenty thousand files."""
_REMEMBERED: Final = 4096
"""Leaves of the known tree whose files are remembered; of more than that, the other store is asked."""
_AT_ONCE: Final = 8
_TOLD: Final = 64
_LOST: Final = frozenset({"blob-missing", "blob-corrupt", "blob-unreadable"})


class Gives(Protocol):
    """A store as far as it is sent from."""

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob, verified."""

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give many small blobs, each once and verified, in any order."""

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, its last chunk after all were verified."""

    def path(self, digest: Digest) -> Path | None:
        """Give a local file, unverified; None where there is none."""

    def verify(self, digest: Digest) -> None:
        """Read a blob and compare it with its name."""


class Takes(Protocol):
    """A store as far as it is sent to."""

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those that are not there, or that it need not have."""

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds."""

    def writer(self) -> Writer:
        """Begin a blob whose digest is not known yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """A tree that the other store has whole, and a store that its nodes can be read from."""

    blobs: Gives
    root: Digest


@dataclass(frozen=True, slots=True)
class Sent:
    """What was lacking, and has been sent."""

    blobs: int = 0
    bytes: int = 0
    """Of these blobs: files and nodes of the tree."""


def send(
    source: Gives,
    target: Takes,
    root: Digest,
    *,
    known: Known | None = None,
    report: Report,
    label: str = "send",
    small: int = CHUNK,
    deep: bool = False,
    dry: bool = False,
) -> Sent:
    """Bring into `target` what it lacks of a tree. All of it is durable when this returns; with `dry` it is only counted.

    Blobs of up to `small` bytes go together, and are held in memory for it. With `deep` what is there is read, and mended.

    Raise what the stores raise; about a blob that `source` lost or holds damaged, with the path of its file.
    """
    sending = _Sending(source, target, root, report, label)
    sending.small, sending.deep = small, deep
    try:
        sending.run(known, dry=dry)
    except LooplineError as error:
        _name_file(error, source, root)
        raise
    return sending.sent


class _Sending:
    def __init__(self, source: Gives, target: Takes, root: Digest, report: Report, label: str) -> None:
        self._source, self._root = source, root
        self._target: Any = target
        self.small, self.deep = CHUNK, False
        self._report, self._label = report, label
        self._done = self._total = 0
        self._large: dict[Digest, int] = {}
        self._lows: dict[bytes, bytes] = {}
        self._guard = Lock()
        self.sent = Sent()

    def run(self, known: Known | None, *, dry: bool) -> None:
        inner, leaves, old, self._lows = _unequal(self._source, self._root, known)
        self._total = sum(leaf[3] for leaf in leaves)
        small = self._small(inner, leaves, old, dry=dry)
        if dry:
            for _ in small:
                pass
        else:
            for _ in put_lacking(self._target, small):
                pass
            _each(lambda one: self._send_large(*one), self._large.items())
            if self.sent.blobs:
                sweep_uploads(self._target)
        self._report(Progress(self._label, self._total, self._total, "B"))

    def _small(
        self, inner: Mapping[bytes, bytes], leaves: list[Item], old: frozenset[bytes], *, dry: bool
    ) -> Iterator[tuple[Digest, bytes]]:
        """Give what is lacking and small, in the order in which `source` reads it best; note what is large."""
        for start in range(0, max(1, len(leaves)), _LEAVES):
            nodes = dict(inner) if start == 0 else {}
            files: dict[bytes, int] = {}
            for raw, data, node in _read(self._source, leaves[start : start + _LEAVES]):
                _be_at(0, node, raw, self._lows.get(raw, b""))
                nodes[raw] = data
                files.update((item[1], item[2]) for item in node.items())
            wanted = {to_digest(raw): size for raw, size in files.items() if raw not in old}
            names = {to_digest(raw): data for raw, data in nodes.items()}
            lacking = self._target.missing([*wanted, *names])
            damaged = self._damaged([one for one in (*wanted, *names) if one not in lacking]) if self.deep else set()
            lacking |= damaged
            self._tell(sum(size for digest, size in wanted.items() if digest not in lacking))
            few = [digest for digest, size in wanted.items() if size <= self.small and digest in lacking]
            self._large.update(
                (digest, size) for digest, size in wanted.items() if size > self.small and digest in lacking
            )
            if dry:
                sizes = wanted | {digest: len(data) for digest, data in names.items()}
                self._count(len(lacking), sum(sizes[digest] for digest in lacking))
                continue
            size = count = 0
            for one in self._source.read_all(few):
                if len(one[1]) != wanted[one[0]]:
                    raise _malformed(bytes.fromhex(one[0][7:]), f"a leaf says that it has {wanted[one[0]]} bytes")
                if one[0] in damaged:
                    self._target.put(one[1])  # which mends it: another copy in a pack would not be looked for
                else:
                    yield one
                size, count = size + len(one[1]), count + 1
                if count == _TOLD:
                    self._went(count, size)
                    size = count = 0
            self._went(count, size)
            for one in names.items():
                if one[0] in damaged:
                    self._target.put(one[1])
                elif one[0] in lacking:
                    yield one
                if one[0] in lacking:
                    self._count(1, len(one[1]))

    def _damaged(self, there: list[Digest]) -> set[Digest]:
        found = set[Digest]()

        def look(one: tuple[Digest, int]) -> None:
            try:
                self._target.verify(one[0])
            except LooplineError as error:
                if error.kind not in _LOST:
                    raise
                found.add(one[0])

        _each(look, ((digest, 0) for digest in there))
        return found

    def _send_large(self, digest: Digest, size: int) -> None:
        source, target = self._source, self._target
        path = source.path(digest)
        known: Callable[..., None] | None = getattr(target, "put_known", None)
        told: Callable[..., None] | None = getattr(target, "put_told", None)
        if path is None:
            with target.writer() as writer:
                for chunk in source.get(digest):
                    writer.write(chunk)
                    self._tell(len(chunk))
                writer.commit()
            self._count(1, size)
            return
        if told is not None:
            source.verify(digest)
            told(digest, path, size, self._tell)
            self._count(1, size)
            return
        if known is not None:
            source.verify(digest)
            known(digest, path, size)
        else:
            found, length = _put_file(target, digest, path)
            if found != digest:
                raise corrupt(digest, found, length)
        self._went(1, size)

    def _count(self, blobs: int, size: int) -> None:
        with self._guard:
            self.sent = Sent(self.sent.blobs + blobs, self.sent.bytes + size)

    def _went(self, files: int, size: int) -> None:
        self._count(files, size)
        self._tell(size)

    def _tell(self, more: int) -> None:
        with self._guard:
            self._done += more
        self._report(Progress(self._label, min(self._done, self._total), self._total, "B"))


def _put_file(target: Takes, digest: Digest, path: Path) -> tuple[Digest, int]:
    try:
        return target.put_file(path)
    except FileNotFoundError:
        raise absent(digest) from None
    except OSError as error:
        raise Unavailable(
            f"blob {short(digest)} cannot be read: {error.strerror}", kind="blob-unreadable",
            hint="check the disk of the store that it is sent from", digest=digest, errno=error.errno,
        ) from error  # fmt: skip


def _unequal(
    source: Gives, root: Digest, known: Known | None
) -> tuple[dict[bytes, bytes], list[Item], frozenset[bytes], dict[bytes, bytes]]:
    """Give inner nodes and leaves of a tree that the known one has not, and the files of leaves that only the known one has.

    Last, the key before each leaf.

    Nodes of one level are compared at once: what two trees share lies below a node that both have, or is a node itself.
    """
    data = source.read(root)
    node, raw = decode(data, root), _raw(root)
    level, mine = node.level, {raw: (node.last, raw, node.count, node.total)}
    theirs, height = _root_of(known)
    inner: dict[bytes, bytes] = {}
    lows: dict[bytes, bytes] = {}
    while True:
        while known is not None and theirs and height > level:
            theirs, height = _opened(known.blobs, theirs), height - 1
        if height == level:
            for both in mine.keys() & theirs.keys():
                del mine[both], theirs[both]
        if level == 0 or not mine:
            break
        below: dict[bytes, Item] = {}
        after: dict[bytes, bytes] = {}
        for raw, data, node in _read(source, mine.values()):
            _be_at(level, node, raw, lows.get(raw, b""))
            inner[raw] = data
            items = node.items()
            below.update((item[1], item) for item in items)
            after.update(zip([item[1] for item in items], [lows.get(raw, b""), *node.keys], strict=False))
        mine, level, lows = below, level - 1, after
    if known is None or height or len(theirs) > _REMEMBERED:
        return inner, list(mine.values()), frozenset(), lows
    old = frozenset(item[1] for _, _, node in _read(known.blobs, theirs.values()) for item in node.items())
    return inner, list(mine.values()), old, lows


def _root_of(known: Known | None) -> tuple[dict[bytes, Item], int]:
    if known is None:
        return {}, -1
    node, raw = decode(known.blobs.read(known.root), known.root), _raw(known.root)
    return {raw: (node.last, raw, node.count, node.total)}, node.level


def _opened(blobs: Gives, above: Mapping[bytes, Item]) -> dict[bytes, Item]:
    return {item[1]: item for _, _, node in _read(blobs, above.values()) for item in node.items()}


def _read(blobs: Gives, items: Iterable[Item]) -> Iterator[tuple[bytes, bytes, Node]]:
    """Read nodes, give them in order; each is what its parent says."""
    asked = list(items)
    held = dict(blobs.read_all([to_digest(item[1]) for item in asked]))
    for key, raw, count, total in asked:
        digest = to_digest(raw)
        node = decode(held[digest], digest)
        if (node.last, node.count, node.total) != (key, count, total):
            raise _malformed(raw)
        yield raw, held.pop(digest), node


def _be_at(level: int, node: Node, raw: bytes, low: bytes) -> None:
    """Be of a level, and behind the key of the node before."""
    if node.level != level:
        raise _malformed(raw)
    if node.keys and node.keys[0] <= low:
        raise _malformed(raw, "its first key does not come after the node before it")


def _malformed(raw: bytes, why: str = "its parent says otherwise") -> Unavailable:
    return Unavailable(
        f"what the tree says of {short(to_digest(raw))} is wrong: {why}", kind="tree-corrupt",
        hint="run `loopline verify` to see what it affects", digest=to_digest(raw),
    )  # fmt: skip


def _each(work: Callable[[tuple[Digest, int]], None], items: Iterable[tuple[Digest, int]]) -> None:
    """Do something for each, several at once; after the first error nothing more is begun."""
    asked = list(items)
    if len(asked) < 2:
        for one in asked:
            work(one)
        return
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="loopline-send") as pool:
        running = set[Future[None]]()
        for one in asked:
            running.add(pool.submit(work, one))
            if len(running) >= _AT_ONCE:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        for future in running:
            future.result()


def _name_file(error: LooplineError, source: Gives, root: Digest) -> None:
    """Let an error about lost bytes say which file they are of."""
    from loopline.datasets.tree import Tree

    digest = error.facts.get("digest")
    if error.kind not in _LOST or digest is None or "path" in error.facts:
        return
    try:
        path = next((entry.path for entry in Tree(source, root).iter() if entry.digest == digest), "")
    except LooplineError:
        return
    if path:
        error.message += f"; it is the file {path}"
        error.facts["path"] = path


def _raw(digest: Digest) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))
