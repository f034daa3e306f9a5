"""sharing: versions between this project's store and another, with what a project there must know of them.

Bytes go first, then the mark of the root (`store/marks.py`), then the manifest, then the branch (`shelf.py`): each only when all
before it is durable, so whoever is killed in between leaves nothing that lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.sending import Known, Sent, send
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.artifact import TREE
from loopline.nouns.change import Published
from loopline.nouns.digest import Digest, parse_digest
from loopline.nouns.name import Named, Numbered, Pointer, RefName
from loopline.nouns.progress import Report
from loopline.nouns.transfer import Transfer
from loopline.nouns.version import ORIGIN, Version
from loopline.sdk.shelf import Line, Manifest, Shelf, Stand, id_of
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


class Sharing:
    """One project and one other store."""

    def __init__(self, client: Client, store: Elsewhere, *, report: Report, dry: bool = False) -> None:
        self._client, self._store = client, store
        self._report, self._dry = report, dry

    def push(self, pointer: Pointer, *, branch: str = "", recheck: bool = False) -> Transfer:
        """Bring a version there, and move a branch there: the one that was named, or `branch`, if it has not gone on.

        With `recheck` no mark is believed. Raise Conflict kind="diverged" where the branch there does not come from what this
        version comes from, before anything is sent.
        """
        version = self._tree(pointer)
        root, shelf = version.artifact.digest, Shelf(self._store, pointer.asset)
        branch = branch or (pointer.revision.ref if isinstance(pointer.revision, Named) else "")
        stand, seen = shelf.stand(branch) if branch else (None, None)
        here = Stand(id_of(version), version.number, root)
        there = marked(self._store.named, root) and not recheck
        if there and stand is not None and stand.id == here.id:
            return self._transfer(version, Sent(), branch)
        before = _before(self._lately(version), version)
        if stand is not None and (way := _way(here, before, stand, shelf.before(stand))) != "after":
            if way == "apart":
                raise self._diverged(RefName(pointer.asset, branch), stand)
            branch = branch if way == "same" else ""
        sent = Sent()
        if not there:
            known = None if recheck else first_marked(self._store.named, (Digest(one.root) for one in before))
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
        return self._transfer(version, sent, branch)

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
        stays = here is not None and self._stays(here, lately, found, ref)
        sent = Sent()
        if not stays or recheck:
            held = {one.artifact.digest for one in lately}
            known = None if recheck else next((Digest(one.root) for one in found.before if one.root in held), None)
            sent = self._send(self._store.blobs, self._client.blobs, root, known, "pull")
        if self._dry:
            return Transfer(
                f"{pointer.asset}@{found.number}", self._store.address, root, sent.blobs, sent.bytes, dry=True
            )
        if stays and here is not None:
            return Published(here)
        return self._client.do(
            add, pointer.asset, tree=root, branch=branch, message=found.message, expect=here.number if here else None,
            metadata=self._told(found), event_time=found.event_time,
        )  # fmt: skip

    def _stays(self, here: Version, lately: Sequence[Version], found: Manifest, ref: RefName) -> bool:
        """Tell whether a branch here has what was found; raise where neither comes from the other."""
        mine = Stand(id_of(here), here.number, here.artifact.digest)
        there = Stand(found.id, found.number, found.root)
        way = _way(mine, _before(lately, here), there, found.before)
        if way == "apart":
            raise self._diverged(ref, there)
        return way != "before"

    def _transfer(self, version: Version, sent: Sent, branch: str) -> Transfer:
        root = version.artifact.digest
        return Transfer(str(version), self._store.address, root, sent.blobs, sent.bytes, branch, dry=self._dry)

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
        return tuple(Stand(id_of(one), one.number, one.artifact.digest) for one in found)

    def _told(self, manifest: Manifest) -> Mapping[str, Any]:
        origin = {
            "id": manifest.id, "store": self._store.address, "project": manifest.project, "asset": manifest.asset,
            "number": manifest.number,
            "author": manifest.author, "recorded_at": manifest.recorded_at,
            "parents": [{"number": one.number, "root": one.root} for one in manifest.parents],
        }  # fmt: skip
        return {**manifest.metadata, ORIGIN: origin}

    def _diverged(self, ref: RefName, stand: Stand) -> Conflict:
        return Conflict(
            f"{ref} here and in {self._store.address} (version {stand.number} there) do not come from each other",
            kind="diverged", hint="name another branch by --branch, then compare the two by loopline diff",
            store=self._store.address, number=stand.number, root=stand.root,
        )  # fmt: skip


def _way(one: Stand, line: Sequence[Line], other: Stand, other_line: Sequence[Line]) -> str:
    """Tell how one version is to another: `same` files, `after` or `before` it, or `apart`.

    By ids first, for a revert has a tree that was there before; then by trees, for two may have added the same files.
    """
    if other.root == one.root:
        return "same"
    for name in ("id", "root"):
        if any(getattr(past, name) == getattr(other, name) for past in line):
            return "after"
        if any(getattr(past, name) == getattr(one, name) for past in other_line):
            return "before"
    return "apart"


def _before(lately: Iterable[Version], version: Version) -> list[Line]:
    """Give a version's ancestors, nearest first."""
    known = {one.number: one for one in lately}
    found: list[Line] = []
    seen, level = {version.number}, list(version.parents)
    while level:
        here = [known[number] for number in dict.fromkeys(level) if number in known and number not in seen]
        seen.update(level)
        found += [Line(id_of(one), one.artifact.digest) for one in here]
        level = [number for one in here for number in one.parents]
    return found


def _manifest(version: Version, before: Sequence[Line], parents: tuple[Stand, ...]) -> Manifest:
    return Manifest(
        id=id_of(version), project=version.asset.project, asset=str(version.asset), number=version.number,
        root=version.artifact.digest, size=version.artifact.size, author=version.author, message=version.message,
        metadata=dict(version.metadata), parents=parents, before=tuple(before), recorded_at=version.recorded_at,
        event_time=version.event_time,
    )  # fmt: skip
