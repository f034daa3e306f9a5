"""sharing: versions between this project's store and another, with what a project there must know of them.

Bytes go first, then the mark of the root (`store/marks.py`), then the manifest, then the branch (`shelf.py`): each only when all
before it is durable, so whoever is killed in between leaves nothing that lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from loopline.datasets.sending import Known, Sent, send
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.artifact import TREE
from loopline.nouns.change import Published
from loopline.nouns.digest import Digest, parse_digest
from loopline.nouns.name import Named, Numbered, Pointer, RefName
from loopline.nouns.progress import Report
from loopline.nouns.transfer import Transfer
from loopline.nouns.version import ORIGIN, Version
from loopline.sdk.shelf import Line, Manifest, Shelf, Stand, id_of, notes_in
from loopline.store.elsewhere import Elsewhere
from loopline.verbs.add import add
from loopline.verbs.get import get
from loopline.verbs.history import history
from loopline.verbs.staging import NOTES, notes_of
from loopline.wiring import store_at

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.datasets.sending import Gives, Takes
    from loopline.sdk.client import Client
    from loopline.sdk.oci import Artifacts, Tags

ANCESTORS: Final = 256
"""Versions before one that are looked through for what another store has already."""


def shared_at(address: str, home: Path, *, new: bool) -> Elsewhere | Artifacts:
    """Open what versions are pushed to or, without `new`, pulled from: a store, or a repository `oci://HOST/NAME`.

    Raise what `store_at` raises.
    """
    if address.startswith(("oci://", "oci+http://")):
        from loopline.sdk.oci import artifacts_at

        return artifacts_at(address, home / "cache" / "oci", writing=new)
    return store_at(address, home, new=new)


class Sharing:
    """One project and one other store."""

    def __init__(self, client: Client, store: Elsewhere | Artifacts, *, report: Report, dry: bool = False) -> None:
        self._client, self._store = client, store
        self._report, self._dry = report, dry

    def push(self, pointer: Pointer, *, branch: str = "", recheck: bool = False, deep: bool = False) -> Transfer:
        """Bring a version there, and move a branch there: the one that was named, or `branch`, if it has not gone on.

        With `recheck` no mark is believed, and with `deep` what a store has is read, and mended; a registry is only asked. Raise
        Conflict kind="diverged" where the branch there does not come from what this version comes from, before anything is sent.
        """
        recheck, deep = recheck or deep, deep and isinstance(self._store, Elsewhere)
        version = self._tree(pointer)
        root, shelf = version.artifact.digest, self._shelf(pointer)
        branch = shelf.branch(pointer, version, branch)
        stand, seen = shelf.stand(branch) if branch else (None, None)
        notes = notes_of(version)
        there = not recheck and shelf.whole(root, notes)
        if there and stand is not None and stand.id == id_of(version):
            return self._transfer(version, Sent(), branch)
        before = _before(self._lately(version), version)
        here = Stand(id_of(version), version.number, root)
        if stand is not None and (way := _way(here, before, stand, shelf.before(stand))) != "after":
            if way == "apart":
                raise self._diverged(RefName(pointer.asset, branch), stand)
            branch = branch if way == "same" else shelf.ahead(branch, stand)
        sent = Sent()
        if not there:
            known = shelf.begin(root, [Digest(one.root) for one in before], recheck=recheck)
            sent = self._send(self._client.blobs, self._store.blobs, root, known, small=shelf.small, deep=deep)
            if notes is not None and shelf.apart:
                sent = _both(sent, self._send(self._client.blobs, self._store.blobs, notes, None, small=shelf.small))
            if not (self._dry or isinstance(self._store, Elsewhere)):  # what was found there, or beside, was not sent
                sent = Sent(sent.blobs, self._store.blobs.registry.sent)
        if not self._dry and not shelf.publish(_manifest(version, before, self._stands(version)), branch, seen):
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
        shelf = self._shelf(pointer)
        found = shelf.get(pointer.revision)
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
            sent = self._send(self._store.blobs, self._client.blobs, root, known, small=shelf.small)
            found, more = self._with_notes(found, shelf.small)
            sent = _both(sent, more)
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

    def _with_notes(self, found: Manifest, small: int) -> tuple[Manifest, Sent]:
        """Bring what is said of paths beside the files. Who pushed without it has a version that says nothing of them."""
        notes = notes_in(found)
        try:
            if notes is not None:
                return found, self._send(self._store.blobs, self._client.blobs, notes, None, small=small)
        except NotFound as error:
            if error.kind != "blob-missing":
                raise
        return replace(found, metadata={name: one for name, one in found.metadata.items() if name != NOTES}), Sent()

    def _shelf(self, pointer: Pointer) -> Shelf | Tags:
        if isinstance(self._store, Elsewhere):
            return Shelf(self._store, pointer.asset)
        from loopline.sdk.oci import Tags

        return Tags(self._store, pointer.asset, self._client.blobs)

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

    def _send(
        self, source: Gives, target: Takes, root: Digest, known: Digest | None, *, small: int, deep: bool = False
    ) -> Sent:
        """Send, beside a tree that the target has whole; where that cannot be read any more, all is asked for."""
        base = Known(self._client.blobs, known) if known else None
        label = "pull" if target is self._client.blobs else "push"
        asked: dict[str, Any] = {"report": self._report, "label": label, "small": small, "deep": deep, "dry": self._dry}
        try:
            return send(source, target, root, known=base, **asked)
        except NotFound as error:
            if base is None or error.kind != "blob-missing":
                raise
            return send(source, target, root, **asked)

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


def _both(one: Sent, other: Sent) -> Sent:
    return Sent(one.blobs + other.blobs, one.bytes + other.bytes)


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
