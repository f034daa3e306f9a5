"""impact: from anything forward to all that was built from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest, is_digest_prefix, short
from loopline.nouns.lineage import Impact, Reached
from loopline.nouns.name import parse_pointer
from loopline.nouns.ref import Ref
from loopline.verbs.observing import elsewhere
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.ledger.lineage import Made

FARTHEST = 100_000
"""Artifacts that a walk reaches at most."""


def impact(
    loop: Loop,
    what: Annotated[
        str, "a version, a digest, a run's id, a package (pkg:scikit-learn==1.6.0), or dataset:NAMESPACE/NAME"
    ],
    *,
    after: Annotated[str, "go on behind this: what an answer gave as its `next`"] = "",
    limit: Annotated[int, "how many things at most"] = 1000,
) -> Impact:
    """Tell what a thing has touched: everything built from it, up to what is current.

    Example:
        loopline impact data/flights@2
    """
    at_most(limit)
    with loop.ledger.read() as tx:
        if after:
            return _behind(tx, loop, what, after, limit)
        start = _start(tx, loop, what, limit)
        made = list(tx.lineage.forward(start.project, start.digests, runs=start.runs[:limit], limit=limit + 1))
        complete = len(made) <= limit and len(start.runs) <= limit and start.complete
        return Impact(start.title, tuple(_told(tx, start, made[:limit])), complete)


def _behind(tx: Tables, loop: Loop, what: str, after: str, limit: int) -> Impact:
    """Walk again, farther, and give what comes behind the last thing of the page before."""
    start = _start(tx, loop, what, FARTHEST)
    made = list(tx.lineage.forward(start.project, start.digests, runs=start.runs, limit=FARTHEST))
    told = list(_told(tx, start, made))
    at = next((at for at, one in enumerate(told) if f"{one.kind}:{one.key}" == after), None)
    if at is None:
        raise Invalid(
            f"{after[:200]!r} is not among what {what} has touched", kind="bad-cursor",
            hint="give the `next` of the page before", after=after[:200],
        )  # fmt: skip
    page = told[at + 1 : at + 1 + limit]
    return Impact(start.title, tuple(page), complete=at + 1 + limit >= len(told) and len(made) < FARTHEST)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the walk begins."""

    title: str
    project: str
    digests: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    """Versions that hold a file with the digest that was asked for."""
    complete: bool = True


def _start(tx: Tables, loop: Loop, what: str, limit: int) -> _Start:
    if what.startswith("pkg:"):
        name, _, number = what.removeprefix("pkg:").partition("==")
        if not name:
            raise Invalid(
                "no package is named", kind="bad-package", hint="write pkg:NAME or pkg:NAME==VERSION", text=what
            )
        runs = tx.lineage.runs_with_package(loop.project, name.lower(), number, limit=limit + 1)
        return _Start(what, loop.project, runs=tuple(runs))
    if what.startswith("dataset:"):
        return _Start(what.removeprefix("dataset:"), loop.project, tuple(elsewhere(tx, loop, what)))
    if "/" in what:
        pointer = parse_pointer(what, project=loop.project)
        version = tx.versions.resolve(pointer)
        digest, project = version.artifact.digest, pointer.asset.project
        column = {"code": "code", "env": "environment"}.get(version.asset.kind)
        runs = tx.lineage.runs_with(project, column, digest, limit=limit + 1) if column else []
        return _Start(str(version), project, (digest,), tuple(runs))
    if is_digest_prefix(what):
        return _from_digest(tx, loop, what, limit)
    run = tx.runs.resolve(loop.project, what)
    return _Start(run.id, loop.project, runs=(run.id,))


def _from_digest(tx: Tables, loop: Loop, what: str, limit: int) -> _Start:
    """Begin at bytes with this digest, at versions that hold a file with it, at runs of this code or environment."""
    held, complete = _holding(tx, loop, what)
    digests = sorted({*tx.lineage.known(loop.project, what), *held.values()})
    if not digests:
        raise NotFound(f"nothing is known of {what}", kind="no-artifact", hint="loopline ls", digest=what)
    runs = [
        run
        for digest in digests
        for column in ("code", "environment")
        for run in tx.lineage.runs_with(loop.project, column, digest, limit=limit + 1)
    ]
    return _Start(short(what), loop.project, tuple(digests), tuple(dict.fromkeys(runs)), tuple(held), complete)


def _holding(tx: Tables, loop: Loop, digest: str) -> tuple[dict[str, Digest], bool]:
    """Give the versions whose files include this digest, with their roots, and whether every tree could be read.

    The trees of an asset are compared one with the next, so that what versions share is read once.
    """
    found: dict[str, Digest] = {}
    complete = True
    asset, before, holding = None, None, set[str]()
    for name, number, root in tx.versions.of_types(loop.project, (TREE, MODEL)):
        if name != asset:
            asset, before = name, None
        try:
            _follow(loop, before, root, digest, holding)
            before = root
        except LooplineError:
            before, complete = None, False
            continue
        if holding:
            found[f"{name}@{number}"] = root
    return found, complete


def _follow(loop: Loop, before: Digest | None, root: Digest, digest: str, holding: set[str]) -> None:
    """Bring `holding`, the paths with this digest, from one tree to the next."""
    from loopline.datasets.diff import diff
    from loopline.datasets.tree import Tree

    if before is None:
        holding.clear()
        holding.update(entry.path for entry in Tree(loop.blobs, root).iter() if entry.digest.startswith(digest))
        return
    for one in diff(loop.blobs, before, root):
        holding.discard(one.path)
        if one.new and one.new.digest.startswith(digest):
            holding.add(one.path)


def _told(tx: Tables, start: _Start, made: Sequence[Made]) -> Iterator[Reached]:
    """Name what was made, each version once at its nearest, and behind it the refs that point there: they are what is live."""
    refs: dict[str, list[Ref]] = defaultdict(list)
    for ref in tx.refs.list(start.project, limit=100_000):
        refs[f"{ref.name.asset}@{ref.target}"].append(ref)
    names = tx.versions.named(start.project, [one.digest for one in made])
    titles = tx.lineage.titles(start.project, [one.digest for one in made if one.digest not in names])
    seen: set[str] = set()

    def version(key: str, distance: int, via: str) -> Iterator[Reached]:
        if key in seen:
            return
        seen.add(key)
        here = refs.get(key, ())
        if key != start.title:
            yield Reached("version", key, "", distance, via, bool(here))
        for ref in here:
            yield Reached("ref", str(ref.name), ref.tier or "current", distance, key, current=True)

    for key in (start.title, *start.held):
        yield from version(key, 0, start.title)
    for one in made:
        if one.digest not in names:
            yield Reached("artifact", one.digest, titles.get(one.digest, ""), one.distance, one.run)
        for key in names.get(one.digest, ()):
            yield from version(key, one.distance, one.run)
