"""search: everything that some words stand in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import Invalid, LooplineError
from loopline.ledger.hits import Hits
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.hit import Hit, HitKind
from loopline.verbs.paging import at_most
from loopline.verbs.permitting import seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loopline.ledger.ledger import Tables
    from loopline.nouns.version import Version

KINDS: Final[tuple[HitKind, ...]] = ("asset", "ref", "version", "run", "change", "event", "person", "file")
LONGEST = 200
"""Characters that are searched for."""
ASSETS, FILES = 200, 5000
"""How many assets' newest trees are looked into, and how many files in all of them."""


def search(
    loop: Loop,
    words: Annotated[str, "what to look for; each word must be there"],
    *,
    kind: Annotated[HitKind | None, "only this"] = None,
    limit: Annotated[int, "how many of each kind at most"] = 10,
) -> tuple[Hit, ...]:
    """Find everything that some words stand in: assets, refs, versions, runs, changes, events, people, files.

    Names, reasons and messages are searched for each word, without regard to case; ids, commits, values of params and subjects
    from their beginning; `lr=0.1` finds runs by one param. People are those whom `find people` lists. What is called exactly so
    comes first, then kind by kind.

    Example:
        loopline search "carrier delay"
    """
    at_most(limit)
    text = " ".join(words.split())
    if not text or len(text) > LONGEST or "\x00" in text:
        raise Invalid(
            "there is nothing to look for", kind="bad-search", hint=f"give 1 to {LONGEST} characters", length=len(text)
        )
    found: dict[tuple[str, str], Hit] = {}
    with loop.ledger.read() as tx:
        hits, who = Hits(tx.rows, tx.assets, loop.project, text.split()), seen(loop, tx)
        for one in KINDS:
            if kind in (None, one):
                _keep(found, _files(tx, loop, text) if one == "file" else _of(hits, one, limit, who), limit)
    return tuple(sorted(found.values(), key=lambda hit: not hit.exact))


def _of(hits: Hits, kind: HitKind, limit: int, who: Sequence[str]) -> Iterator[Hit]:
    ways: dict[str, Callable[[int], Iterator[Hit]]] = {
        "asset": hits.assets, "ref": hits.refs, "version": hits.versions, "run": hits.runs, "change": hits.changes,
        "event": hits.events, "person": partial(hits.people, among=who),
    }  # fmt: skip
    return ways[kind](limit)


def _keep(found: dict[tuple[str, str], Hit], hits: Iterator[Hit], limit: int) -> None:
    """Take the first of each thing, at most `limit` of them: what comes first says best why it was found."""
    taken = 0
    for hit in hits:
        if (hit.kind, hit.key) in found:
            continue
        found[hit.kind, hit.key] = hit
        taken += 1
        if taken == limit:
            return


def _files(tx: Tables, loop: Loop, text: str) -> Iterator[Hit]:
    """Give files of the newest version of each asset by their path. A tree that cannot be read has none."""
    seen, words = 0, text.lower().split()
    for asset in tx.assets.list(loop.project, limit=ASSETS):
        newest = next(iter(tx.versions.list(asset.name, limit=1)), None)
        if newest is None or newest.artifact.media_type not in (TREE, MODEL):
            continue
        for path in _paths(loop, newest, FILES - seen):
            seen += 1
            if all(word in path.lower() for word in words):
                yield Hit("file", f"{newest}/{path}", path, "path", newest.recorded_at)
        if seen >= FILES:
            return


def _paths(loop: Loop, version: Version, limit: int) -> Iterator[str]:
    from itertools import islice

    from loopline.datasets.tree import Tree

    try:
        for entry in islice(Tree(loop.blobs, version.artifact.digest).iter(), limit):
            yield entry.path
    except LooplineError:
        return
