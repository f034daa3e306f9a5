"""shelf: the versions of one asset that another store lists, and the branches there.

    assets/KIND/NAME/versions/NUMBER-ROOT.json   what a version is: a `Manifest`
    assets/KIND/NAME/refs/BRANCH.json            where a branch stands: number and root

A manifest is named by number and root: by the number alone, two projects with assets of one name would overwrite each other, and
a digest of the manifest would say nothing to whoever lists. The project is no part of the name, for others pull it into theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec

from loopline.errors import Conflict, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of, find_digest, short
from loopline.nouns.name import AssetName, Hashed, Named, Numbered, Pointer, RefName, Revision
from loopline.nouns.version import ORIGIN
from loopline.store.blobs import CHUNK
from loopline.store.marks import first_marked, mark, marked
from loopline.store.named import quoted
from loopline.verbs.staging import NOTES

if TYPE_CHECKING:
    from loopline.nouns.version import Version
    from loopline.store.elsewhere import Elsewhere

T = TypeVar("T")
FORMAT: Final = 1
_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_FILE: Final = re.compile(r"([0-9]{1,18})-([0-9a-f]{64})\.json\Z")


class Line(msgspec.Struct, frozen=True):
    """One version in the line of another."""

    id: str
    """The same in every project that pulled it: `id_of`."""
    root: str


class Stand(msgspec.Struct, frozen=True):
    """Where a branch stands."""

    id: str
    number: int
    root: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the project that pushed it has it."""

    format: int = FORMAT
    id: str
    project: str
    asset: str
    number: int
    root: str
    size: int
    """Bytes of the root node."""
    author: str
    message: str = ""
    metadata: dict[str, Any] = {}
    parents: tuple[Stand, ...] = ()
    before: tuple[Line, ...] = ()
    """What it came from, the nearest first, as far as it fits: who has one of these roots needs the rest only."""
    recorded_at: int = 0
    event_time: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    notes: dict[str, str] = {}
    """What is said of paths beside the files, where that is no tree of the store's."""


def id_of(version: Version) -> str:
    """Name a version wherever it has been pulled to: a tree alone does not, since a revert has the same one twice."""
    origin = version.metadata.get(ORIGIN)
    told = origin.get("id") if isinstance(origin, Mapping) else None
    if isinstance(told, str) and _ID.match(told):
        return told
    said = [
        version.asset.key, version.number, version.artifact.digest, version.author, version.message, version.recorded_at,
    ]  # fmt: skip
    return digest_of(msgspec.json.encode(said))[7:39]


def notes_in(manifest: Manifest) -> Digest | None:
    """Give the root of a version's notes; None where it has none."""
    said = manifest.metadata.get(NOTES)
    return find_digest(said) if isinstance(said, str) else None


class Shelf:
    """What one store says of one asset."""

    def __init__(self, store: Elsewhere, asset: AssetName) -> None:
        self._store, self._named, self._asset = store, store.named, asset
        self._folder = f"assets/{asset.kind}/{quoted(asset.name)}"

    small: Final = CHUNK
    """Bytes up to which blobs are sent together."""
    apart: Final = True
    """Whether notes are sent as a tree of their own."""

    def branch(self, pointer: Pointer, version: Version, branch: str) -> str:  # noqa: ARG002 - as others are asked
        """Give the branch that a push moves: the one that is asked for, else the one that was named, else none."""
        return branch or (pointer.revision.ref if isinstance(pointer.revision, Named) else "")

    def ahead(self, branch: str, stand: Stand) -> str:  # noqa: ARG002 - as others are asked
        """Give the branch to move where it stands at a version that comes from this one: none."""
        return ""

    def whole(self, root: Digest, notes: Digest | None) -> bool:
        """Tell whether all of a tree is there, and of its notes, by a look at each."""
        return marked(self._named, root) and (notes is None or marked(self._named, notes))

    def begin(self, root: Digest, before: Sequence[Digest], *, recheck: bool) -> Digest | None:  # noqa: ARG002 - as others
        """Give the nearest root of those before a tree that is there whole; none, if no mark is to be believed."""
        return None if recheck else first_marked(self._named, before)

    def publish(self, manifest: Manifest, branch: str, seen: bytes | None) -> bool:
        """Say that all of a version is there, list it, and let a branch stand at it; tell whether that was where it was seen."""
        for root in (Digest(manifest.root), notes_in(manifest)):
            if root is not None and not marked(self._named, root):
                mark(self._named, root)
        self.keep(manifest)
        here = Stand(manifest.id, manifest.number, manifest.root)
        return not branch or (seen is not None and _decoded(seen, Stand) == here) or self.move(branch, here, seen)

    def keep(self, manifest: Manifest) -> None:
        """List a version. What is listed already stays, unless it cannot be read."""
        name = self._version(manifest.number, Digest(manifest.root))
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        held = self._named.find(name)
        if held is None or (held != data and _decoded(held, Manifest) is None):
            self._named.put(name, data)

    def get(self, revision: Revision) -> Manifest:
        """Give what a revision means there. Raise NotFound, Conflict where it may mean several."""
        match revision:
            case Named(ref):
                stand, _ = self.stand(ref)
                if stand is None:
                    raise self._nothing(str(RefName(self._asset, ref)))
                return self._manifest(stand.number, Digest(stand.root))
            case Numbered(number):
                found = [one for one in self._versions() if one[0] == number]
            case Hashed(prefix):
                found = sorted(one for one in self._versions() if one[1].startswith(prefix))[-1:]
            case _:
                newest = max((number for number, _ in self._versions()), default=0)
                found = [one for one in self._versions() if one[0] == newest]
        if not found:
            raise self._nothing(f"{self._asset}@{getattr(revision, 'number', getattr(revision, 'prefix', 'latest'))}")
        if len(found) > 1:
            roots = sorted(root for _, root in found)
            raise Conflict(
                f"{self._store.address} has {len(roots)} versions {self._asset}@{found[0][0]}, of different projects",
                kind="ambiguous-version", hint=f"name one by its digest: {self._asset}@{roots[0][:19]}", roots=roots,
            )  # fmt: skip
        return self._manifest(*found[0])

    def before(self, stand: Stand) -> tuple[Line, ...]:
        """Give what the version of a stand came from; nothing where that cannot be read."""
        try:
            return self._manifest(stand.number, Digest(stand.root)).before
        except (NotFound, Unavailable) as error:
            if error.kind not in {"not-pushed", "manifest-unreadable"}:
                raise
            return ()

    def stand(self, branch: str) -> tuple[Stand | None, bytes | None]:
        """Give where a branch stands there, and what `move` must be told that was seen."""
        seen = self._named.find(self._ref(branch))
        if seen is None:
            return None, None
        stand = _decoded(seen, Stand)
        return (stand if stand is not None and find_digest(stand.root) else None), seen

    def move(self, branch: str, stand: Stand, seen: bytes | None) -> bool:
        """Let a branch stand elsewhere, if it is still where it was seen; tell whether it was."""
        return self._named.swap(self._ref(branch), seen, msgspec.json.encode(stand))

    def _manifest(self, number: int, root: Digest) -> Manifest:
        data = self._named.find(self._version(number, root))
        what = f"{self._asset}@{number} ({short(root)})"
        if data is None:
            raise self._nothing(what)
        manifest = _decoded(data, Manifest)
        if manifest is None or (manifest.number, manifest.root) != (number, root):
            raise Unavailable(
                f"what {self._store.address} says of {what} cannot be read", kind="manifest-unreadable",
                hint="push that version again, or install a newer Loopline", store=self._store.address, number=number,
            )  # fmt: skip
        return manifest

    def _versions(self) -> Iterator[tuple[int, Digest]]:
        for name in self._named.list(f"{self._folder}/versions"):
            if found := _FILE.match(name):
                yield int(found[1]), Digest("sha256:" + found[2])

    def _version(self, number: int, root: Digest) -> str:
        return f"{self._folder}/versions/{number}-{root.removeprefix('sha256:')}.json"

    def _ref(self, branch: str) -> str:
        return f"{self._folder}/refs/{quoted(branch)}.json"

    def _nothing(self, what: str) -> NotFound:
        return NotFound(
            f"{self._store.address} has no {what}", kind="not-pushed",
            hint=f"loopline push {self._asset} {self._store.address}, where that version is", store=self._store.address,
        )  # fmt: skip


def _decoded(data: bytes, kind: type[T]) -> T | None:
    try:
        value = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None
    return None if isinstance(value, Manifest) and value.format != FORMAT else value
