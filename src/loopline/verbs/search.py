"""search: everything that some words stand in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import Invalid, LooplineError
from loopline.ledger.hits import Hits
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.hit import Hit, HitKind
from loopline.verbs.paging import MOST, at_most, no_place
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
    after: Annotated[str, "go on behind this: what an answer for one kind gave as its `next`"] = "",
    limit: Annotated[int, "how many of each kind at most"] = 10,
) -> tuple[Hit, ...]:
    """Find everything that some words stand in: assets, refs, versions, runs, changes, events, people, files.

    Names, reasons and messages are searched for each word, without regard to case; ids, commits, values of params and subjects
    from their beginning; `lr=0.1` finds runs by one param. People are those whom `find people` lists. What is called exactly so
    comes first, then kind by kind. Asked for one kind, an answer has pages, in the order of that kind, up to its first 10,000
    things.

    Example:
        loopline search "carrier delay"
    """
    at_most(limit)
    text = " ".join(words.split())
    if not text or len(text) > LONGEST or "\x00" in text:
        raise Invalid(
            "there is nothing to look for", kind="bad-search", hint=f"give 1 to {LONGEST} characters", length=len(text)
        )
    kind, last = _place(after, kind)
    found: dict[tuple[str, str], Hit] = {}
    with loop.ledger.read() as tx:
        hits, who = Hits(tx.rows, tx.assets, loop.project, text.split()), seen(loop, tx)
        for one in KINDS if kind is None else (kind,):
            reach = MOST if last else limit
            _keep(found, _files(tx, loop, text) if one == "file" else _of(hits, one, reach, who), reach)
    if kind is None:
        return tuple(sorted(found.values(), key=lambda hit: not hit.exact))
    return _behind(tuple(found.values()), last, after)[:limit]


def _place(after: str, kind: HitKind | None) -> tuple[HitKind | None, str]:
    """Read a place as a kind and a key; a place says by itself of which kind it is. Raise Invalid."""
    if not after:
        return kind, ""
    for one in KINDS if kind is None else (kind,):
        if after.startswith(f"{one}:") and len(after) > len(one) + 1:
            return one, after[len(one) + 1 :]
    raise no_place(after)


def _behind(hits: tuple[Hit, ...], last: str, after: str) -> tuple[Hit, ...]:
    """Leave out what comes before a place, and what stands there. Raise Invalid where that is none of these."""
    if not last:
        return hits
    for at, hit in enumerate(hits):
        if hit.key == last:
            return hits[at + 1 :]
    raise no_place(after)


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
