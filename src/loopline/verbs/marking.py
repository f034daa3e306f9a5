"""marking: which bytes are in use, walked from every row that names some; shared by whatever reclaims or verifies.

Whoever is in doubt keeps: bytes that could be a tree are looked into, whatever a row calls them, and JSON that names digests
keeps these, too. What must be looked into and cannot be read ends the walk with an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError, Refused
from loopline.ledger.roots import DIGEST, FILE, Root
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest, short
from loopline.nouns.progress import Progress
from loopline.store.shelved import shelved

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.store.idents import Idents

_PAGE: Final = 512
_SMALL: Final = 4 << 20
"""No node of a tree is larger, and no JSON that names digests."""


def roots(loop: Loop, *, before: int) -> Iterator[Root]:
    """Give every root: of the ledger as of one moment, of journals that it does not have yet, and what others pushed here."""
    with loop.ledger.read() as tx:
        found = list(tx.roots.iter(before=before))
    yield from found
    yield from _journals(loop.work.parent / "journal")
    for name, root, text in shelved(loop.blobs):
        yield Root(root, "", name)  # a manifest may be left of files that are gone
        yield from (Root(Digest(digest), "", name) for digest in dict.fromkeys(DIGEST.findall(text)))


def mark(loop: Loop, into: Idents, *, before: int) -> None:
    """Add the id of everything that is in use. What was deleted before a time keeps nothing in use.

    Raise Refused kind="gc-unreadable" where something cannot be read that may name more.
    """
    walk = Walk(loop, lambda ident, _: into.add(ident))
    for root in roots(loop, before=before):
        walk.root(root)


class Walk:
    """Reads trees, each node once, those below `wanted` only. `found` is told each id with the size that its tree gives, or -1.

    Where it is not `strict`, what cannot be read is passed over.
    """

    def __init__(
        self,
        loop: Loop,
        found: Callable[[bytes, int], object],
        *,
        strict: bool = True,
        wanted: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self._loop = loop
        self._found = found
        self._strict = strict
        self._wanted = wanted
        self._seen: set[bytes] = set()
        self._done = 0

    def root(self, root: Root) -> None:
        """Take what a root names, and all below."""
        ident = bytes.fromhex(root.digest[7:])
        if ident in self._seen:
            return
        self._found(ident, -1)
        if not self._wanted(ident) or root.media_type == FILE:
            return
        tree = root.media_type in (TREE, MODEL) or root.media_type.endswith("+tree")
        json = root.media_type.endswith("json")
        data = self._sniffed(root, surely=tree or json)
        if data is None:
            self._seen.add(ident)
        elif tree or (_is_node(data) and not root.media_type):
            self._tree([root.digest], root)
        elif _is_node(data):  # its row says that it is none: it may look like one, and name what never was here
            self._seen.add(ident)
            Walk(self._loop, self._found, strict=False, wanted=self._wanted).root(replace(root, media_type=TREE))
        else:
            self._seen.add(ident)
            if json:
                for text in DIGEST.findall(data.decode("utf-8", "replace")):
                    self.root(Root(Digest(text), "", root.name, root.deleted))

    def _tree(self, waiting: list[Digest], root: Root) -> None:
        from loopline.datasets.nodes import decode, to_digest

        while waiting:
            page = [one for one in waiting[-_PAGE:] if bytes.fromhex(one[7:]) not in self._seen]
            del waiting[-_PAGE:]
            for digest, data in self._read(page, root):
                ident = bytes.fromhex(digest[7:])
                if ident in self._seen:
                    continue
                self._seen.add(ident)
                try:
                    node = decode(data, digest)
                except LooplineError as error:
                    self._unreadable(digest, root, error)
                    continue
                self._done += len(node.keys)
                self._loop.report(Progress("walk what is named", self._done, None, "objects"))
                for at, size in enumerate(node.firsts):
                    self._found(node.id(at), -1 if node.level else size)
                if node.level:
                    below = dict.fromkeys(node.id(at) for at in range(len(node.keys)))
                    waiting += [to_digest(one) for one in below if self._wanted(one)]

    def _read(self, page: list[Digest], root: Root) -> Iterator[tuple[Digest, bytes]]:
        left = dict.fromkeys(page)
        try:
            for digest, data in self._loop.blobs.read_all(page):
                left.pop(digest, None)
                yield digest, data
        except LooplineError:
            for digest in left:
                try:
                    yield digest, self._loop.blobs.read(digest)
                except LooplineError as error:
                    self._unreadable(digest, root, error)

    def _sniffed(self, root: Root, *, surely: bool) -> bytes | None:
        """Give bytes that may name others. None for what is larger than such, or is missing and need not name any."""
        blobs = self._loop.blobs
        try:
            size = blobs.size(root.digest)
            if size is None and not surely:
                return None
            if size is not None and size > _SMALL:
                return None
            return blobs.read(root.digest)
        except LooplineError as error:
            self._unreadable(root.digest, root, error)
            return None

    def _unreadable(self, digest: Digest, root: Root, error: LooplineError) -> None:
        if self._strict and not root.deleted:
            raise Refused(
                f"{short(digest)} of {root.name} cannot be read, so what it names is not known: {error.message}",
                kind="gc-unreadable",
                hint="loopline verify --deep names all that is damaged; mend it or delete what names it, then try again",
                digest=digest,
                name=root.name,
            ) from error


def _is_node(data: bytes) -> bool:
    from loopline.datasets.nodes import MAGIC

    return data.startswith(MAGIC)


def _journals(folder: Path) -> Iterator[Root]:
    """Give what journals name: programs that live or died may not have shipped it."""
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return
    for file in files:
        try:
            text = file.read_bytes().decode("latin-1")
        except OSError:  # shipped a moment ago
            continue
        for digest in dict.fromkeys(DIGEST.findall(text)):
            yield Root(Digest(digest), "", f"journal {file.name}")


def pages(ids: Iterable[bytes], most: int) -> Iterator[list[bytes]]:
    """Give ids in lists of up to `most`."""
    rest = iter(ids)
    while page := list(islice(rest, most)):
        yield page
