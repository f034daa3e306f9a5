"""sharing: versions between this project's store and another, with what a project there must know of them.

Bytes go first, then the mark of the root (`store/marks.py`), then the manifest, then the branch (`shelf.py`): each only when all
before it is durable, so whoever is killed in between leaves nothing that lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.sending import Known, Sent, send
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.artifact import TREE
from loopline.nouns.change import Published
from loopline.nouns.digest import Digest, parse_digest
from loopline.nouns.name import Named, Numbered, Pointer, RefName
from loopline.nouns.progress import Report
from loopline.nouns.transfer import Transfer
from loopline.nouns.version import Version
from loopline.sdk.shelf import Manifest, Shelf, Stand
from loopline.store.marks import first_marked, mark, marked
from loopline.verbs.add import add
from loopline.verbs.get import get
from loopline.verbs.history import history

if TYPE_CHECKING:
    from loopline.sdk.client import Client
    from loopline.store.blobs import Blobs
    from loopline.store.elsewhere import Elsewhere

ANCESTORS: Final = 256
"""Versions before one that are looked through for what another store has already."""
ORIGIN: Final = "origin"
"""Where the metadata of a version that was pulled say what it was there."""


class Sharing:
    """One project and one other store."""

    def __init__(self, client: Client, store: Elsewhere, *, report: Report, dry: bool = False) -> None:
        self._client, self._store = client, store
        self._report, self._dry = report, dry

    def push(self, pointer: Pointer, *, branch: str = "", recheck: bool = False) -> Transfer:
        """Bring a version there, and move a branch there: the one that was named, or `branch`.

        With `recheck` no mark is believed. Raise Conflict kind="diverged" where the branch there has gone elsewhere, before
        anything is sent.
        """
        version = self._tree(pointer)
        root, shelf = version.artifact.digest, Shelf(self._store, pointer.asset)
        branch = branch or (pointer.revision.ref if isinstance(pointer.revision, Named) else "")
        stand, seen = shelf.stand(branch) if branch else (None, None)
        here = Stand(version.number, root)
        there = marked(self._store.named, root) and not recheck
        if there and (stand == here or (self._dry and not branch)):
            return Transfer(str(version), self._store.address, root, 0, 0, branch, dry=self._dry)
        before = _before(self._lately(version), version)
        if stand is not None and stand.root not in (root, *before):
            raise self._diverged(RefName(pointer.asset, branch), stand, before)
        sent = Sent()
        if not there:
            known = None if recheck else first_marked(self._store.named, before)
            sent = self._send(self._client.blobs, self._store.blobs, root, known, "push")
        if not self._dry:
            if not there:
                mark(self._store.named, root)
            shelf.keep(_manifest(version, before, self._stands(version)))
            if branch and stand != here and not shelf.move(branch, here, seen):
                raise Conflict(
                    f"{RefName(pointer.asset, branch)} has moved in {self._store.address}", kind="ref-moved",
                    hint="push again: what was sent is there", store=self._store.address,
                )  # fmt: skip
        return Transfer(str(version), self._store.address, root, sent.blobs, sent.bytes, branch, dry=self._dry)

    def pull(self, pointer: Pointer, *, branch: str = "", recheck: bool = False) -> Published | Transfer:
        """Bring a version here as the next one of its asset, and move a branch: the one that was named, or `branch`, else main.

        A branch that stands at the same files, or has gone on from them, stays; with `recheck` its files are looked at. Raise
        Conflict kind="diverged" where it stands at files that the version does not come from, before anything is sent.
        """
        found = Shelf(self._store, pointer.asset).get(pointer.revision)
        root = parse_digest(found.root)
        branch = branch or (pointer.revision.ref if isinstance(pointer.revision, Named) else "main")
        ref = RefName(pointer.asset, branch)
        here = self._at(ref)
        lately = self._lately(here) if here else []
        same = here is not None and here.artifact.digest == root
        ahead = same or (here is not None and root in _before(lately, here))
        if here is not None and not ahead and here.artifact.digest not in found.before:
            raise self._diverged(ref, Stand(found.number, root), [here.artifact.digest])
        sent = Sent()
        if not ahead or recheck:
            held = {one.artifact.digest for one in lately}
            known = None if recheck else next((Digest(one) for one in found.before if one in held), None)
            sent = self._send(self._store.blobs, self._client.blobs, root, known, "pull")
        if self._dry:
            return Transfer(
                f"{pointer.asset}@{found.number}", self._store.address, root, sent.blobs, sent.bytes, dry=True
            )
        if ahead and here is not None:
            return Published(here)
        return self._client.do(
            add, pointer.asset, tree=root, branch=branch, message=found.message, expect=here.number if here else None,
            metadata=self._told(found), event_time=found.event_time,
        )  # fmt: skip

    def _send(self, source: Blobs, target: Blobs, root: Digest, known: Digest | None, label: str) -> Sent:
        """Send, beside a tree that the target has whole; where that cannot be read any more, all is asked for."""
        base = Known(self._client.blobs, known) if known else None
        try:
            return send(source, target, root, known=base, report=self._report, label=label, dry=self._dry)
        except NotFound as error:
            if base is None or error.kind != "blob-missing":
                raise
            return send(source, target, root, report=self._report, label=label, dry=self._dry)

    def _tree(self, pointer: Pointer) -> Version:
        version: Version = self._client.do(get, pointer)
        if version.artifact.media_type != TREE:
            raise Invalid(
                f"{version} is no folder of files",
                kind="not-a-tree",
                hint="push versions of data",
                version=str(version),
            )
        return version

    def _at(self, ref: RefName) -> Version | None:
        try:
            version: Version = self._client.do(get, Pointer(ref.asset, Named(ref.ref)))
        except NotFound:
            return None
        return version

    def _lately(self, version: Version) -> list[Version]:
        """Give a version and those of its asset before it, newest first."""
        pointer = str(Pointer(version.asset, Numbered(version.number)))
        return [one for one in self._client.do(history, pointer, limit=ANCESTORS) if isinstance(one, Version)]

    def _stands(self, version: Version) -> tuple[Stand, ...]:
        found = [self._client.do(get, Pointer(version.asset, Numbered(one))) for one in version.parents]
        return tuple(Stand(one.number, one.artifact.digest) for one in found)

    def _told(self, manifest: Manifest) -> Mapping[str, Any]:
        origin = {
            "store": self._store.address, "project": manifest.project, "asset": manifest.asset, "number": manifest.number,
            "author": manifest.author, "recorded_at": manifest.recorded_at,
            "parents": [{"number": one.number, "root": one.root} for one in manifest.parents],
        }  # fmt: skip
        return {**manifest.metadata, ORIGIN: origin}

    def _diverged(self, ref: RefName, stand: Stand, before: list[Digest]) -> Conflict:
        return Conflict(
            f"{ref} here and in {self._store.address} (version {stand.number} there) do not come from each other",
            kind="diverged", hint="name another branch by --branch, then compare the two by loopline diff",
            store=self._store.address, number=stand.number, root=stand.root, before=before[:1],
        )  # fmt: skip


def _before(lately: Iterable[Version], version: Version) -> list[Digest]:
    """Give the roots of a version's ancestors, nearest first."""
    known = {one.number: one for one in lately}
    found: dict[Digest, None] = {}
    seen, level = {version.number}, list(version.parents)
    while level:
        here = [known[number] for number in level if number in known and number not in seen]
        seen.update(level)
        found.update((one.artifact.digest, None) for one in here)
        level = [number for one in here for number in one.parents]
    found.pop(version.artifact.digest, None)
    return list(found)


def _manifest(version: Version, before: list[Digest], parents: tuple[Stand, ...]) -> Manifest:
    return Manifest(
        project=version.asset.project, asset=str(version.asset), number=version.number, root=version.artifact.digest,
        size=version.artifact.size, author=version.author, message=version.message, metadata=dict(version.metadata),
        parents=parents, before=tuple(before[:ANCESTORS]), recorded_at=version.recorded_at, event_time=version.event_time,
    )  # fmt: skip
