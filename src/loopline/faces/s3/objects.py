"""objects: one key, read, written, copied, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loopline.errors import LooplineError
from loopline.faces.s3 import checksums, conditions, notes
from loopline.faces.s3.addressing import Place, Target
from loopline.faces.s3.errors import Fault
from loopline.nouns.digest import Digest
from loopline.nouns.name import RefName
from loopline.verbs.commit import commit
from loopline.verbs.staging import Condition, gone, held_sums, remove_all, stage, written

if TYPE_CHECKING:
    from loopline.datasets.overlay import Found, Overlay
    from loopline.faces.s3.receiving import Taken
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.staged import Staged


@dataclass(frozen=True, slots=True)
class Object:
    """What is at a key."""

    key: str
    digest: Digest
    size: int
    modified: int
    etag: str
    """With its quotes."""
    notes: notes.Notes = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    @property
    def checksums(self) -> dict[str, str]:
        """The sums that clients are told: of the whole, or of how it was put together."""
        own = self.notes.get("sums")
        return dict(own) if own else {name: value for name, value in self.sums.items() if name in checksums.LENGTHS}

    @property
    def checksum_type(self) -> str:
        """What these sums are of."""
        return checksums.COMPOSITE if any("-" in one for one in self.checksums.values()) else checksums.FULL

    @property
    def parts(self) -> list[int]:
        """Sizes of the parts that it was put together of; none for what came at once."""
        return [size for size, count in self.notes.get("parts", ()) for _ in range(count)]


def etag_of(digest: str, said: notes.Notes, md5: str | None) -> str:
    """Give the tag of an object: as it was given at its writing, else the md5 of its bytes, else one that says it is neither."""
    return f'"{said.get("etag") or md5 or digest[7:39] + "-1"}"'


def find(loop: Loop, target: Target, key: str) -> Object:
    """Read what is at a key. Raise Fault NoSuchKey."""
    try:
        view = target.view(loop)
    except LooplineError as error:
        if error.kind in ("no-ref", "no-revision", "no-version", "version-deleted"):
            raise Fault("NoSuchKey", Key=key) from None
        raise
    over = view.overlay(loop)
    found = over.find(target.path) if target.path else None
    if found is None:
        raise Fault("NoSuchKey", Key=key)
    with loop.ledger.read() as tx:
        return _object(tx, over, found, key, view.at)


def _object(tx: Tables, over: Overlay, found: Found, key: str, at: int) -> Object:
    said = notes.about(notes.read(over.notes(found)), found.entry.digest)
    sums = tx.sums.of(found.entry.digest)
    etag = etag_of(found.entry.digest, said, sums.get("md5"))
    modified = found.staged.recorded_at if found.staged else at
    return Object(key, found.entry.digest, found.entry.size, modified, etag, said, sums)


def objects(
    loop: Loop, over: Overlay, found: Iterable[tuple[str, Found]], at: int, kept: dict[str, notes.Notes]
) -> Iterator[Object]:
    """Give many of one branch with their keys; `kept` are notes that were read before, by their text."""
    listed = list(found)
    with loop.ledger.read() as tx:
        sums = tx.sums.all("md5", [one.entry.digest for _, one in listed])
    for key, one in listed:
        text = over.notes(one)
        if text not in kept:
            kept[text] = notes.read(text)
        digest = one.entry.digest
        said = notes.about(kept[text], digest)
        modified = one.staged.recorded_at if one.staged else at
        yield Object(key, digest, one.entry.size, modified, etag_of(digest, said, sums.get(digest)), said)


def store(
    loop: Loop, place: Place, target: Target, taken: Taken, said: notes.Notes, *, headers: Mapping[str, str],
    beside: Callable[[Tables], None] | None = None,
) -> str:  # fmt: skip
    """Stage bytes that are in the store under a key, and give their tag. Raise Fault where a header's condition does not hold."""
    if not target.path:
        raise Fault("InvalidArgument", "A key has a path behind its branch.")
    if target.path.endswith("/") and taken.size:
        raise Fault("InvalidRequest", "A key that ends with / is a folder, and holds no bytes here.")

    def keep(tx: Tables) -> None:
        held_sums(tx, loop.project, taken.digest, {"md5": taken.md5, **taken.sums} if taken.md5 else taken.sums)
        if beside:
            beside(tx)

    row = written(target.path, taken.digest, taken.size, notes=notes.written(said))
    _stage(loop, place, target, row, headers=headers, beside=keep)
    return etag_of(taken.digest, said, taken.md5 or None)


def drop(loop: Loop, place: Place, target: Target, *, headers: Mapping[str, str]) -> None:
    """Stage that a key is gone. One that is not there is gone already."""
    if target.path:
        _stage(loop, place, target, gone(target.path), headers=headers)


def drop_all(loop: Loop, place: Place, targets: Iterable[Target]) -> None:
    """Stage that many keys are gone, without conditions, in one transaction for each branch."""
    paths: dict[RefName, list[str]] = {}
    for target in targets:
        paths.setdefault(target.ref, []).append(target.path)
    for ref, mine in paths.items():
        remove_all(loop, ref, mine)
        if place.auto_commit:
            commit(loop, ref, message=f"delete {len(mine)} files")


def _stage(
    loop: Loop, place: Place, target: Target, row: Staged, *, headers: Mapping[str, str], beside: Any = None
) -> None:
    condition: Condition | None = None
    if conditions.known(headers):

        def condition(tx: Tables, over: Overlay, found: Found | None) -> None:
            conditions.may_write(headers, _object(tx, over, found, "", 0).etag if found else None)

    stage(loop, target.ref, row, condition=condition, beside=beside)
    if place.auto_commit:
        verb = "delete" if row.entry is None else "write"
        commit(loop, target.ref, message=f"{verb} {row.path}")
