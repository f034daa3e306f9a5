"""filing: files of what is no asset: of a run, of a model that a run has logged, of a trace; shared by faces that take them.

Files are staged on their owner as those of a branch are (`verbs/staging.py`): durable when acknowledged, and seen at once. When a
run ends, what it has becomes one tree, and that an output of it, so that lineage knows it. What comes later is staged like the
rest, and the tree is made anew: nothing that was acknowledged hangs on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.datasets.tree import EMPTY
from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.ledger.logged import sealed
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.owner import Owner, owner_of
from loopline.nouns.run import Link
from loopline.verbs.staging import TRIES, gone, held_sums, look, refold, stage, written

if TYPE_CHECKING:
    from loopline.datasets.overlay import Found, Overlay
    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.run import Run

FILES: Final = "artifacts"
"""What the output of a run is called that holds its files."""
NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Child:
    """A file or a folder that lies directly in a folder."""

    path: str
    """From the owner's root on."""
    size: int | None
    """Bytes; None for a folder."""


def keep(
    loop: Loop, owner: Owner, path: str, held: Artifact, *, sums: Mapping[str, str] = NOTHING,
    beside: Callable[[Tables], None] | None = None,
) -> None:  # fmt: skip
    """Say what a path of an owner holds: bytes that are in the store. What was there before is replaced.

    `beside` writes what belongs to it in the same transaction.

    Raise Invalid kind="bad-path", or "file-is-folder" where it would be a file and a folder; Conflict kind="model-sealed" for a
    finished model, and Invalid kind="owner-deleted" for what was deleted.
    """
    over = False

    def condition(tx: Tables, _: Overlay, __: Found | None) -> None:
        nonlocal over
        over = _open(tx, owner)

    def also(tx: Tables) -> None:
        held_sums(tx, owner.project, held.digest, sums)
        if beside:
            beside(tx)

    stage(loop, owner, written(path, held.digest, held.size), condition=condition, beside=also)
    if over:
        seal(loop, owner)


def drop(loop: Loop, owner: Owner, path: str) -> None:
    """Take a file away, or a folder with all below; `""` is everything. Nothing may be there. Raise what `keep` raises."""
    over = False

    def condition(tx: Tables, _: Overlay, __: Found | None) -> None:
        nonlocal over
        over = _open(tx, owner)

    there = view(loop, owner, path) if path else None
    file = there is not None and there.find(path) is not None
    below = f"{path}/" if path else ""
    stage(loop, owner, gone(path) if file else gone(below, whole=True), condition=condition)
    if over:
        seal(loop, owner)


def ready(loop: Loop, owner: Owner) -> None:
    """Make sure that an owner takes files, before any are sent. Raise what `keep` raises."""
    with loop.ledger.read() as tx:
        _open(tx, owner)


def view(loop: Loop, owner: Owner, path: str | None = None) -> Overlay:
    """Give the files of an owner, all or just what decides about one path. One that never had any has none."""
    return look(loop, owner, path).overlay(loop)


def file_of(loop: Loop, owner: Owner, path: str) -> Found:
    """Look a file up. Raise NotFound kind="no-file"."""
    found = view(loop, owner, path).find(path) if path else None
    if found is None:
        raise absent(owner, path)
    return found


def absent(owner: Owner, path: str) -> NotFound:
    """Say that there is no such file."""
    return NotFound(
        f"{owner} has no file {path!r}", kind="no-file", hint="list its files", owner=str(owner), path=path[:500]
    )


def children(files: Overlay, folder: str) -> Iterator[Child]:
    """Give what lies in a folder, in order; `""` is the root. Whatever lies deeper is skipped, not walked."""
    prefix = f"{folder}/" if folder else ""
    start: str | None = prefix
    while start is not None:
        at, start = start, None
        for found in files.iter(prefix, at):
            name, slash, _ = found.path[len(prefix) :].partition("/")
            if slash:
                yield Child(prefix + name, None)
                start = f"{prefix}{name}0"  # "0" comes right behind "/"
                break
            yield Child(found.path, found.entry.size)


def seal(loop: Loop, owner: Owner) -> None:
    """Make one tree of the files that a run has, and say that it is an output of it. It may be said again and again."""
    if owner.kind != "run":
        return
    for _ in range(TRIES):
        refold(loop, owner)
        try:
            with loop.ledger.write(owner.project, loop.actor) as tx:
                link = seal_in(tx, loop, owner)
                tx.say("run.sealed" if link else "run.unchanged", owner.id, digest=link.digest if link else None)
        except Conflict as error:
            if error.kind != "staging-moved" or loop.ledger.dry:
                raise
        else:
            return
    raise busy(owner)


def seal_in(tx: Writing, loop: Loop, owner: Owner) -> Link | None:
    """Say within a transaction what a run's files are, where that is news.

    Raise Conflict kind="staging-moved" where some are staged that have to be folded before, outside of any transaction.
    """
    root = folded(tx, owner)
    if root is None or root == EMPTY:
        return None
    link = Link(FILES, root, TREE, loop.blobs.size(root) or 0)
    if not tx.lineage.renew(owner.id, link, project=owner.project):
        return None
    tx.assets.describe(Artifact(root, TREE, link.size))
    return link


def folded(tx: Writing, owner: Owner) -> Digest | None:
    """Give the tree of an owner's files, and keep everybody from staging more until the transaction ends.

    None: there are none. Raise Conflict kind="staging-moved" where rows have to be folded first.
    """
    here = tx.staging.working(owner.key)
    if here.last == 0:
        return None
    here = tx.staging.hold(owner.key)
    if here.last > here.folded:
        raise Conflict(f"{owner} has moved", kind="staging-moved", hint="read it again", owner=owner.key)
    return here.root


def busy(owner: Owner) -> Unavailable:
    """Say that others were faster each time."""
    return Unavailable(f"too many write to {owner} at once", kind="staging-busy", hint="try again", owner=str(owner))


def of_run(run: Run) -> Owner:
    """Give what the files of a run are filed under."""
    return Owner(run.project, "run", run.id)


def filed_by_the_deleted(tx: Tables, keys: Iterable[str]) -> set[str]:
    """Give those keys whose owners were deleted: their bytes may be gone, and nobody misses them."""
    found = {key: owner for key in keys if (owner := owner_of(key))}
    runs = tx.runs.all_deleted(one.id for one in found.values() if one.kind == "run")
    models = [one for one in found.values() if one.kind == "model"]
    there = {name for one in {m.project for m in models} for name in tx.logged.known(one, (m.id for m in models))}
    return {key for key, one in found.items() if one.id in runs or (one.kind == "model" and one.id not in there)}


def _open(tx: Tables, owner: Owner) -> bool:
    """Make sure that an owner takes files, and tell whether it is a run that is over."""
    if owner.kind == "model":
        model = tx.logged.get(owner.project, owner.id, deleted=True)
        if model.deleted_at is not None:
            raise _deleted(owner)
        if model.digest is not None:
            raise sealed(model)
        return False
    if owner.kind == "run":
        run = tx.runs.find(owner.id)
        if run is None or run.project != owner.project:
            raise NotFound(f"there is no run {owner.id}", kind="no-run", hint="loopline find runs", run=owner.id)
        if tx.runs.deleted(owner.id) is not None:
            raise _deleted(owner)
        return run.state.over
    return False


def _deleted(owner: Owner) -> Invalid:
    said = f"The {owner} must be in the 'active' state. Current state is deleted."
    return Invalid(said, kind="owner-deleted", hint="restore it first", owner=str(owner))
