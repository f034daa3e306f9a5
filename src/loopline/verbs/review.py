"""review: one page about a change; `show CHANGE` gives it."""

from __future__ import annotations

from loopline.loop import Loop
from loopline.nouns.change import Change
from loopline.nouns.comparison import Comparison, Review
from loopline.nouns.name import AssetName, parse_asset
from loopline.nouns.version import Version
from loopline.verbs.comparing import compare


def review(loop: Loop, change: Change, *, rows: bool = False) -> Review:
    """Collect what moves, what was measured against the base, and what differs in data, code and environment."""
    comparisons, data, notes = [], dict[AssetName, Comparison](), []
    for move in change.moves:
        if move.new is None:
            notes.append(f"{move.ref} would be deleted")
            continue
        with loop.ledger.read() as tx:
            old = tx.versions.find(move.ref.asset, move.old) if move.old is not None else None
            new = tx.versions.get(move.ref.asset, move.new)
        comparison = compare(loop, old, new, rows=rows)
        comparisons.append(comparison)
        if old is None:
            notes.append(f"{move.ref} does not exist yet: there is nothing to compare with")
        for delta in comparison.data:
            asset = parse_asset(delta.name, project=loop.project)
            if asset.kind == "data" and delta.old and delta.new:
                data[asset] = _between(loop, asset, str(delta.old), str(delta.new), rows=rows)
    estimates = tuple(one for verdict in change.verdicts for one in verdict.estimates)
    if not change.verdicts:
        notes.append(f"no check has run yet: loopline check {change.id[:12]}")
    return Review(change, tuple(comparisons), tuple(data.values()), estimates, tuple(notes))


def _between(loop: Loop, asset: AssetName, old: str, new: str, *, rows: bool) -> Comparison:
    def get(written: str) -> Version:
        with loop.ledger.read() as tx:
            return tx.versions.get(asset, int(written.removeprefix("@")))

    return compare(loop, get(old), get(new), rows=rows)
