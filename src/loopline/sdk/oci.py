"""oci: versions of data as artifacts in a registry of OCI images.

A version is an image manifest of `artifactType` DATA. Its config is what a shelf says of a version (`shelf.Manifest`). Its layers
are, for a version of few files, the files themselves, each with its path as `org.opencontainers.image.title`: any client can use
them, and the tree is made of them anew. For one of many they are packs and large blobs, nodes of the tree among them. Either way
the root that the config names is held against all below it. A branch is a tag.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.nouns.artifact import BYTES
from loopline.nouns.digest import Digest, digest_of, find_digest, short
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Hashed, Named, Numbered, Pointer, Revision
from loopline.sdk.layers import PACK, SMALL, Kind, Layer, Layers
from loopline.sdk.registry import BIGGEST_MANIFEST, IMAGE, Registry
from loopline.sdk.repository import TAG, parse_repository
from loopline.sdk.shelf import Line, Manifest, Stand, notes_in
from loopline.store.blobs import CHUNK
from loopline.store.memory import MemoryBlobs

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.nouns.version import Version
    from loopline.store.blobs import Blobs

DATA: Final = "application/vnd.loopline.data.v1"
CONFIG: Final = "application/vnd.loopline.version.v1+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
"""The layer `{}` of a version without files: some registries want one layer at least."""
TITLE: Final = "org.opencontainers.image.title"
EXECUTABLE: Final = "vnd.loopline.executable"
FEW: Final = 256
"""Files up to which each is a layer."""
_TYPES: Final = {
    "application/vnd.loopline.blob.v1": Kind.BLOB,
    "application/vnd.loopline.pack.v1": Kind.PACK,
    "application/vnd.loopline.packindex.v1": Kind.INDEX,
}
_NAMES: Final = {kind: name for name, kind in _TYPES.items()}
_NOTHING: Final = b"{}"
_BIGGEST_CONFIG: Final = 4 << 20
_ROOM: Final = 64 << 20
_PACKS: Final = 256
"""Packs beyond those that a version would have if it were packed anew: with more, it is."""
_TAGS: Final = 16
"""Other tags that are looked at for layers that are there."""
_BIGGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Artifacts:
    """A repository of a registry: what lies under names is a manifest, and its layers are the blobs."""

    address: str
    blobs: Layers
    folder: Path
    """Where this machine remembers what was begun there."""


def artifacts_at(address: str, folder: Path, *, writing: bool) -> Artifacts:
    """Open a repository by its address. Nothing is asked yet. Raise Invalid kind="bad-store-url"."""
    repository = parse_repository(address)
    return Artifacts(repository.written, Layers(Registry(repository, writing=writing, folder=folder), folder), folder)


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What a manifest says of one blob."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] | None = None


class Image(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An image manifest, as far as it is used."""

    schema_version: int
    media_type: str = ""
    artifact_type: str = ""
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: dict[str, str] = {}


class Found:
    """A version that a registry has."""

    def __init__(self, data: bytes, image: Image, manifest: Manifest) -> None:
        self.data, self.manifest = data, manifest
        self.layers, self.entries = _layers(image)

    @property
    def size(self) -> int:
        """Bytes of its layers."""
        return sum(one.size for one in self.layers)


class Tags:
    """What one repository says of one asset. The same questions can be asked as of a `Shelf`."""

    def __init__(self, there: Artifacts, asset: AssetName, source: Blobs) -> None:
        self.small = SMALL
        """Bytes up to which blobs are sent together."""
        self._layers, self._registry, self._asset, self._source = there.blobs, there.blobs.registry, asset, source
        self._repository = self._registry.repository
        self._seen: dict[str, Found | None] = {}
        self._entries: list[Entry] | None = None
        self._whole: Found | None = None
        self._beside = there.folder / "repositories.json"

    def branch(self, pointer: Pointer, version: Version, branch: str) -> str:
        """Give the tag that a push lets stand at a version: that of the address, else the branch, else the number."""
        where = self._repository
        if where.digest is not None:
            raise Invalid(
                f"{where.written} is a digest, to which nothing is pushed", kind="bad-tag", hint=f"push to {where}:TAG",
                store=str(where),
            )  # fmt: skip
        if where.tag and branch and branch != where.tag:
            raise Invalid("a tag and a branch are named", kind="bad-tag", hint="leave out --branch", branch=branch)
        named = pointer.revision.ref if isinstance(pointer.revision, Named) else str(version.number)
        return self._tag(where.tag or branch or named)

    def stand(self, branch: str) -> tuple[Stand | None, bytes | None]:
        """Give what a tag stands at, and what `publish` must be told that was seen. Raise Conflict kind="tag-taken"."""
        found = self._look(branch)
        if found is None:
            return None, None
        said = found.manifest
        return Stand(said.id, said.number, said.root), found.data

    def before(self, stand: Stand) -> tuple[Line, ...]:
        """Give what the version of a stand came from."""
        return next((one.manifest.before for one in self._seen.values() if one and one.manifest.id == stand.id), ())

    def ahead(self, branch: str, stand: Stand) -> str:
        """Say that a tag stands at a version that comes from this one."""
        raise Conflict(
            f"{self._repository}:{branch} stands at version {stand.number}, which comes from this one", kind="tag-ahead",
            hint=f"name another tag: {self._repository}:TAG", store=str(self._repository), number=stand.number,
        )  # fmt: skip

    @property
    def apart(self) -> bool:
        """Whether notes are sent as a tree of their own; with few files the config has them."""
        return self._layers.only is None

    def whole(self, root: Digest, notes: Digest | None) -> bool:
        """Tell whether a version with these roots is there, under a tag that was looked at or one of some others."""

        def among(several: Iterable[Found | None]) -> Found | None:
            return next(
                (one for one in several if one and (one.manifest.root, notes_in(one.manifest)) == (root, notes)), None
            )

        self._whole = among(self._seen.values()) or among(self._known())
        return self._whole is not None

    def begin(self, root: Digest, before: Sequence[Digest], *, recheck: bool) -> Digest | None:
        """Get ready for a tree; give the root of one before it that is there whole and whose layers go on to be used."""
        tree = Tree(self._source, root)
        few = tree.count <= FEW
        self._entries = list(tree.iter()) if few else None
        self._layers.only = {one.digest for one in self._entries or ()} if few else None
        self.small = CHUNK if few else SMALL
        self._registry.beside = self._other()
        self._layers.use(())
        roots = {root: at for at, root in enumerate(before)}
        there = [] if recheck else [one for one in self._known() if one.manifest.root in roots]
        packs = _PACKS + 2 * tree.reader.root.total // PACK
        fit = [
            one
            for one in there
            if (one.entries is not None) == few
            and (few or (one.size <= 2 * tree.reader.root.total + _ROOM and len(one.layers) <= packs * 2))
        ]
        nearest = min(fit, key=lambda one: roots[Digest(one.manifest.root)], default=None)
        if nearest is None:
            return None
        self._layers.use(nearest.layers)
        return Digest(nearest.manifest.root)

    def publish(self, manifest: Manifest, branch: str, seen: bytes | None) -> bool:
        """Let a tag name a version whose layers are there, if it still is what was seen; tell whether it was."""
        if self._whole is not None:
            self._entries = self._whole.entries
            self._layers.use(self._whole.layers)
        notes = notes_in(manifest)
        if self._entries is not None and notes is not None:
            said = {one.path: self._source.read(one.digest).decode() for one in Tree(self._source, notes).iter()}
            manifest = msgspec.structs.replace(manifest, notes=said)
        config = msgspec.json.encode(manifest)
        image = Image(
            schema_version=2, media_type=IMAGE, artifact_type=DATA, annotations=_annotations(manifest), layers=self._described(),
            config=Descriptor(media_type=CONFIG, digest=digest_of(config), size=len(config)),
        )  # fmt: skip
        data = msgspec.json.encode(image)
        if len(data) > BIGGEST_MANIFEST:
            raise Invalid(
                f"{manifest.asset} has more large files than a manifest can name: {len(image.layers)} layers",
                kind="too-many-layers", hint="push it to a folder or to object storage", layers=len(image.layers),
            )  # fmt: skip
        self._registry.put(digest_of(config), config)
        if image.layers[0].media_type == EMPTY:
            self._registry.put(digest_of(_NOTHING), _NOTHING)
        now = self._registry.manifest(branch)
        if (now[0] if now else None) not in {seen, data}:
            return False
        self._registry.put_manifest(branch, data)
        self._note()
        return True

    def get(self, revision: Revision) -> Manifest:
        """Give what a revision means there, and have its layers read. Raise NotFound, Unavailable kind="manifest-unreadable"."""
        where = self._repository
        reference = where.digest or self._tag(where.tag or _written(revision))
        got = self._registry.manifest(reference)
        if got is None:
            raise NotFound(
                f"there is no {where}{'@' if where.digest else ':'}{reference}", kind="not-pushed",
                hint=f"loopline push {self._asset} {where}, where that version is", store=str(where),
            )  # fmt: skip
        found = self._read(reference, *got)
        manifest = found.manifest
        differs = isinstance(revision, Numbered) and manifest.number != revision.number
        if differs or (isinstance(revision, Hashed) and not manifest.root.startswith(revision.prefix)):
            raise NotFound(
                f"{where}:{reference} is version {manifest.number} ({short(manifest.root)}), not the one that was asked for",
                kind="not-pushed", hint="name its tag or digest", store=str(where), number=manifest.number,
            )  # fmt: skip
        if found.entries is not None:
            texts = MemoryBlobs()
            said = [Entry(path, texts.put(text.encode()), len(text.encode())) for path, text in manifest.notes.items()]
            self._layers.held = self._made(found.entries, Digest(manifest.root), reference) | texts.held
            if (notes := notes_in(manifest)) is not None and said:
                self._layers.held |= self._made(said, notes, reference)
        self._layers.use(found.layers)
        self.small = CHUNK if found.entries is not None else SMALL
        self._note()
        return manifest

    def _made(self, entries: Iterable[Entry], wanted: Digest, reference: str) -> dict[Digest, bytes]:
        """Make the tree of files that are layers: it has the root that the config names, or something lies."""
        nodes = MemoryBlobs()
        try:
            root = build(nodes, sorted(entries, key=lambda one: one.path))
        except LooplineError as error:
            raise self._unreadable(reference, str(error)) from None
        if root != wanted:
            raise self._unreadable(reference, "its files are not those of its root")
        return nodes.held

    def _look(self, tag: str) -> Found | None:
        if tag not in self._seen:
            got = self._registry.manifest(tag)
            try:
                self._seen[tag] = self._read(tag, *got) if got else None
            except Unavailable as error:
                if error.kind != "manifest-unreadable":
                    raise
                raise Conflict(
                    f"{self._repository}:{tag} is something else, which is not overwritten: {error.facts['why']}",
                    kind="tag-taken", hint="name another tag, or delete that one first", store=str(self._repository), tag=tag,
                ) from None  # fmt: skip
        return self._seen[tag]

    def _known(self) -> list[Found]:
        """Give versions that are there: what was looked at, and what the last of the other tags name."""
        if "" not in self._seen:
            self._seen[""] = None
            for tag in self._registry.tags()[-_TAGS:]:
                with contextlib.suppress(Conflict):
                    if TAG.match(tag):
                        self._look(tag)
        return [one for one in self._seen.values() if one is not None]

    def _read(self, reference: str, data: bytes, kind: str) -> Found:
        """Read a manifest and its config. Nothing in them is believed that is not held against bytes later on."""
        try:
            image = msgspec.json.decode(data, type=Image)
        except (msgspec.DecodeError, RecursionError):
            raise self._unreadable(reference, "it is no image manifest") from None
        if (
            (image.media_type or kind) != IMAGE
            or DATA not in {image.artifact_type, ""}
            or image.config.media_type != CONFIG
        ):
            raise self._unreadable(reference, "it is no version of data")
        config = find_digest(image.config.digest)
        if config is None or not 0 < image.config.size <= _BIGGEST_CONFIG:
            raise self._unreadable(reference, "its config has no digest and size")
        try:
            manifest = msgspec.json.decode(self._registry.read(config, image.config.size), type=Manifest)
            found = Found(data, image, manifest)
        except (msgspec.DecodeError, RecursionError):
            raise self._unreadable(reference, "its config is of another format") from None
        except (NotFound, ValueError) as error:
            raise self._unreadable(reference, str(error)) from None
        if manifest.format != 1 or find_digest(manifest.root) is None or not 0 < manifest.number < 10**18:
            raise self._unreadable(reference, "its config is of another format")
        return found

    def _described(self) -> tuple[Descriptor, ...]:
        """Say which layers there are."""
        if self._entries is None:
            return tuple(
                Descriptor(media_type=_NAMES[one.kind], digest=one.digest, size=one.size) for one in self._layers.all()
            )
        if not self._entries:
            return (Descriptor(media_type=EMPTY, digest=digest_of(_NOTHING), size=len(_NOTHING)),)
        return tuple(
            Descriptor(
                media_type=BYTES, digest=one.digest, size=one.size,
                annotations={TITLE: one.path, **({EXECUTABLE: "true"} if one.mode & 0o100 else {})},
            )
            for one in self._entries
        )  # fmt: skip

    def _tag(self, text: str) -> str:
        if not TAG.match(text):
            raise Invalid(
                f"{text!r} cannot be a tag",
                kind="bad-tag",
                hint=f"name one in the address: {self._repository}:TAG",
                tag=text,
            )
        return text

    def _other(self) -> str:
        """Give the repository of this registry to which the asset went, or from which it came, before: layers may be there."""
        said = self._noted().get(self._repository.host)
        other = said.get(self._asset.key) if isinstance(said, dict) else None
        return other if isinstance(other, str) and other != self._repository.name else ""

    def _noted(self) -> dict[str, Any]:
        try:
            said = json.loads(self._beside.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    def _note(self) -> None:
        said, host = self._noted(), self._repository.host
        mine = said.get(host)
        said[host] = {**(mine if isinstance(mine, dict) else {}), self._asset.key: self._repository.name}
        with contextlib.suppress(OSError):
            self._beside.parent.mkdir(parents=True, exist_ok=True)
            half = self._beside.with_suffix(".half")
            half.write_text(json.dumps(said), encoding="utf-8")
            half.replace(self._beside)

    def _unreadable(self, reference: str, why: str) -> Unavailable:
        return Unavailable(
            f"{self._repository} has {reference}, which cannot be read: {why}", kind="manifest-unreadable",
            hint="push that version again, or install a newer Loopline", store=str(self._repository), why=why,
        )  # fmt: skip


def _layers(image: Image) -> tuple[list[Layer], list[Entry] | None]:
    """Read what layers there are, and the files where each is one. Raise ValueError, saying what is wrong."""
    layers, entries = list[Layer](), list[Entry]()
    files = all(one.media_type in {BYTES, EMPTY} for one in image.layers)
    for one in image.layers:
        digest, said = find_digest(one.digest), one.annotations or {}
        kind = Kind.BLOB if files else _TYPES.get(one.media_type)
        if digest is None or not 0 <= one.size <= _BIGGEST or kind is None:
            msg = f"one of its layers is {one.media_type[:100]!r}, or has no digest and size"
            raise ValueError(msg)
        if layers and (kind is Kind.INDEX) != (layers[-1].kind is Kind.PACK):
            msg = "a pack has no index"
            raise ValueError(msg)
        layers.append(Layer(kind, digest, one.size))
        if files and one.media_type != EMPTY:
            entries.append(
                Entry(said.get(TITLE, ""), digest, one.size, 0o755 if said.get(EXECUTABLE) == "true" else 0o644)
            )
    if layers and (layers[-1].kind is Kind.PACK or layers[0].kind is Kind.INDEX):
        msg = "a pack has no index"
        raise ValueError(msg)
    return layers, entries if files else None


def _annotations(manifest: Manifest) -> dict[str, str]:
    """Say for people and their tools what a version is."""
    created = datetime.fromtimestamp(manifest.recorded_at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.version": str(manifest.number),
        "org.opencontainers.image.authors": manifest.author,
        "org.opencontainers.image.description": manifest.message[:1000],
        "vnd.loopline.asset": manifest.asset,
        "vnd.loopline.project": manifest.project,
        "vnd.loopline.root": manifest.root,
        "vnd.loopline.id": manifest.id,
    }
    return {name: value for name, value in said.items() if value}


def _written(revision: Revision) -> str:
    match revision:
        case Named(ref):
            return ref
        case Numbered(number):
            return str(number)
        case Hashed(prefix):
            return prefix
        case _:
            return "latest"
