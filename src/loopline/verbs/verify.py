"""verify: whether the ledger and the store are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from loopline.errors import LooplineError
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest, short
from loopline.nouns.finding import Finding
from loopline.nouns.progress import Progress
from loopline.nouns.version import Version

_ALL: Final = 100_000


def verify(
    loop: Loop,
    *,
    deep: Annotated[bool, "read every byte again and compare its digest"] = False,
) -> tuple[Finding, ...]:
    """Check the feed's chain, and that every blob of every version is there (with --deep: and unchanged).

    What is damaged is named with the versions and refs that it touches. Nothing is changed.

    Example:
        loopline verify --deep
    """
    feed = _chain(loop)
    versions = _versions(loop)
    refs = _refs(loop)
    problems: dict[Digest, str] = {}
    bad: dict[Digest, tuple[str, dict[str, None]]] = {}
    for done, version in enumerate(versions):
        loop.report(Progress("verify", done, len(versions), "versions"))
        for digest, name, problem in _blobs(loop, version):
            if problem:
                problems[digest] = problem
            elif digest not in problems:
                problems[digest] = _problem(loop, digest, deep=deep)
            if problems[digest]:
                touched = bad.setdefault(digest, (f"{problems[digest]}: {name}", {}))[1]
                touched |= dict.fromkeys((str(version), *refs.get(str(version), ())))
    loop.report(Progress("verify", len(versions), len(versions), "versions"))
    fix = "restore it from a backup, or add the same file again"
    found = [Finding(short(digest), "fail", text, fix, tuple(touched)) for digest, (text, touched) in bad.items()]
    word = "unchanged" if deep else "there"
    good = Finding("blobs", "ok", f"{len(problems)} blobs of {len(versions)} versions are {word}")
    return (feed, *(found or [good]))


def _versions(loop: Loop) -> list[Version]:
    """Give every version of the project."""
    with loop.ledger.read() as tx:
        assets = tx.assets.list(loop.project, limit=_ALL)
        return [version for asset in assets for version in tx.versions.list(asset.name, limit=_ALL)]


def _refs(loop: Loop) -> dict[str, list[str]]:
    """Give the names of refs by the version that they stand at."""
    found: dict[str, list[str]] = {}
    with loop.ledger.read() as tx:
        for ref in tx.refs.list(loop.project, limit=_ALL):
            found.setdefault(f"{ref.name.asset}@{ref.target}", []).append(str(ref.name))
    return found


def _chain(loop: Loop) -> Finding:
    with loop.ledger.read() as tx:
        broken = tx.feed.verify(loop.project)
        head = tx.feed.head(loop.project)
    if broken:
        return Finding("feed", "fail", f"event {broken.seq}: {broken.what}", "restore the ledger from a backup")
    return Finding("feed", "ok", f"{head.seq} events, chain valid, head {short(head.hash)}")


def _blobs(loop: Loop, version: Version) -> Iterator[tuple[Digest, str, str]]:
    """Give every blob of a version, what it is, and the problem where it had to be read and could not be."""
    root = version.artifact.digest
    if version.artifact.media_type not in (TREE, MODEL):
        yield root, "the blob itself", ""
        return
    from loopline.datasets.tree import Tree

    try:
        tree = Tree(loop.blobs, root)
        for node in tree.nodes():
            yield node, "a node of the tree", ""
        for entry in tree.iter():
            yield entry.digest, entry.path, ""
    except LooplineError as error:
        yield Digest(error.facts.get("digest", root)), "a node of the tree", error.kind


def _problem(loop: Loop, digest: Digest, *, deep: bool) -> str:
    if loop.blobs.size(digest) is None:
        return "missing"
    if deep:
        try:
            loop.blobs.verify(digest)
        except LooplineError as error:
            return error.kind
    return ""
