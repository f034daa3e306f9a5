"""merge: two lines of versions become one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.merge import Choice, Merge, Resolution
from loopline.nouns.name import Pointer, RefName
from loopline.verbs.basing import of_merge
from loopline.verbs.merging import carry, counted, decided, exactly, go_on, looked_at, speaks_of
from loopline.verbs.moving import at_home

if TYPE_CHECKING:
    from loopline.nouns.merge import Clash


def merge(
    loop: Loop,
    source: Annotated[Pointer | None, "what is merged: data/flights@fix"] = None,
    into: Annotated[RefName | None, "the ref that it is merged into; without it, main of the same asset"] = None,
    *,
    message: Annotated[str, "-m", "what the merge is for"] = "",
    ff: Annotated[bool, "go to the other version itself where the ref has nothing of its own"] = True,
    take: Annotated[
        Choice | None, "for paths that clash: ours, theirs, base, or file, whose bytes --digest names"
    ] = None,
    paths: Annotated[tuple[str, ...], "which: a path, a folder (jan/), a pattern (*.csv; * stands for / as well)"] = (),
    digest: Annotated[Digest | None, "with --take file: the bytes that the one path becomes"] = None,
    continue_: Annotated[bool, "go on with the open merge, where something was taken for each path"] = False,
    abandon: Annotated[bool, "give the open merge up; the ref stays where it is"] = False,
) -> Merge:
    """Merge a version into a ref: path by path, against what both come from.

    What only one side has changed is taken. Where both have, in ways that exclude each other, the paths clash and the merge waits
    (exit code 5): `loopline merges REF` lists them, `--take` chooses, `--continue` finishes. A policy
    that speaks of the ref holds its move as any other.

    Example:
        loopline merge data/flights@fix data/flights@main
    """
    asked = [
        name for name, given in (("take", take is not None), ("continue", continue_), ("abandon", abandon)) if given
    ]
    if not asked:
        if paths or digest is not None:
            raise Invalid("what is taken for them?", kind="missing-parameter", hint="add --take ours", missing=["take"])
        if source is None:
            raise Invalid("what shall be merged?", kind="missing-parameter", hint="loopline merge data/flights@fix")
        ref, what = into or RefName(source.asset, "main"), source
        return carry(loop, lambda tx: of_merge(tx, loop, what, ref, message=message), forward=ff)
    if len(asked) > 1 or source is not None or message or not ff:
        raise Invalid(
            f"--{asked[0]} is about a merge that is open, and goes alone", kind="one-at-a-time",
            hint=f"loopline merge --{asked[0]} with nothing but the ref{' and paths' if take else ''}",
        )  # fmt: skip
    here = found(loop, into)
    if take is not None:
        return _take(loop, here, take, paths, digest)
    return go_on(loop, here) if continue_ else _abandon(loop, here)


def found(loop: Loop, ref: RefName | None) -> Merge:
    """Give the open merge of a ref, or the only one of the project. Raise NotFound, Invalid."""
    with loop.ledger.read() as tx:
        if ref is not None:
            at_home(loop, ref.asset)
            here = tx.merges.of(ref)
            some = [here] if here else []
        else:
            some = list(tx.merges.list(loop.project, limit=2))
    if not some:
        raise NotFound(
            f"no merge of {ref} is open" if ref else f"no merge is open in {loop.project}",
            kind="no-merge",
            hint="loopline merges lists those that are",
            ref=str(ref or ""),
        )  # fmt: skip
    if len(some) > 1:
        raise Invalid(
            "several merges are open", kind="missing-parameter", hint=f"say which: {some[0].ref} or {some[1].ref}, …",
            missing=["into"],
        )  # fmt: skip
    return some[0]


def _take(loop: Loop, merge: Merge, choice: Choice, paths: tuple[str, ...], digest: Digest | None) -> Merge:
    """Write down what is taken for some paths. Raise NotFound where none of those that clash is meant."""
    if not paths:
        raise Invalid("for which paths?", kind="missing-parameter", hint="name some, or '*' for all", missing=["paths"])
    if (choice == "file") != (digest is not None) or (choice == "file" and len(paths) != 1):
        raise Invalid(
            "a file is taken for one path, by its digest", kind="bad-choice", hint="--take file --digest sha256:… PATH"
        )
    merge, _, weighed = looked_at(loop, merge)
    clashing = {one.path: one for one in weighed.clashes}
    for path in paths:
        fits = speaks_of(path)
        if path not in clashing and (choice == "file" or not any(map(fits, clashing))):
            raise NotFound(
                f"nothing that clashes is called {path!r}",
                kind="no-clash",
                hint=f"loopline merges {merge.ref}",
                path=path,
                merge=merge.id,
            )
    # What is the name of a path that clashes means that path, even where it could be read as a pattern.
    patterns = [exactly(path) if path in clashing else path for path in paths]
    taken = [Resolution(pattern, choice, actor=str(loop.actor)) for pattern in patterns]
    if digest is not None:
        taken = [_file(loop, taken[0], digest, clashing[paths[0]])]
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.merges.take(merge.id, taken)
        tx.say("merge.taken", str(merge.ref), merge=merge.id, take=choice, paths=list(paths), digest=digest)
    return counted(merge, replace(weighed, clashes=decided(weighed.clashes, taken)))


def _file(loop: Loop, taken: Resolution, digest: Digest, clash: Clash) -> Resolution:
    """Say what a file is; whether it may be executed is as on the side that has one, ours first."""
    size = loop.blobs.size(digest)
    if size is None:
        raise NotFound(f"{digest} is not in the store", kind="blob-missing", hint="upload it first", digest=digest)
    modes = (one.mode for one in (clash.ours, clash.theirs) if isinstance(one, Entry))
    return replace(taken, digest=digest, size=size, mode=next(modes, 0o644))


def _abandon(loop: Loop, merge: Merge) -> Merge:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        over = replace(merge, state="abandoned", closed_at=tx.now)
        tx.merges.close(over)
        tx.say("merge.abandoned", str(merge.ref), merge=merge.id)
    return over
