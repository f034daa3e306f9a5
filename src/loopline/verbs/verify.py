"""verify: whether the ledger and the store are what they say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Final

from loopline.datasets.tree import EMPTY
from loopline.errors import Invalid, LooplineError
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest, digest_of, short
from loopline.nouns.finding import Finding
from loopline.nouns.progress import Progress
from loopline.nouns.version import Version
from loopline.store.foreign import elsewhere, places_of, sizes_of
from loopline.verbs.filing import filed_by_the_deleted
from loopline.verbs.staging import notes_of

_ALL: Final = 100_000
_DEEPEST: Final = 3
_NOTES: Final = "notes of {}"
_PAGE: Final = 4096
_NAMED: Final = 3
"""Places that are told by name."""
Looked = tuple[Digest, str, str, int]
"""A blob: what it is, the problem where it had to be read and could not be, its size or -1."""


def verify(
    loop: Loop,
    *,
    deep: Annotated[bool, "read every byte again and compare its digest"] = False,
    level: Annotated[
        int, "how far: 0 the feed and roots, 1 nodes of trees, 2 every file with its size, 3 as --deep"
    ] = 2,
    sample: Annotated[str, "read a share of the blobs again, others each time: 2%"] = "",
    part: Annotated[str, "read one of equal parts of the blobs again: 3/10"] = "",
) -> tuple[Finding, ...]:
    """Check the feed's chain, and that every blob of every version is there (with --deep: and unchanged).

    What is damaged is named with the versions and refs that it touches. Nothing is changed.

    Example:
        loopline verify --deep
        loopline verify --sample 2%
    """
    how = How(3 if deep else level, *_share(loop, sample, part))
    feed = _chain(loop)
    versions = versions_of(loop)
    looked, bad = look(loop, versions, how)
    fix = "restore it from a backup, or add the same file again"
    found = [Finding(short(digest), "fail", text, fix, tuple(touched)) for digest, (text, touched) in bad.items()]
    word = "unchanged" if how.level == _DEEPEST else "there"
    some = f", {how.read} of them read again and unchanged" if how.some else ""
    good = Finding("blobs", "ok", f"{looked} blobs of {len(versions)} versions are {word}{some}")
    return (feed, *(found or [good]), *_elsewhere(loop))


def _elsewhere(loop: Loop) -> Iterator[Finding]:
    """Tell how much of what the store knows it does not keep."""
    count, size, sources = elsewhere(loop.blobs)
    if count:
        named = ", ".join(sources[:_NAMED]) + (" and others" if len(sources) > _NAMED else "")
        yield Finding("elsewhere", "ok", f"{count} blobs, {size} bytes, are read where they lie: in {named}")


@dataclass(slots=True)
class How:
    """How far `verify` looks, and which blobs it reads again."""

    level: int = 2
    seed: str = ""
    first: int = 0
    end: int = 0
    """Of 2^32: what falls between is read again."""
    read: int = 0
    """How many were."""

    @property
    def some(self) -> bool:
        """Whether it reads a part of the blobs again."""
        return self.end > 0

    def reads(self, digest: Digest) -> bool:
        """Tell whether a blob is read again."""
        if self.level >= _DEEPEST:
            return True
        if not self.some:
            return False
        text = digest if not self.seed else digest_of((self.seed + digest).encode())
        return self.first <= int(text[7:15], 16) < self.end


def look(loop: Loop, versions: list[Version], how: How) -> tuple[int, dict[Digest, tuple[str, dict[str, None]]]]:
    """Give how many blobs were looked at, and the bad ones, each with what it is and the versions and refs that it touches."""
    refs = _refs(loop)
    problems: dict[Digest, str] = {}
    bad: dict[Digest, tuple[str, dict[str, None]]] = {}

    def add(blobs: Iterable[Looked], *touches: str) -> None:
        rest = iter(blobs)
        while page := list(islice(rest, _PAGE)):
            sizes = sizes_of(loop.blobs, [one[0] for one in page if not one[2] and one[0] not in problems])
            for digest, name, problem, size in page:
                if problem:
                    problems[digest] = problem
                elif digest not in problems:
                    problems[digest] = _problem(loop, digest, size, sizes[digest], how)
                if problems[digest]:
                    touched = bad.setdefault(digest, (f"{problems[digest]}: {name}", {}))[1]
                    touched |= dict.fromkeys(touches)

    for done, version in enumerate(versions):
        loop.report(Progress("verify", done, len(versions), "versions"))
        add(_blobs(loop, version, how.level), str(version), *refs.get(str(version), ()))
    for ref, staged in _staged(loop, how.level):
        add(staged, ref)
    loop.report(Progress("verify", len(versions), len(versions), "versions"))
    return len(problems), bad


def _share(loop: Loop, sample: str, part: str) -> tuple[str, int, int]:
    """Read `2%` or `3/10`. Raise Invalid kind="bad-value"."""
    whole = 1 << 32
    if sample and not part and (found := re.fullmatch(r"(\d+(?:\.\d+)?) ?%", sample)) and 0 < float(found[1]) <= 100:
        return str(loop.clock.now()), 0, round(float(found[1]) / 100 * whole)
    if part and not sample and (found := re.fullmatch(r"(\d+)/(\d+)", part)) and 0 < int(found[1]) <= int(found[2]):
        number, parts = int(found[1]), int(found[2])
        return "", (number - 1) * whole // parts, number * whole // parts
    if sample or part:
        raise Invalid(
            f"{sample or part} is no share of the blobs", kind="bad-value", hint="write --sample 2%, or --part 3/10",
            sample=sample, part=part,
        )  # fmt: skip
    return "", 0, 0


def versions_of(loop: Loop) -> list[Version]:
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


def _staged(loop: Loop, level: int) -> Iterator[tuple[str, Iterator[Looked]]]:
    """Give branches with the blobs of what is staged on them and no version yet."""
    if not level:
        return
    with loop.ledger.read() as tx:
        roots, files = tx.staging.roots(loop.project), tx.staging.files(loop.project)
        gone = filed_by_the_deleted(tx, (*(one[0] for one in roots), *(one[0] for one in files)))
    for owner, root, notes in roots:
        if owner in gone:
            continue
        ref = owner.partition(":")[2]
        for one, node, file in ((root, "a node of what is staged", "{}"), (notes, "a node of staged notes", _NOTES)):
            if one is not None and one != EMPTY:
                yield ref, _below(loop, one, level, node, file)
    if level > 1:
        for owner, entry in (one for one in files if one[0] not in gone):
            yield owner.partition(":")[2], iter([(entry.digest, f"{entry.path}, staged", "", entry.size)])


def _blobs(loop: Loop, version: Version, level: int) -> Iterator[Looked]:
    """Give blobs of a version."""
    root = version.artifact.digest
    if not level or version.artifact.media_type not in (TREE, MODEL):
        yield root, "the blob itself", "", -1
        return
    yield from _below(loop, root, level, "a node of the tree", "{}")
    notes = notes_of(version)
    if notes is not None and notes != EMPTY:
        yield from _below(loop, notes, level, "a node of its notes", _NOTES)


def _below(loop: Loop, root: Digest, level: int, node: str, file: str) -> Iterator[Looked]:
    from loopline.datasets.overlay import noted_path
    from loopline.datasets.tree import Tree

    try:
        tree = Tree(loop.blobs, root)
        for one in tree.nodes():
            yield one, node, "", -1
        if level > 1:
            for entry in tree.iter():
                path = noted_path(entry.path) if file == _NOTES else entry.path
                yield entry.digest, file.format(path), "", entry.size
    except LooplineError as error:
        yield Digest(error.facts.get("digest", root)), node, error.kind, -1


def _problem(loop: Loop, digest: Digest, size: int, found: int | None, how: How) -> str:
    if found is None:
        where = places_of(loop.blobs, digest)
        return f"not as it was registered in {where[0]}" if where else "missing"
    if size not in (-1, found):
        return "wrong-size"
    if how.reads(digest):
        how.read += 1
        try:
            loop.blobs.verify(digest)
        except LooplineError as error:
            return error.kind
    return ""
