"""review: one page about a change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from loopline.loop import Loop
from loopline.nouns.change import Approval, Change
from loopline.nouns.comparison import Comparison, Review
from loopline.nouns.ids import brief
from loopline.nouns.incident import Incident
from loopline.nouns.name import AssetName, parse_asset
from loopline.nouns.version import Version
from loopline.verbs.blaming import assets_of
from loopline.verbs.check import declared
from loopline.verbs.comparing import compare, unseen
from loopline.verbs.expecting import with_observations
from loopline.verbs.moving import find_open, stands
from loopline.verbs.permitting import sees

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables


def review(
    loop: Loop,
    change: Annotated[str, "the change's first digits, or a ref whose open change is meant"],
    *,
    rows: Annotated[bool, "also compare the tables row by row"] = False,
    lines: Annotated[bool, "also compare code and other texts line by line"] = False,
) -> Review:
    """Show what a change would move, what was measured against the base, what its policy says, and what differs.

    Example:
        loopline review model/delay@champion --rows
    """
    return page(loop, change, asked="review", rows=rows, lines=lines)


def page(loop: Loop, change: str, *, asked: str, rows: bool = False, lines: bool = False) -> Review:
    """Give the page about a change as whoever asked this verb may see it. What is left out for that is noted."""
    with loop.ledger.read() as tx:
        found = find_open(tx, change, loop)
        comments = tuple(tx.comments.of(found.id))
        incidents = tuple(one for one in tx.incidents.about(found.id) if _told(tx, loop, one, asked))
        requirements, mine = stands(tx, loop, found)
        quarantines = tuple(tx.versions.quarantined_by(found.id)) if found.kind == "rollback" else ()
    found = with_observations(loop, replace(found, approvals=_answers(found), quarantines=quarantines))
    comparisons, data, notes = [], dict[AssetName, Comparison](), []
    moved = {move.ref.asset for move in found.moves if move.new is not None}
    for move in found.moves:
        if move.new is None:
            notes.append(f"{move.ref} would be deleted")
            continue
        with loop.ledger.read() as tx:
            old = tx.versions.find(move.ref.asset, move.old) if move.old is not None else None
            new = tx.versions.get(move.ref.asset, move.new)
        comparison = compare(loop, old, new, asked=asked, rows=rows, lines=lines)
        comparisons.append(comparison)
        notes += _left_out(loop, comparison, asked)
        if old is None:
            when = "did not exist before: there was" if found.state.over else "does not exist yet: there is"
            notes.append(f"{move.ref} {when} nothing to compare with")
        for delta in comparison.data:
            asset = parse_asset(delta.name, project=loop.project)
            if asset.kind != "data" or asset in moved or not (delta.old and delta.new):
                continue
            if not sees(loop, asked, asset.project, str(asset)):
                notes.append(
                    f"what differs in {delta.name} is left out: you may not see it, or your token does not cover it"
                )
                continue
            between = (_version(loop, asset, str(number)) for number in (delta.old, delta.new))
            data[asset] = compare(loop, *between, asked=asked, rows=rows)
            notes += _left_out(loop, data[asset], asked)
    estimates = tuple(one for verdict in found.verdicts for one in verdict.estimates)
    checks = () if found.state.over else declared(loop, found)
    if not found.verdicts and not found.state.over:
        notes.append(
            f"no check has run yet: loopline check {brief(found.id)}" if checks else "no check is declared for it"
        )
    return Review(
        found, tuple(comparisons), tuple(data.values()), estimates, tuple(dict.fromkeys(notes)),
        requirements=requirements, mine=mine, comments=comments, checks=checks, incidents=incidents,
    )  # fmt: skip


def _told(tx: Tables, loop: Loop, incident: Incident, asked: str) -> bool:
    """Tell whether whoever asks may see all that an incident is about."""
    return loop.caller is None or all(sees(loop, asked, loop.project, one) for one in assets_of(tx, incident))


def _answers(change: Change) -> tuple[Approval, ...]:
    """Mark the answers that no longer count, as the policy does; where evidence came after the end, nobody knows any more."""
    from loopline.checks.evidence import freshened

    if change.closed_at is not None and any(one.at > change.closed_at for one in change.verdicts):
        return change.approvals
    return freshened(change)


def _version(loop: Loop, asset: AssetName, written: str) -> Version:
    with loop.ledger.read() as tx:
        return tx.versions.get(asset, int(written.removeprefix("@")))


def _left_out(loop: Loop, found: Comparison, asked: str) -> list[str]:
    """Say where a comparison tells less than there is, so that nobody takes it for nothing that differs."""
    told = [
        f"{one} was deleted: what differs in its files is left out"
        for one in (found.old, found.new)
        if one is not None and one.deleted_at is not None
    ]
    if not any(one is not None and unseen(loop, one, asked) for one in (found.old, found.new)):
        return told
    return [
        *told,
        f"how {found.new} was made is left out (params, metrics, data, code, environment): your token covers no runs",
    ]
