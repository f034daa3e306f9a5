"""staging: a branch with what is staged on it, and how more is staged; shared by the verbs and faces that write file by file.

Files of an owner (a run, a logged model) are staged in the same way, over nothing: `verbs/filing.py` says what becomes of them.

A staged write is durable when it is acknowledged, and seen at once by everybody who reads the branch with what is staged. It is
no event of the feed: the commit is (`verbs/commit.py`). Rows are folded into a working root by whoever meets a thousand of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loopline.datasets.edit import edit
from loopline.datasets.overlay import Found, Overlay, changes, edited, fold, marker, note_key
from loopline.datasets.path import check_path
from loopline.datasets.tree import EMPTY, build, file_is_folder
from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.nouns.artifact import TREE
from loopline.nouns.digest import Digest, find_digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import Named, Pointer, RefName
from loopline.nouns.owner import Owner
from loopline.nouns.staged import Staged, Working

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.version import Version

MOST: Final = 1_000
"""Rows of one branch that are folded by whoever writes the next."""
FEW: Final = 100
"""So many paths that are staged at once are rows; more are written into the working root."""
TRIES: Final = 20
"""How often one looks again where others stage on the same branch."""
NOTES: Final = "notes"
"""Under this name the metadata of a version hold the root of its notes."""
FIRST: Final = "main"
"""The branch that an asset without versions has, as far as staging is concerned."""

Place = RefName | Owner
"""Where files are staged."""
Condition = Callable[["Tables", Overlay, Found | None], None]
"""Asked inside the transaction that stages, with what is there at the path; raises to refuse."""


@dataclass(frozen=True, slots=True)
class View:
    """A branch, or a version, with rows of what is staged on it, as of one moment."""

    ref: RefName | None
    """The branch; None for a version, and for the files of an owner."""
    head: Version | None
    working: Working
    rows: Sequence[Staged]

    @property
    def root(self) -> Digest | None:
        """The tree under the rows."""
        return self.working.root or (self.head.artifact.digest if self.head else None)

    @property
    def notes(self) -> Digest | None:
        """The tree of notes under the rows."""
        return self.working.notes if self.working.root else notes_of(self.head)

    @property
    def at(self) -> int:
        """When what is under the rows was written, as far as that is known."""
        if self.working.root:
            return self.working.recorded_at
        return self.head.recorded_at if self.head else 0

    @property
    def behind(self) -> bool:
        """Whether the branch has moved since rows were folded."""
        return self.working.root is not None and self.working.base != (self.head.number if self.head else None)

    def overlay(self, loop: Loop) -> Overlay:
        """Give its files, with what is staged in front."""
        return Overlay(loop.blobs, self.root, self.notes, self.rows, weigh=loop.blobs.size)


def notes_of(version: Version | None) -> Digest | None:
    """Give the root of a version's notes; None where it has none."""
    said = version.metadata.get(NOTES) if version else None
    return find_digest(said) if isinstance(said, str) else None  # somebody may have called words of their own so


def look(loop: Loop, ref: Place, path: str | None = None) -> View:
    """Give a branch with what is staged: every row, or those that decide about one path. Raise NotFound for no branch."""
    for _ in range(TRIES):
        with loop.ledger.read() as tx:
            view = seen(tx, ref, path)
        if not view.behind:
            return view
        made = refold(loop, ref)
        if loop.ledger.dry:
            return replace(view, working=made, rows=())
    raise _busy(ref)


def version_view(loop: Loop, pointer: Pointer) -> View:
    """Give a version, on which nothing can be staged. Raise NotFound, also for what is one blob."""
    with loop.ledger.read() as tx:
        return View(None, _of_files(tx.versions.resolve(pointer)), Working(), ())


def stage(
    loop: Loop,
    ref: Place,
    said: Staged,
    *,
    condition: Condition | None = None,
    beside: Callable[[Tables], None] | None = None,
) -> Staged:
    """Stage one row: a file, a marker, or that a path is gone, if `condition` holds of what is there at that moment.

    `beside` writes what belongs to it in the same transaction. Raise Invalid kind="bad-path", or "file-is-folder" where a path
    would be a file and a folder; NotFound for no branch; what `condition` raises.
    """
    entry = said.entry
    if entry:
        _check(said.path)
    for _ in range(TRIES):
        view = look(loop, ref, said.path)
        over = view.overlay(loop)
        found = over.find(said.path)
        clash = over.clash(said.path) if entry and found is None else None
        with loop.ledger.telemetry() as tx:
            tx.staging.hold(ref.key)
            if seen(tx, ref, said.path) != view:
                continue
            if condition:
                condition(tx, over, found)
            if clash:
                raise file_is_folder(clash[0].encode(), clash[1].encode())
            if beside:
                beside(tx)
            if entry is None and not said.whole and not _may_be(said.path):
                return said  # nothing can be there
            row = _say(tx, ref, said, str(loop.actor))
            folded = tx.staging.working(ref.key).folded
        if row.seq - folded >= MOST:
            refold(loop, ref)
        return row
    raise _busy(ref)


def stage_all(loop: Loop, ref: Place, said: Sequence[Staged]) -> None:
    """Stage many rows, all or none: as rows where they are few, else by folding them in. Raise as `stage` does."""
    for one in said:
        if one.entry:
            _check(one.path)
    for _ in range(TRIES):
        if len(said) > FEW:
            refold(loop, ref)
        view = look(loop, ref)
        folded = None if len(said) <= FEW else _folded_in(loop, view, said)
        if folded is None:
            _all_fit(loop, view, said)
        elif view.rows:
            continue  # somebody has staged since
        try:
            with loop.ledger.telemetry() as tx:
                tx.staging.hold(ref.key)
                if seen(tx, ref, None) != view:
                    continue
                if folded is not None:
                    tx.staging.fold(ref.key, folded, seen=view.working)
                for one in said if folded is None else ():
                    _say(tx, ref, one, str(loop.actor))
                many = tx.staging.working(ref.key)
        except Conflict:
            continue
        if many.last - many.folded >= MOST:
            refold(loop, ref)
        return
    raise _busy(ref)


def _all_fit(loop: Loop, view: View, said: Sequence[Staged]) -> None:
    """Raise Invalid kind="file-is-folder" where a path would be a file and a folder once all of it is staged."""
    rows = {(row.whole, row.path): row for row in view.rows}
    for one in said:
        if one.whole:
            rows = {key: row for key, row in rows.items() if key[0] or not key[1].startswith(one.path)}
        rows[one.whole, one.path] = one
    then = Overlay(loop.blobs, view.root, view.notes, rows.values())
    for one in said:
        if one.entry and (clash := then.clash(one.path)):
            raise file_is_folder(clash[0].encode(), clash[1].encode())


def _folded_in(loop: Loop, view: View, said: Sequence[Staged]) -> Working:
    """Write the working root that many rows make of what is under them."""
    files: dict[str, Entry | None] = {}
    notes: dict[str, Entry | None] = {}
    under = Overlay(loop.blobs, view.root, view.notes, ())
    for one in said:
        for path in [found.path for found in under.iter(one.path)] if one.whole else [one.path]:
            notes[note_key(path)] = None
            if not path.endswith("/"):
                files[path] = one.entry
    tree = view.root if view.root and view.root != EMPTY else build(loop.blobs, [])
    return replace(
        view.working, root=edit(loop.blobs, tree, files), notes=edited(loop.blobs, view.notes, notes),
        base=view.head.number if view.head else None,
    )  # fmt: skip


def remove_all(loop: Loop, ref: Place, paths: Sequence[str]) -> None:
    """Stage that many paths are gone, in one transaction. Raise NotFound for no branch."""
    here = [path for path in paths if _may_be(path)]
    if not here:
        return
    with loop.ledger.telemetry() as tx:
        folded = tx.staging.hold(ref.key).folded
        seen(tx, ref, here[0])
        last = [tx.staging.remove(ref.key, path, actor=str(loop.actor)) for path in here][-1]
    if last.seq - folded >= MOST:
        refold(loop, ref)


def _check(path: str) -> None:
    """Raise Invalid kind="bad-path" for what neither a file nor a marker can be called."""
    marker(path) if path.endswith("/") else check_path(path)


def _may_be(path: str) -> bool:
    try:
        _check(path)
    except Invalid:
        return False
    return True


def refold(loop: Loop, ref: Place) -> Working:
    """Fold what is staged into a working root over where the branch stands now, and give it. Whoever is slower does nothing."""
    for _ in range(TRIES):
        with loop.ledger.read() as tx:
            view = seen(tx, ref, None)
        under = view.working
        if not view.rows and not view.behind:
            return under
        root, notes = fold(loop.blobs, *_rebased(loop, view), view.rows)
        upto = max((one.seq for one in view.rows), default=under.folded)
        made = replace(under, folded=upto, base=view.head.number if view.head else None, root=root, notes=notes)
        try:
            with loop.ledger.telemetry() as tx:
                tx.staging.fold(ref.key, made, seen=under)
        except Conflict:
            continue
        if loop.ledger.dry:  # it was undone again, and nobody will see it
            return made
    raise _busy(ref)


def _rebased(loop: Loop, view: View) -> tuple[Digest | None, Digest | None]:
    """Give the trees that rows are folded into: where the branch has moved on, what was folded lies over its new version."""
    if not view.behind or view.working.root is None:
        return view.root, view.notes
    with loop.ledger.read() as tx:
        base = tx.versions.find(view.ref.asset, view.working.base) if view.ref and view.working.base else None
    head = view.head
    files = over(
        loop, base.artifact.digest if base else None, view.working.root, head.artifact.digest if head else None
    )
    return files, over(loop, notes_of(base), view.working.notes, notes_of(head))


def over(loop: Loop, base: Digest | None, mine: Digest | None, head: Digest | None) -> Digest:
    """Do to `head` what leads from `base` to `mine`."""
    return edited(loop.blobs, head, {one.path: one.new for one in changes(loop.blobs, base, mine)})


def seen(tx: Tables, ref: Place, path: str | None) -> View:
    """Give what is staged as one transaction sees it. Where a view is `behind`, it has to be folded before it is read."""
    branch = None if isinstance(ref, Owner) else ref
    head = _head(tx, branch) if branch else None
    rows = tx.staging.list(ref.key) if path is None else tx.staging.around(ref.key, path)
    working = tx.staging.working(ref.key)
    return View(branch, head, replace(working, last=0), sorted(rows, key=lambda one: one.seq))


def _head(tx: Tables, ref: RefName) -> Version | None:
    here = tx.refs.find(ref)
    if here is None and (ref.ref != FIRST or tx.assets.find(ref.asset) is None):
        tx.refs.get(ref)  # raises, and names what is there
    return _of_files(tx.versions.resolve(Pointer(ref.asset, Named(ref.ref)))) if here else None


def _of_files(version: Version) -> Version:
    if version.artifact.media_type != TREE:
        raise NotFound(
            f"{version} is one blob, not files",
            kind="no-revision",
            hint="name an asset that was added",
            pointer=str(version),
        )
    return version


def _say(tx: Tables, ref: Place, said: Staged, actor: str) -> Staged:
    if said.whole:
        return tx.staging.cut(ref.key, said.path, actor=actor)
    if said.entry is None:
        return tx.staging.remove(ref.key, said.path, actor=actor)
    return tx.staging.put(ref.key, said.entry, notes=said.notes, actor=actor)


def written(path: str, digest: Digest, size: int, *, notes: str = "", mode: int = 0o644) -> Staged:
    """Make the row that says what a path holds."""
    return Staged(path, marker(path) if path.endswith("/") else Entry(path, digest, size, mode), notes)


def gone(path: str, *, whole: bool = False) -> Staged:
    """Make the row that says that a path is gone, or with `whole` everything that begins with it."""
    return Staged(path, None, "", whole)


def held_sums(tx: Tables, project: str, digest: Digest, sums: Mapping[str, str]) -> None:
    """Write down that a project was given some bytes, and what other algorithms make of them."""
    tx.holdings.add(project, [digest])
    tx.sums.add(digest, sums)
    if "md5" in sums:
        tx.assets.alias("md5", sums["md5"], digest)


def _busy(ref: Place) -> Unavailable:
    return Unavailable(f"too many write to {ref} at once", kind="staging-busy", hint="try again", ref=str(ref))
