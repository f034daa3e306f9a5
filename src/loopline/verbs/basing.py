"""basing: which three versions a merge is about, and whether they may be merged; shared by merge, revert and cherry-pick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid, NotFound
from loopline.nouns.artifact import TREE
from loopline.nouns.name import Pointer, RefName
from loopline.verbs.carrying import in_quarantine, must_not_be_fixed
from loopline.verbs.moving import at_home

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.merge import MergeKind
    from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Sides:
    """The three versions of a merge, and where it goes. None: the tree without files."""

    ref: RefName
    kind: MergeKind
    source: str
    base: Version | None
    ours: Version
    theirs: Version | None
    message: str = ""
    others: tuple[Version, ...] = ()
    """Further bases: lines that were merged crosswise have several."""
    joining: bool = True
    """Whether what comes of a merge follows both sides; else ours alone, as if one had made the changes there."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the new version says about itself beside what ours says."""

    @property
    def parents(self) -> tuple[int, ...]:
        """Name the versions that what comes of it follows: a revert and a cherry-pick join no lines."""
        joined = self.kind == "merge" and self.joining and self.theirs is not None
        return (self.ours.number, self.theirs.number) if joined and self.theirs else (self.ours.number,)


def of_merge(tx: Tables, loop: Loop, source: Pointer, into: RefName, *, message: str = "") -> Sides:
    """Find the sides of a merge. Raise NotFound, Invalid, Refused."""
    _same_asset(loop, source, into)
    theirs, ours = tx.versions.resolve(source), _head(tx, into)
    told = message or f"merge {source} into {into}"
    base, *others = bases_of(tx, ours, theirs) or [None]
    return checked(tx, Sides(into, "merge", str(source), base, ours, theirs, told, tuple(filter(None, others))))


def of_revert(
    tx: Tables, loop: Loop, version: Pointer, into: RefName, *, parent: int | None, message: str = ""
) -> Sides:
    """Find the sides of a revert: from a version back to its parent. Raise as `of_merge` does."""
    _same_asset(loop, version, into)
    undone = tx.versions.resolve(version)
    before, told = _parent(tx, undone, parent), message or f"revert {undone}"
    return checked(tx, Sides(into, "revert", str(undone), undone, _head(tx, into), before, told))


def of_pick(tx: Tables, loop: Loop, version: Pointer, into: RefName, *, parent: int | None, message: str = "") -> Sides:
    """Find the sides of a cherry-pick: from the parent of a version to that version. Raise as `of_merge` does."""
    _same_asset(loop, version, into)
    picked = tx.versions.resolve(version)
    before, told = _parent(tx, picked, parent), message or picked.message or f"cherry-pick {picked}"
    return checked(tx, Sides(into, "cherry-pick", str(picked), before, _head(tx, into), picked, told))


def moved_on(tx: Tables, sides: Sides) -> Sides:
    """Give the same merge as of where its ref stands now."""
    ours = _head(tx, sides.ref)
    if sides.kind == "merge" and sides.theirs and ours.number != sides.ours.number:
        base, *others = bases_of(tx, ours, sides.theirs) or [None]
        sides = replace(sides, base=base, others=tuple(filter(None, others)))
    return checked(tx, replace(sides, ours=ours))


def bases_of(tx: Tables, ours: Version, theirs: Version) -> list[Version | None]:
    """Find what two versions come from, the newest first: several where two lines were merged crosswise."""
    return [tx.versions.get(ours.asset, number) for number in tx.versions.bases(ours.asset, ours.number, theirs.number)]


def checked(tx: Tables, sides: Sides) -> Sides:
    """Give sides back that may be merged. Raise Invalid, NotFound for what was deleted, Refused for a fixed ref, a quarantine."""
    must_not_be_fixed(tx, sides.ref)
    for one in (sides.base, sides.ours, sides.theirs):
        if one is not None and one.artifact.media_type != TREE:
            raise Invalid(
                f"{one} is no tree of files",
                kind="not-a-tree",
                hint="only trees of files are merged",
                version=str(one),
            )
    if sides.theirs is not None and sides.theirs.deleted_at is not None:
        raise NotFound(
            f"{sides.theirs} was deleted", kind="version-deleted", hint=f"loopline delete {sides.theirs} --restore",
            version=str(sides.theirs),
        )  # fmt: skip
    # What a revert undoes, and where it is undone, may well be in quarantine: that is what it is for.
    for one in (sides.theirs,) if sides.kind == "revert" else (sides.ours, sides.theirs):
        reason = tx.versions.quarantined(one.asset, one.number) if one else None
        if one is not None and reason is not None:
            raise in_quarantine(one.asset, one.number, reason)
    return sides


def _same_asset(loop: Loop, version: Pointer, into: RefName) -> None:
    at_home(loop, into.asset)
    if version.asset != into.asset:
        raise Invalid(
            f"{version} cannot be merged into {into}", kind="other-asset", hint=f"name a version of {into.asset}",
            ref=str(into), text=str(version),
        )  # fmt: skip


def _head(tx: Tables, ref: RefName) -> Version:
    return tx.versions.get(ref.asset, tx.refs.get(ref).target)


def _parent(tx: Tables, version: Version, chosen: int | None) -> Version | None:
    """Give the parent that a version is held against; None where it has none."""
    if chosen is not None and chosen not in version.parents:
        raise Invalid(
            f"{version} does not follow {chosen}", kind="not-a-parent",
            hint=f"its parents are {', '.join(map(str, version.parents)) or 'none'}", version=str(version), number=chosen,
        )  # fmt: skip
    if chosen is None and len(version.parents) > 1:
        raise Invalid(
            f"{version} is a merge: what it changed depends on the side one looks from", kind="several-parents",
            hint=f"add --parent {version.parents[0]}, or {' or '.join(map(str, version.parents[1:]))}", version=str(version),
            parents=list(version.parents),
        )  # fmt: skip
    number = chosen if chosen is not None else next(iter(version.parents), None)
    return tx.versions.get(version.asset, number) if number is not None else None
