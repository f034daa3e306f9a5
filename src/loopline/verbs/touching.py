"""touching: which assets a request names, so that a door can hold them against what a caller may touch.

A name is an asset's `project` and `kind/name`; `kind/*` stands for every asset of a kind and `*` for all. What cannot be told
from the words (a search, a digest, code that runs) touches everything: a caller who is kept to some assets is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError
from loopline.nouns.declaration import Declaration
from loopline.nouns.name import KINDS, AssetName, Pointer, RefName, parse_asset, parse_pointer
from loopline.nouns.run import Link

if TYPE_CHECKING:
    from loopline.loop import Loop

Touched = tuple[str, str]
"""A project, and `kind/name` or a pattern."""
ALL: Final = "*"
FREE: Final = frozenset(
    {
        "start", "log", "finish", "whoami", "cancel", "series", "tail", "issue", "revoke", "grant", "subscribe",
        "unsubscribe", "redeliver", "assess", "respond",
    }
)  # fmt: skip
"""Verbs that are about no asset: runs, people, tokens, addresses. What they name besides is found as elsewhere."""
RUNS_CODE: Final = frozenset({"run", "reproduce", "check", "promote", "deploy"})
"""Verbs that run a project's code, which may read whatever it likes."""
FORWARD: Final = frozenset({"impact"})
"""Verbs that go on from what is named to whatever was built from it."""
_IDS: Final = ("change", "pointer", "version", "run")


def named(loop: Loop, verb: str, typed: Mapping[str, Any]) -> set[Touched]:
    """Give what the words themselves name; nothing is read from the ledger."""
    found: set[Touched] = set()
    for name, value in typed.items():
        found.update((one.project, str(one)) for one in _assets(loop, verb, name, value))
    return found


def touched(loop: Loop, verb: str, typed: Mapping[str, Any]) -> set[Touched]:
    """Give every asset that a request is about: also those that a change would move. Reads the ledger.

    A name that leads nowhere touches everything, so that an answer tells nobody what is there.
    """
    found = named(loop, verb, typed)
    if verb in RUNS_CODE or verb in FORWARD:
        return found | {(loop.project, ALL)}
    for change in _changes(verb, typed):
        found |= _moved(loop, change)
    if typed.get("together") and isinstance(typed.get("ref"), RefName):
        found.add((loop.project, ALL))
    if found or verb in FREE:
        return found
    kind = typed.get("what")
    if verb == "ls" and kind in KINDS:
        return {(loop.project, f"{kind}/*")}
    if verb == "policy":
        return {(loop.project, f"policy/{loop.project}")}
    return {(loop.project, ALL)}


def homes(loop: Loop, verb: str, typed: Mapping[str, Any], *, narrowed: bool) -> Iterator[tuple[str, list[str]]]:
    """Give each project that a request is about with its assets there, the loop's own project last.

    Whoever is `narrowed` to some assets must be held against all that is touched, not only against what is named.
    """
    about = touched(loop, verb, typed) if narrowed else named(loop, verb, typed)
    for home in (*sorted({home for home, _ in about} - {loop.project}), loop.project):
        yield home, sorted(asset for where, asset in about if where == home)


def _assets(loop: Loop, verb: str, name: str, value: Any) -> Iterator[AssetName]:
    """Find names in one argument: as typed, in texts that may name a thing, in links and in mappings of refs."""
    match value:
        case AssetName():
            yield value
        case RefName() | Pointer():
            yield value.asset
        case Declaration():
            for arm in value.arms:
                yield from _parsed(loop, arm.model)
        case Link():
            if value.asset:
                yield from _parsed(loop, value.asset)
        case str() if name in ("what", *_IDS) and "/" in value:
            yield from _parsed(loop, value)
        case Mapping() if name == "also":
            for ref, revision in value.items():
                yield from _parsed(loop, ref)
                yield from _parsed(loop, revision)
        case Mapping() if verb == "run" and name == "params":
            for word in value.values():
                yield from _parsed(loop, word)
        case tuple() | list():
            for one in value:
                yield from _assets(loop, verb, name, one)


def _parsed(loop: Loop, text: Any) -> Iterable[AssetName]:
    """Read a text as a name; what cannot be read names nothing, and the verb says so itself."""
    if not isinstance(text, str) or "/" not in text:
        return ()
    try:
        if "@" in text:
            return (parse_pointer(text, project=loop.project).asset,)
        return (parse_asset(text, project=loop.project),)
    except LooplineError:
        return ()


def _changes(verb: str, typed: Mapping[str, Any]) -> Iterator[str]:
    change = typed.get("change")
    if isinstance(change, str):
        yield change
    what = typed.get("what")
    if verb in ("show", "why") and isinstance(what, str) and "/" not in what:
        yield what
    ref = typed.get("ref")
    if verb == "rollback" and change is None and isinstance(ref, RefName):
        yield str(ref)


def _moved(loop: Loop, change: str) -> set[Touched]:
    """Give what a change moves. A rollback by its ref takes the newest change of that ref back, all of it."""
    from loopline.nouns.name import parse_ref

    try:
        with loop.ledger.read() as tx:
            if "/" not in change:
                found = tx.changes.resolve(loop.project, change)
                return {(loop.project, str(move.ref.asset)) for move in found.moves}
            ref = parse_ref(change, project=loop.project)
            ids = [one.id for one in tx.changes.list(loop.project, open_only=True, ref=ref, limit=1)]
            here = tx.refs.find(ref)
            past = [m for m in tx.changes.history(ref, limit=1000) if here and m.new == here.target]
            ids += [one.change for one in past if one.kind != "rollback"][:1]
            moves = [move for one in ids for move in tx.changes.get(one).moves]
            return {(loop.project, str(move.ref.asset)) for move in moves} or {(loop.project, ALL)}
    except LooplineError:
        return {(loop.project, ALL)}
