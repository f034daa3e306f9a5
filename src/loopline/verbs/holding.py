"""holding: which bytes a project may read and speak of; shared by whatever lets others ask over a network.

Possession is proved by bytes: to know a digest is not to have it. A project holds what was uploaded to it and what its records
name. Before a request may name bytes, `claimed` makes sure that they are held, a tree with everything below it: else a tree
that lists the digests of another project would open them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.tree import EMPTY
from loopline.errors import LooplineError, NotFound
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest, find_digest
from loopline.nouns.run import Link
from loopline.store.blobs import absent
from loopline.verbs.staging import NOTES

if TYPE_CHECKING:
    from loopline.loop import Loop

NODE: Final = 4 << 20
"""No node of a tree has more bytes."""
TOLD: Final = 100
"""How many missing digests an error names."""
_FEW: Final = 512
"""Nodes between two commits of a walk: what is interrupted goes on from there."""


@dataclass
class _Walk:
    """A tree that is being read, and what was found below it."""

    loop: Loop
    held: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    def keep(self) -> None:
        """Write down what was found so far."""
        with self.loop.ledger.telemetry() as tables:
            tables.holdings.add(self.loop.project, self.held)
            tables.holdings.walk(self.loop.project, self.done)
        self.held, self.done = set(), []


def held(loop: Loop, digests: Iterable[Digest]) -> set[Digest]:
    """Give those of `digests` that the project holds. Trees that nobody has looked into are walked, once, until all are found."""
    wanted: set[str] = set(digests)
    with loop.ledger.read() as tx:
        found = tx.holdings.among(loop.project, wanted)
        found |= tx.holdings.named(loop.project, wanted - found)
        roots = list(tx.holdings.roots(loop.project)) if wanted - found else []
    for root in roots:
        if not wanted - found:
            break
        _absorb(loop, root)
        with loop.ledger.read() as tx:
            found |= tx.holdings.among(loop.project, wanted - found)
    return {Digest(one) for one in found}


def readable(loop: Loop, digest: Digest) -> Digest:
    """Give a digest back that the project holds. Raise NotFound, which does not tell whether anybody else has it."""
    if digest not in held(loop, [digest]):
        raise absent(digest)
    return digest


def took(loop: Loop, digests: Iterable[Digest]) -> None:
    """Write down that somebody gave the project these bytes."""
    with loop.ledger.telemetry() as tables:
        tables.holdings.add(loop.project, digests)


def claimed(loop: Loop, typed: Mapping[str, Any]) -> None:
    """Make sure that the project holds whatever bytes a request names as its own. Raise NotFound naming those it lacks."""
    trees: list[Digest] = []
    single: list[Digest] = []
    for digest, is_tree in _claims(typed):
        (trees if is_tree else single).append(digest)
    if not trees and not single:
        return
    here = held(loop, {*trees, *single})
    _all_there([one for one in (*trees, *single) if one not in here])
    for root in dict.fromkeys(trees):
        _prove(loop, root)


def _claims(typed: Mapping[str, Any]) -> Iterator[tuple[Digest, bool]]:
    """Give each digest that a request says is its own, and whether it is a tree's."""
    for name, value in typed.items():
        match name, value:
            case "tree" | "code", str():
                yield Digest(value), True
            case "environment", str():
                yield Digest(value), False
            case "digest", str():
                yield Digest(value), typed.get("media_type") in (TREE, MODEL)
            case "metadata", Mapping():  # who reads a version reads its notes, too
                notes = find_digest(str(value.get(NOTES, "")))
                if notes is not None and notes != EMPTY:
                    yield notes, True
            case "outputs", tuple() | list():
                yield from ((one.digest, one.media_type in (TREE, MODEL)) for one in value if isinstance(one, Link))


def _node(loop: Loop, digest: Digest) -> bytes:
    """Read a node of a tree; nothing, which is none, where there are more bytes than a node has: memory may not hold them."""
    return b"" if (loop.blobs.size(digest) or 0) > NODE else loop.blobs.read(digest)


def _absorb(loop: Loop, root: Digest) -> None:
    """Write down as held what is below a tree that a record names. What cannot be read is left for another time."""
    from loopline.datasets.nodes import decode, to_digest

    walk, waiting, seen, whole = _Walk(loop), [root], {root}, True
    while waiting:
        page, waiting = waiting[-_FEW:], waiting[:-_FEW]
        with loop.ledger.read() as tx:
            known = tx.holdings.walked(loop.project, page)
        walk.held.update(page)
        for digest in page:
            if digest in known:
                continue
            try:
                node = decode(_node(loop, digest), digest)
            except LooplineError:
                whole = False
                continue
            below = [to_digest(node.id(at)) for at in range(len(node.keys))]
            if node.level:
                waiting += [one for one in dict.fromkeys(below) if one not in seen]
                seen.update(below)
            else:
                walk.held.update(below)
                walk.done.append(digest)
        walk.keep()
    if whole:
        walk.done.append(root)
        walk.keep()


def _prove(loop: Loop, root: Digest) -> None:
    """Make sure that all below a tree is held, every node and every file. Raise NotFound naming what is not."""
    from loopline.datasets.nodes import decode, to_digest

    walk, waiting, seen = _Walk(loop), [root], {root}
    while waiting:
        page, waiting = waiting[-_FEW:], waiting[:-_FEW]
        with loop.ledger.read() as tx:
            known = tx.holdings.walked(loop.project, page)
        files: list[Digest] = []
        for digest in page:
            if digest in known:
                continue
            node = decode(_node(loop, digest), digest)
            below = [to_digest(node.id(at)) for at in range(len(node.keys))]
            files += below
            if node.level:  # a node that is named a thousand times is read once
                waiting += [one for one in dict.fromkeys(below) if one not in seen]
                seen.update(below)
            else:
                walk.done.append(digest)
        here = held(loop, files) if files else set()
        _all_there([one for one in files if one not in here])
    walk.done.append(root)
    walk.keep()


def _all_there(lacking: Sequence[Digest]) -> None:
    if lacking:
        raise NotFound(
            f"{len(lacking)} blobs are not in the store", kind="blob-missing", hint="upload them first",
            digest=lacking[0], digests=list(lacking[:TOLD]),
        )  # fmt: skip


def within(loop: Loop, patterns: Sequence[str], wanted: Iterable[Digest]) -> set[Digest]:
    """Give those of `wanted` that are a version of an asset that one of `patterns` (`kind/name` globs) names, or below one."""
    from fnmatch import fnmatchcase

    from loopline.nouns.name import RefName

    left, found = set(wanted), set[Digest]()
    with loop.ledger.read() as tx:
        assets = [asset.name for asset in tx.assets.list(loop.project, limit=100_000)]
        mine = [name for name in assets if any(fnmatchcase(str(name), pattern) for pattern in patterns)]
        versions = [version.artifact for name in mine for version in tx.versions.list(name, limit=100_000)]
        refs = [ref.name.key for name in mine for ref in tx.refs.of(name)] + [
            RefName(name, "main").key for name in mine
        ]
        staged = [root for key in dict.fromkeys(refs) if (root := tx.staging.working(key).root)]
    found |= left & {one.digest for one in versions}
    seen: set[Digest] = set()
    for root in [*staged, *(one.digest for one in versions if one.media_type in (TREE, MODEL))]:
        if left <= found:
            break
        found |= left & (_below(loop, root, seen) | {root})
    return found


def _below(loop: Loop, root: Digest, seen: set[Digest]) -> set[Digest]:
    """Give every node and file below a tree that `seen` does not have yet. What cannot be read has nothing below it."""
    from loopline.datasets.nodes import decode, to_digest

    waiting, found = [root], set[Digest]()
    while waiting:
        digest = waiting.pop()
        if digest in seen:
            continue
        seen.add(digest)
        try:
            node = decode(_node(loop, digest), digest)
        except LooplineError:
            continue
        below = [to_digest(node.id(at)) for at in range(len(node.keys))]
        found.update(below)
        if node.level:
            waiting += below
    return found
