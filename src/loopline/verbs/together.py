"""together: what has to move with a version so that all of it can be brought back at once."""

from __future__ import annotations

from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.version import Version


def together(tx: Tables, loop: Loop, move: Move) -> tuple[Move, ...]:
    """Give moves of the same ref name for the data, code and environment that `move.new` was made from.

    What already stands there is left out.
    """
    if move.new is None:
        return ()
    version = tx.versions.get(move.ref.asset, move.new)
    moves = []
    for source in sources(tx, version):
        if source.asset.project != loop.project:
            continue
        ref = RefName(source.asset, move.ref.ref)
        here = tx.refs.find(ref)
        if here is None or here.target != source.number:
            moves.append(Move(ref, here.target if here else None, source.number))
    return tuple(moves)


def sources(tx: Tables, version: Version) -> list[Version]:
    """Give the versions that the run which made `version` read: data and models, its code and its environment."""
    run = tx.runs.find(version.run) if version.run else None
    if run is None:
        return []
    found: dict[AssetName, Version] = {}
    project = run.project
    for link in run.inputs:
        if link.asset and link.number:
            from loopline.nouns.name import parse_asset

            asset = parse_asset(link.asset, project=project)
            source = tx.versions.find(asset, link.number)
            if source and source.deleted_at is None:
                found.setdefault(asset, source)
    for digest in (run.code, run.environment):
        alive = [v for v in tx.versions.by_digest(project, digest) if v.deleted_at is None] if digest else []
        for source in alive[:1]:
            found.setdefault(source.asset, source)
    return sorted(found.values(), key=lambda v: v.asset)
