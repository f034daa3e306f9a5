"""touching: which assets a request names, so that a door can hold them against what a caller may touch.

A name is an asset's `project` and `kind/name`; `kind/*` stands for every asset of a kind and `*` for all. What cannot be told
from the words (a search, a digest, code that runs) touches everything: a caller who is kept to some assets is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import LooplineError, NotFound
from loopline.nouns.declaration import Declaration
from loopline.nouns.name import KINDS, AssetName, Pointer, RefName, parse_asset, parse_pointer
from loopline.nouns.run import Link
from loopline.verbs import BY_NAME
from loopline.verbs.blaming import assets_of

if TYPE_CHECKING:
    from loopline.loop import Loop

Touched = tuple[str, str]
"""A project, and `kind/name` or a pattern."""
ALL: Final = "*"
_IDS: Final = ("change", "caused_by", "pointer", "version", "run")
_ROLLING: Final = frozenset({"pause", "resume", "abort"})
"""Verbs about what rolls, whose `change` may be the deployment."""
_BACK: Final = frozenset({"retrace", "rollback"})


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
    known = BY_NAME[verb]
    if known.runs_code or known.goes_on:
        return found | {(loop.project, ALL)}
    if verb in _ROLLING:
        return _rolled(loop, typed)
    if verb in _BACK:
        return found | _taken_back(loop, typed)
    for change in _changes(verb, typed):
        found |= _moved(loop, change)
    if isinstance(typed.get("incident"), str):
        found |= _blamed(loop, typed["incident"])
    if isinstance(typed.get("edit"), str) and verb == "incident":
        found |= _blamed(loop, typed["edit"])
    if typed.get("together") and isinstance(typed.get("ref"), RefName):
        found.add((loop.project, ALL))
    if found or not known.names_assets:
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
    for name in ("change", "caused_by"):
        if isinstance(typed.get(name), str):
            yield typed[name]
    what = typed.get("what")
    if verb in ("show", "why", "rollouts") and isinstance(what, str) and "/" not in what:
        yield what


def _rolled(loop: Loop, typed: Mapping[str, Any]) -> set[Touched]:
    """Give what a change that rolls moves, and with a quarantine the models that would be marked."""
    from loopline.verbs.rolling import brought, find_rolling

    try:
        with loop.ledger.read() as tx:
            change = tx.changes.get(find_rolling(tx, loop, typed["change"]).change)
            found = {(loop.project, str(move.ref.asset)) for move in change.moves}
            marked = brought(tx, loop, change) if typed.get("quarantine") else ()
            return found | {(loop.project, str(asset)) for asset, _ in marked}
    except LooplineError:
        return {(loop.project, ALL)}


def _taken_back(loop: Loop, typed: Mapping[str, Any]) -> set[Touched]:
    """Give everything that a rollback moves, leaves behind, or marks."""
    from loopline.verbs.moments import Goal
    from loopline.verbs.wayback import assets_of as all_of
    from loopline.verbs.wayback import way_back

    words = {name: typed[name] for name in ("to", "change", "also", "leave", "quarantine", "abort") if name in typed}
    try:
        with loop.ledger.read() as tx:
            return {(loop.project, asset) for asset in all_of(way_back(tx, loop, typed["ref"], Goal(**words)))}
    except LooplineError:
        return {(loop.project, ALL)}


def _blamed(loop: Loop, incident: str) -> set[Touched]:
    """Give what an incident is about."""
    try:
        with loop.ledger.read() as tx:
            found = assets_of(tx, tx.incidents.known(loop.project, incident))
    except LooplineError:
        found = {ALL}
    return {(loop.project, asset) for asset in found}


def _moved(loop: Loop, change: str) -> set[Touched]:
    """Give what a change moves, those of a ref that are open or in force, or what an incident is about that begins alike."""
    from loopline.nouns.name import parse_ref

    try:
        with loop.ledger.read() as tx:
            if "/" not in change:
                incident = tx.incidents.beginning(loop.project, change)
                found = assets_of(tx, incident) if incident else set()
                with suppress(NotFound) if incident else nullcontext():
                    found |= {str(move.ref.asset) for move in tx.changes.resolve(loop.project, change).moves}
                return {(loop.project, asset) for asset in found}
            ref = parse_ref(change, project=loop.project)
            ids = [one.id for one in tx.changes.list(loop.project, open_only=True, ref=ref, limit=1)]
            here = tx.refs.find(ref)
            ids += [here.change] if here and here.change else []
            moves = [move for one in ids for move in tx.changes.get(one).moves]
            return {(loop.project, str(move.ref.asset)) for move in moves} or {(loop.project, ALL)}
    except LooplineError:
        return {(loop.project, ALL)}
