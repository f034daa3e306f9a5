"""impact: from anything forward to all that was built from it."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import Annotated

from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.digest import is_digest_prefix, short
from loopline.nouns.lineage import Impact, Reached
from loopline.nouns.name import parse_pointer
from loopline.nouns.version import Version


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
    with loop.ledger.read() as tx:
        title, digests, runs = _start(tx, loop, what)
        made = list(islice(tx.lineage.forward(digests, runs=runs, limit=limit + 1), limit + 1))
        names = tx.versions.named(loop.project, [one.digest for one in made])
        reached: list[Reached] = []
        for one in made[:limit]:
            versions = names.get(one.digest)
            if versions:
                reached += [Reached("version", key, "", one.distance, one.run) for key in versions]
            else:
                reached.append(Reached("artifact", one.digest, "", one.distance, one.run))
        return Impact(title, tuple(_with_refs(tx, loop.project, _unique(reached), title)), complete=len(made) <= limit)


def _start(tx: Tables, loop: Loop, what: str) -> tuple[str, list[str], list[str]]:
    if what.startswith("pkg:"):
        name, _, version = what.removeprefix("pkg:").partition("==")
        return what, [], tx.lineage.runs_with_package(loop.project, name.lower(), version)
    if "/" in what:
        version_ = tx.versions.resolve(parse_pointer(what, project=loop.project))
        return str(version_), [version_.artifact.digest], _runs_with(tx, loop, version_)
    if is_digest_prefix(what):
        return short(what), [what, *_trees_holding(tx, loop, what)], []
    run = tx.runs.resolve(loop.project, what)
    return run.id, [], [run.id]


def _runs_with(tx: Tables, loop: Loop, version: Version) -> list[str]:
    column = {"code": "code", "env": "environment"}.get(version.asset.kind)
    return tx.lineage.runs_with(loop.project, column, version.artifact.digest) if column else []


def _trees_holding(tx: Tables, loop: Loop, digest: str) -> list[str]:
    """Give the roots of the data versions that hold a file with this digest, by reading their trees."""
    from loopline.datasets.tree import Tree

    found = []
    for asset in tx.assets.list(loop.project, kind="data", limit=10_000):
        for version in tx.versions.list(asset.name, limit=10_000, deleted=True):
            root = version.artifact.digest
            if any(entry.digest.startswith(digest) for entry in Tree(loop.blobs, root).iter()):
                found.append(str(root))
    return found


def _unique(reached: list[Reached]) -> list[Reached]:
    """Tell each version once, at its nearest."""
    seen: dict[str, Reached] = {}
    for one in reached:
        seen.setdefault(one.key, one)
    return list(seen.values())


def _with_refs(tx: Tables, project: str, reached: list[Reached], start: str) -> list[Reached]:
    """Put the refs behind the versions that they point at: they are what is live."""
    project_refs: dict[str, list[str]] = defaultdict(list)
    tiers: dict[str, str] = {}
    for ref in tx.refs.list(project, limit=100_000):
        project_refs[f"{ref.name.asset}@{ref.target}"].append(str(ref.name))
        tiers[str(ref.name)] = ref.tier
    out: list[Reached] = [
        Reached("ref", name, tiers[name] or "current", 0, start, current=True) for name in project_refs.get(start, ())
    ]
    for one in reached:
        names = project_refs.get(one.key, [])
        out.append(Reached(one.kind, one.key, one.title, one.distance, one.via, current=bool(names)))
        out.extend(
            Reached("ref", name, tiers[name] or "current", one.distance, one.key, current=True) for name in names
        )
    return out
