"""merging: how three versions become one, or a merge that waits; shared by merge, revert and cherry-pick.

Trees are merged outside of any transaction. Then one transaction looks whether the ref still stands where it stood, publishes
the version and proposes the move. Where it stands elsewhere by then, the merge is made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fnmatch import translate
from re import compile as compiled
from re import sub
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict
from loopline.ledger.merges import open_already
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.change import Change, Move
from loopline.nouns.entry import Entry
from loopline.nouns.merge import DRIVER, Clash, Merge, Resolution
from loopline.nouns.version import FIRST_PARENT, ORIGIN
from loopline.verbs.basing import Sides, bases_of, checked, moved_on
from loopline.verbs.moving import Plan, begin
from loopline.verbs.rowmerging import key_of, merge_rows
from loopline.verbs.staging import NOTES, notes_of, over

if TYPE_CHECKING:
    from loopline.datasets.merge import Roots
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.merge import Choice, MergeState
    from loopline.nouns.name import RefName
    from loopline.nouns.version import Version

    Driver = Callable[[Loop, Sides, Clash], bytes | None]

TRIES: Final = 5
"""How often a merge is made anew because its ref has moved meanwhile."""
_SHOWN: Final = 100
"""Paths that an error names."""


def _rows_of(loop: Loop, sides: Sides, clash: Clash) -> bytes | None:
    """Merge a table row by row, where the asset says which columns name a row."""
    base, ours, theirs = clash.base, clash.ours, clash.theirs
    key = key_of(sides.ours)
    if not key or not isinstance(ours, Entry) or not isinstance(theirs, Entry):
        return None
    return merge_rows(loop, base if isinstance(base, Entry) else None, ours, theirs, key=key).body


DRIVERS: Final[dict[str, Driver]] = {"rows": _rows_of}
"""What can merge the bytes of a file that both sides have changed, by name.

A driver is asked once for each path that clashes and is a file on both sides. It gets the three entries, of which the base may
be missing, and reads their bytes from the loop's store. It gives the bytes that the file becomes, the same for the same three,
or None where it does not know the file or its rows clash, too. The first one that gives bytes counts.
"""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What three versions would become: `root` is there where nothing is left to be chosen."""

    clashes: tuple[Clash, ...]
    made: tuple[Resolution, ...]
    """What drivers have made of files that clash."""
    root: Digest | None
    said: tuple[Resolution, ...] = ()
    """What people had chosen by then."""

    @property
    def left(self) -> int:
        """Count what nothing was taken for."""
        return sum(one.taken is None for one in self.clashes)


WEIGHING: Final = frozenset({"merge", "revert", "cherry_pick"})
"""Verbs that weigh."""
_weighed: ContextVar[dict[object, Weighed] | None] = ContextVar("_weighed", default=None)


class _Moved(Exception):  # noqa: N818 (no error: the merge is made again)
    """The ref has moved since the merge was made, or somebody has chosen something else."""


def carry(
    loop: Loop,
    find: Callable[[Tables], Sides],
    *,
    forward: bool = True,
    prefer: Choice | None = None,
    waiting: bool = True,
) -> Merge:
    """Merge what `find` names: into a new version and a change of the ref, or into a merge that waits for choices.

    `forward`: whether the ref simply goes to the other version where it has nothing of its own; `prefer`: what is taken for each
    path that clashes and that no driver merges. Raise Conflict kind="ref-busy"; without `waiting` kind="merge-clashes", and
    nothing is kept of it.
    """
    tries = TRIES
    taken = (Resolution("*", prefer),) if prefer else ()
    while True:
        with loop.ledger.read() as tx:
            sides = find(tx)
            _not_open(tx, sides)
        if nothing_new(sides):
            return _told(sides, "nothing")
        try:
            if forward and sides.kind == "merge" and sides.base == sides.ours and sides.theirs:
                return _go_forward(loop, sides, sides.theirs)
            weighed = weigh(loop, sides, taken)
            if changes_nothing(sides, weighed):
                return _told(sides, "nothing")
            if weighed.root is None and not waiting:
                raise _clashing(sides, weighed)
            return publish(loop, sides, weighed) if weighed.root is not None else _wait(loop, sides, weighed)
        except _Moved:
            tries -= 1
            if not tries:
                raise busy(sides.ref) from None


def go_on(loop: Loop, merge: Merge) -> Merge:
    """Finish a merge for which everything was chosen; with something left, or with more by now, it waits on."""
    for _ in range(TRIES):
        try:
            merge, sides, weighed = looked_at(loop, merge)
            if nothing_new(sides) or changes_nothing(sides, weighed):
                return _end_with_nothing(loop, sides, weighed, merge)
            return publish(loop, sides, weighed, merge) if weighed.root is not None else counted(merge, weighed)
        except _Moved:
            continue
    raise busy(merge.ref)


def looked_at(loop: Loop, merge: Merge) -> tuple[Merge, Sides, Weighed]:
    """Weigh an open merge as of where its ref stands now, and write down where that is. Raise Conflict kind="ref-busy"."""
    for _ in range(TRIES):
        with loop.ledger.read() as tx:
            before, taken = sides_of(tx, merge), tx.merges.taken(merge.id)
            sides = moved_on(tx, before)
        if sides.ours == before.ours:
            return merge, sides, weigh(loop, sides, taken, driving=False)
        weighed = weigh(loop, sides, [one for one in taken if not one.made])
        try:
            return _moved(loop, sides, weighed, merge), sides, weighed
        except _Moved:
            continue
    raise busy(merge.ref)


def _moved(loop: Loop, sides: Sides, weighed: Weighed, merge: Merge) -> Merge:
    """Let a merge that waits go on from where its ref stands."""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        _must_stand(tx, sides)
        tx.merges.forget_made(merge.id)
        tx.merges.take(merge.id, weighed.made)
        merge = tx.merges.move(merge.id, ours=sides.ours.number, base=sides.base.number if sides.base else None)
        tx.say("merge.moved", str(sides.ref), **_facts(sides), merge=merge.id, clashes=len(weighed.clashes))
    return merge


@contextmanager
def weighed_once() -> Iterator[None]:
    """Weigh the same versions once in this context: what a rehearsal has weighed takes a transaction no time."""
    token = _weighed.set({})
    try:
        yield
    finally:
        _weighed.reset(token)


def weigh(
    loop: Loop, sides: Sides, taken: Sequence[Resolution] = (), *, driving: bool = True, writing: bool = True
) -> Weighed:
    """Merge three trees with what was taken so far, and write the result where nothing is left.

    `driving`: files that clash and that nobody has spoken of go to drivers; `writing`: else there is no root.
    """
    known = _weighed.get()
    if known is None:
        return _weigh(loop, sides, taken, driving=driving, writing=writing)
    versions = (sides.base, sides.ours, sides.theirs, *sides.others)
    asked = (sides.ref, *[one and one.number for one in versions], *taken, driving, writing)
    if asked not in known:
        known[asked] = _weigh(loop, sides, taken, driving=driving, writing=writing)
    return known[asked]


def _weigh(loop: Loop, sides: Sides, taken: Sequence[Resolution], *, driving: bool, writing: bool) -> Weighed:
    from loopline.datasets.edit import edit
    from loopline.datasets.merge import merge, merge_crosswise, settle

    roots = roots_of(sides)
    others = [one.artifact.digest for one in sides.others]
    merged = merge_crosswise(loop.blobs, roots, others) if others else merge(loop.blobs, roots)
    clashes = decided(merged.clashes, taken)
    made = _driven(loop, sides, clashes) if driving else ()
    if made:
        clashes = decided(clashes, [*taken, *made])
    said = tuple(one for one in taken if not one.made)
    if not writing or any(one.taken is None for one in clashes):
        return Weighed(clashes, made, None, said)
    changes = dict(merged.changes)
    for one in clashes:
        if one.taken is not None:
            changes |= settle(loop.blobs, roots, one, one.taken, one.file)
    return Weighed(clashes, made, edit(loop.blobs, sides.ours.artifact.digest, changes), said)


def roots_of(sides: Sides) -> Roots:
    """Give the trees of the three versions."""
    from loopline.datasets.merge import Roots

    base, theirs = (one.artifact.digest if one else None for one in (sides.base, sides.theirs))
    return Roots(base, sides.ours.artifact.digest, theirs)


def decided(clashes: Sequence[Clash], taken: Sequence[Resolution]) -> tuple[Clash, ...]:
    """Say for each path what was taken for it: of several words that speak of it the last one counts."""
    if not taken:
        return tuple(clashes)
    exact: dict[str, int] = {}
    wide: list[tuple[int, Callable[[str], bool]]] = []
    for at, one in enumerate(taken):
        path = only(one.pattern)
        if path is None:
            wide.append((at, speaks_of(one.pattern)))
        else:
            exact[path] = at
    wide.reverse()
    found = []
    for clash in clashes:
        at = max(exact.get(clash.path, -1), next((at for at, fits in wide if fits(clash.path)), -1))
        found.append(_with(clash, taken[at]) if at >= 0 else clash)
    return tuple(found)


def speaks_of(pattern: str) -> Callable[[str], bool]:
    """Tell which paths a pattern means: one path, all below a folder, or what it fits; `*` stands for `/`, too."""
    if pattern.endswith("/"):
        return lambda path: path.startswith(pattern) or path == pattern[:-1]
    one = only(pattern)
    if one is not None:
        return lambda path: path == one
    fits = compiled(translate(pattern)).match
    return lambda path: fits(path) is not None


def exactly(path: str) -> str:
    """Write a path as a pattern that means it and no other, whatever signs are in its name."""
    return sub(r"[*?[]", r"[\g<0>]", path)


def only(pattern: str) -> str | None:
    """Give the one path that a pattern means; None where it may mean several."""
    if pattern.endswith("/") or any(sign in sub(r"\[[*?[]\]", "", pattern) for sign in "*?["):
        return None
    return sub(r"\[([*?[])\]", r"\1", pattern)


def _with(clash: Clash, one: Resolution) -> Clash:
    file = Entry(clash.path, one.digest, one.size, one.mode) if one.digest is not None else None
    return replace(clash, taken=one.choice, file=file)


def _driven(loop: Loop, sides: Sides, clashes: Sequence[Clash]) -> tuple[Resolution, ...]:
    made = []
    for clash in clashes:
        if clash.taken is not None or not (isinstance(clash.ours, Entry) and isinstance(clash.theirs, Entry)):
            continue
        for name, driver in DRIVERS.items():
            body = driver(loop, sides, clash)
            if body is not None:
                digest = loop.blobs.put(body)
                made.append(
                    Resolution(exactly(clash.path), "file", digest, len(body), clash.ours.mode, actor=DRIVER + name)
                )
                break
    return tuple(made)


def nothing_new(sides: Sides) -> bool:
    """Tell whether a merge would bring nothing: what is merged is in the ref already."""
    return sides.kind == "merge" and sides.theirs is not None and sides.base == sides.theirs


def changes_nothing(sides: Sides, weighed: Weighed) -> bool:
    """Tell whether a revert or a cherry-pick leaves every file as it is. A merge that does still joins two lines."""
    return sides.kind != "merge" and weighed.root == sides.ours.artifact.digest


def publish(loop: Loop, sides: Sides, weighed: Weighed, merge: Merge | None = None) -> Merge:
    """Make the version and the change that moves the ref there, in one transaction. Where a policy speaks, the change waits."""
    assert weighed.root is not None  # noqa: S101 - whoever publishes has chosen
    artifact = Artifact(weighed.root, TREE, loop.blobs.size(weighed.root) or 0)
    metadata = _described(loop, sides, weighed.root)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        _must_stand(tx, sides)
        if merge is None:
            _not_open(tx, sides)
        else:
            _must_be_said(tx, weighed, merge)
        version, change = _waiting(tx, loop, sides, artifact) or _published(tx, loop, sides, artifact, metadata)
        done = replace(_told(sides, "made"), version=version, change=change, id=merge.id if merge else "")
        done = replace(done, clashes=len(weighed.clashes))
        if merge is not None:
            done = replace(done, actor=merge.actor, created_at=merge.created_at, closed_at=tx.now)
            tx.merges.close(done)
        tx.say(tx.kind or "version.unchanged", change.id if change else str(version), version=str(version),
               digest=artifact.digest, **_facts(sides))  # fmt: skip
    return done


def _described(loop: Loop, sides: Sides, root: Digest) -> dict[str, Any]:
    """Give what the new version says of itself: what ours says, with the notes of paths that theirs brings."""
    from loopline.datasets.tree import Tree

    tree = Tree(loop.blobs, root)
    said = {name: value for name, value in sides.ours.metadata.items() if name not in (ORIGIN, FIRST_PARENT)}
    said |= {**sides.metadata, "files": tree.count, "bytes": tree.bytes}
    if min(sides.parents) != sides.ours.number:
        said[FIRST_PARENT] = sides.ours.number
    mine, base, theirs = (notes_of(one) for one in (sides.ours, sides.base, sides.theirs))
    if theirs != base:
        said[NOTES] = over(loop, base, theirs, mine)
    return said


def _published(
    tx: Writing, loop: Loop, sides: Sides, artifact: Artifact, metadata: Mapping[str, Any]
) -> tuple[Version, Change | None]:
    version = tx.versions.publish(
        sides.ref.asset,
        artifact,
        author=str(loop.actor),
        message=sides.message,
        parents=sides.parents,
        metadata=metadata,
    )
    return version, begin(tx, loop, Plan((Move(sides.ref, sides.ours.number, version.number),), sides.message))


def _go_forward(loop: Loop, sides: Sides, theirs: Version) -> Merge:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        _must_stand(tx, sides)
        _not_open(tx, sides)
        move = Move(sides.ref, sides.ours.number, theirs.number)
        open_ones = tx.changes.list(loop.project, open_only=True, ref=sides.ref)
        change = next((one for one in open_ones if one.moves == (move,)), None)
        if change is None:
            change = begin(tx, loop, Plan((move,), sides.message))
        tx.say(tx.kind or "change.unchanged", change.id, **_facts(sides))
    return replace(_told(sides, "forward"), version=theirs, change=change)


def _end_with_nothing(loop: Loop, sides: Sides, weighed: Weighed, merge: Merge) -> Merge:
    """End a merge that would bring nothing: it has come by another way, or what was chosen leaves everything as it is."""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        _must_stand(tx, sides)
        _must_be_said(tx, weighed, merge)
        done = replace(merge, state="nothing", closed_at=tx.now)
        tx.merges.close(done)
        tx.say("merge.abandoned", str(merge.ref), merge=merge.id, why="it would bring nothing")
    return done


def _wait(loop: Loop, sides: Sides, weighed: Weighed) -> Merge:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        _must_stand(tx, sides)
        merge = tx.merges.open(replace(_told(sides, "clashing"), id=loop.ids.new(), actor=str(loop.actor)))
        tx.merges.take(merge.id, weighed.made)
        tx.say("merge.clashed", str(sides.ref), **_facts(sides), merge=merge.id, clashes=len(weighed.clashes))
    return counted(merge, weighed)


def counted(merge: Merge, weighed: Weighed) -> Merge:
    """Say of a merge how many paths clash, and how many are left."""
    return replace(merge, clashes=len(weighed.clashes), left=weighed.left)


def sides_of(tx: Tables, merge: Merge) -> Sides:
    """Find the three versions of a merge that is kept."""
    numbers = (merge.base, merge.ours, merge.theirs)
    base, ours, theirs = (tx.versions.get(merge.ref.asset, one) if one is not None else None for one in numbers)
    assert ours is not None  # noqa: S101 - of the three only this one is always there
    several = bases_of(tx, ours, theirs) if merge.kind == "merge" and theirs else []
    others = tuple(one for one in several if one is not None and one != base)
    return Sides(merge.ref, merge.kind, merge.source, base, ours, theirs, merge.message, others)


def busy(ref: RefName) -> Conflict:
    """Say that a ref moves faster than one can merge into it."""
    return Conflict(
        f"{ref} keeps moving", kind="ref-busy", hint="wait a moment, then merge again", ref=str(ref), tries=TRIES
    )


def _waiting(tx: Tables, loop: Loop, sides: Sides, artifact: Artifact) -> tuple[Version, Change] | None:
    """Find the same merge where a change already asks its policy to let the ref go there from here."""
    for change in tx.changes.list(loop.project, open_only=True, ref=sides.ref):
        for move in change.moves:
            if move.ref == sides.ref and move.old == sides.ours.number and move.new is not None:
                version = tx.versions.get(sides.ref.asset, move.new)
                if version.artifact.digest == artifact.digest and version.parents == tuple(sorted(set(sides.parents))):
                    return version, change
    return None


def _clashing(sides: Sides, weighed: Weighed) -> Conflict:
    paths = [one.path for one in weighed.clashes if one.taken is None]
    return Conflict(
        f"{sides.source} and {sides.ref} have changed {len(paths)} paths in ways that exclude each other: {', '.join(paths[:5])}",
        kind="merge-clashes", hint=f"loopline merge {sides.source} {sides.ref}, and choose", ref=str(sides.ref),
        paths=paths[:_SHOWN], clashes=len(paths),
    )  # fmt: skip


def _must_stand(tx: Tables, sides: Sides) -> None:
    """Look once more, inside the transaction: the ref where it stood, and nothing put into quarantine since."""
    here = tx.refs.find(sides.ref)
    if (here.target if here else None) != sides.ours.number:
        raise _Moved
    checked(tx, sides)


def _must_be_said(tx: Tables, weighed: Weighed, merge: Merge) -> None:
    """Look once more, inside the transaction, whether people still want what was weighed: what one chose last is not lost."""
    if tuple(one for one in tx.merges.taken(merge.id) if not one.made) != weighed.said:
        raise _Moved


def _not_open(tx: Tables, sides: Sides) -> None:
    """Raise Conflict where a merge of the ref waits already."""
    here = tx.merges.of(sides.ref)
    if here is not None:
        raise open_already(here)


def _told(sides: Sides, state: MergeState) -> Merge:
    base, theirs = (one.number if one else None for one in (sides.base, sides.theirs))
    return Merge(sides.ref, sides.kind, state, base, sides.ours.number, theirs, sides.source, message=sides.message)


def _facts(sides: Sides) -> dict[str, object]:
    """Say for the feed what was merged."""
    base, theirs = (one.number if one else None for one in (sides.base, sides.theirs))
    return {
        "merged": {"as": sides.kind, "source": sides.source, "base": base, "ours": sides.ours.number, "theirs": theirs}
    }
