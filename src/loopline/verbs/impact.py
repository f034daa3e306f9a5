"""impact: from anything forward to all that was built from it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Annotated

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest, is_digest_prefix, short
from loopline.nouns.lineage import Impact, Reached
from loopline.nouns.name import parse_pointer
from loopline.nouns.version import Version
from loopline.verbs.paging import at_most


def impact(
    loop: Loop,
    what: Annotated[str, "a version, a file's or tree's digest, a run's id, or a package: pkg:scikit-learn==1.6.0"],
    *,
    limit: Annotated[int, "how many things at most"] = 1000,
) -> Impact:
    """Tell what a thing has touched: everything built from it, up to what is current.

    Example:
        loopline impact data/flights@2
    """
    at_most(limit)
    with loop.ledger.read() as tx:
        start = _start(tx, loop, what, limit)
        made = list(tx.lineage.forward(start.project, start.digests, runs=start.runs[:limit], limit=limit + 1))
        names = tx.versions.named(start.project, [one.digest for one in made])
        reached = list(start.held)
        for one in made[:limit]:
            versions = names.get(one.digest)
            if versions:
                reached += [Reached("version", key, "", one.distance, one.run) for key in versions]
            else:
                reached.append(Reached("artifact", one.digest, "", one.distance, one.run))
        complete = len(made) <= limit and len(start.runs) <= limit and start.complete
        return Impact(start.title, tuple(_with_refs(tx, start.project, _unique(reached), start.title)), complete)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the walk begins."""

    title: str
    project: str
    digests: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    held: tuple[Reached, ...] = ()
    """Versions that hold a file with the digest that was asked for."""
    complete: bool = True


def _start(tx: Tables, loop: Loop, what: str, limit: int) -> _Start:
    if what.startswith("pkg:"):
        name, _, number = what.removeprefix("pkg:").partition("==")
        if not name:
            raise Invalid("no package is named", kind="bad-package", hint="write pkg:NAME or pkg:NAME==VERSION", text=what)
        runs = tx.lineage.runs_with_package(loop.project, name.lower(), number, limit=limit + 1)
        return _Start(what, loop.project, runs=tuple(runs))
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
    versions, complete = _holding(tx, loop, what)
    named = [version.artifact.digest for version in tx.versions.by_digest(loop.project, what)]
    digests = {*tx.lineage.known(loop.project, what), *named, *(version.artifact.digest for version in versions)}
    runs = [
        run
        for column in ("code", "environment")
        for start in {what, *(version.artifact.digest for version in versions if version.asset.kind == "code")}
        for run in tx.lineage.runs_with(loop.project, column, start, limit=limit + 1)
    ]
    if not digests and not runs:
        raise NotFound(f"nothing is known of {what}", kind="no-artifact", hint="loopline ls", digest=what)
    held = tuple(Reached("version", str(version), "", 0, what) for version in versions)
    return _Start(short(what), loop.project, tuple(sorted(digests)), tuple(dict.fromkeys(runs)), held, complete)


def _holding(tx: Tables, loop: Loop, digest: str) -> tuple[list[Version], bool]:
    """Give the versions whose files include this digest, and whether every tree could be read.

    The trees of an asset are compared one with the next, so that what versions share is read once.
    """
    found, complete = [], True
    for asset in tx.assets.list(loop.project, limit=100_000):
        before: Digest | None = None
        holding: set[str] = set()
        for version in reversed(tx.versions.list(asset.name, limit=100_000, deleted=True)):
            if version.artifact.media_type not in (TREE, MODEL):
                continue
            try:
                _follow(loop, before, version.artifact.digest, digest, holding)
                before = version.artifact.digest
            except LooplineError:
                before, complete = None, False
                continue
            if holding:
                found.append(version)
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


def _unique(reached: list[Reached]) -> list[Reached]:
    """Tell each version once, at its nearest."""
    seen: dict[str, Reached] = {}
    for one in reached:
        seen.setdefault(one.key, one)
    return list(seen.values())


def _with_refs(tx: Tables, project: str, reached: list[Reached], start: str) -> list[Reached]:
    """Put the refs behind the versions that they point at: they are what is live."""
    refs: dict[str, list[Reached]] = defaultdict(list)
    for ref in tx.refs.list(project, limit=100_000):
        key = f"{ref.name.asset}@{ref.target}"
        refs[key].append(Reached("ref", str(ref.name), ref.tier or "current", 0, key, current=True))
    out = list(refs.get(start, ()))
    for one in reached:
        here = refs.get(one.key, ())
        out.append(replace(one, current=bool(here)))
        out.extend(replace(ref, distance=one.distance) for ref in here)
    return out
