"""recounting: an incident with all that is known of it: changes, alerts, what was answered meanwhile, the times that count.

What delivery measures count is read as `insights` reads it (`measuring.History`), so that a page never says another number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from loopline.insights.calendar import Window
from loopline.insights.postmortem import sentence
from loopline.ledger.delivery import Delivery
from loopline.nouns.change import Change
from loopline.nouns.incident import Blame
from loopline.nouns.name import AssetName, RefName, parse_ref
from loopline.nouns.postmortem import Affected, Failure, Linked, Postmortem
from loopline.verbs.measuring import History
from loopline.verbs.permitting import sees
from loopline.verbs.timeline import moments

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.alert import Alert
    from loopline.nouns.firing import Firing
    from loopline.nouns.incident import Incident

SERVICES: Final = 20
"""Deployments whose records are read for an incident."""


def recounted(loop: Loop, key: str, *, asked: str) -> Postmortem:
    """Tell all of an incident by its whole id. `asked` is the verb by which somebody wants to see it."""
    with loop.ledger.read() as tx:
        incident, now = tx.incidents.get(key), tx.now
        pairs = [(blame, tx.changes.find(blame.change)) for blame in incident.blames]
        known = [(blame, change) for blame, change in pairs if change is not None]
        causes = [change for blame, change in known if blame.relation == "caused_by"]
        linked = tuple(sorted((_linked(tx, *one) for one in known), key=lambda one: (one.blame.relation, one.began)))
        blamed = [change for blame, change in known if _counts(blame)]
        first = min((change.closed_at or now for change in blamed), default=now)
        history = History(Delivery(tx.rows, loop.project), Window(first, now + 1, now))
        failures = history.failures({change.id for change in blamed})
        firing = tx.firings.of_incident(incident.id)
        alerts = [one for one in _alerts(tx, incident, causes, firing) if _told(loop, asked, one.service)]
        lines, whole = moments(tx, incident, linked, alerts, firing)
        marked = dict.fromkeys(one for _, change in known for one in tx.versions.quarantined_by(change.id))
        places = list(_places(tx, loop, causes, asked))
    since = min((one.began for one in linked if one.blame.relation == "caused_by"), default=now)
    end = _end(incident, failures, now)
    return Postmortem(
        incident, sentence(incident, linked, failures, alerts, now=now), now, linked=linked, failures=failures,
        affected=tuple(_affected(loop, places, since, end)), alerts=tuple(alerts),
        quarantined=tuple(one for one in marked if _told(loop, asked, one)),
        moments=tuple(one for one in lines if one.thing != "version" or _told(loop, asked, one.key)), whole=whole,
    )  # fmt: skip


def _counts(blame: Blame) -> bool:
    """Tell whether an edge makes a deployment count as failed: that it was let through against the policy does not."""
    return blame.relation == "caused_by" and blame.source != "override"


def _linked(tx: Tables, blame: Blame, change: Change) -> Linked:
    rolled = tx.rollouts.find(change.id)
    began = rolled.progress.began if rolled else change.closed_at or change.created_at
    yes = tuple(one.actor for one in change.approvals if one.answer == "approve")
    return Linked(
        blame, change.reason, change.author, change.kind, str(change.state), tuple(map(str, change.moves)),
        change.created_at, began, change.closed_at, yes,
    )  # fmt: skip


def _alerts(tx: Tables, incident: Incident, causes: Iterable[Change], firing: Firing | None) -> list[Alert]:
    """Give the alert that opened it, and those that were opened under what is blamed until it was resolved; the first first."""
    found = {one.id: one for change in causes for one in tx.alerts.about(change.id)}
    end = tx.now if incident.resolved_at is None else incident.resolved_at
    found = {key: one for key, one in found.items() if one.opened_at <= end}
    kind, _, key = firing.cause.partition(":") if firing else ("", "", "")
    if kind == "alert":
        one = tx.alerts.get(incident.project, key)
        found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.opened_at, one.id))


def _end(incident: Incident, failures: Sequence[Failure], now: int) -> int:
    """Tell up to when users were answered with what is blamed."""
    over = [one.recovered for one in failures]
    if over and all(at is not None for at in over):
        return max(at for at in over if at is not None)
    return (now if incident.resolved_at is None else incident.resolved_at) + 1


Place = tuple[RefName, list[int], list[str]]
"""A deployment, and which of its versions, or of its models, are blamed."""


def _places(tx: Tables, loop: Loop, causes: Iterable[Change], asked: str) -> Iterator[Place]:
    """Give the deployments that may have answered with what is blamed."""
    moves = [move for change in causes for move in change.moves if move.new is not None]
    models = [f"{move.ref.asset}@{move.new}" for move in moves if move.ref.asset.kind == "model"]
    numbers: dict[str, list[int]] = {}
    for move in moves:
        if move.ref.asset.kind == "service" and move.new is not None:
            numbers.setdefault(str(move.ref), []).append(move.new)
    others = tx.refs.of_kind("service", project=loop.project, limit=SERVICES) if models else ()
    for name in dict.fromkeys([*numbers, *(str(one.name) for one in others)]):
        ref = parse_ref(name, project=loop.project)
        if _may(loop, asked, ref.asset):
            yield ref, numbers.get(name, []), models


def _told(loop: Loop, asked: str, name: str) -> bool:
    """Tell whether whoever asks may hear of a version, or of a deployment, that is only beside what the incident is about."""
    return sees(loop, asked, loop.project, name.rpartition("@")[0])


def _may(loop: Loop, asked: str, asset: AssetName) -> bool:
    return sees(loop, asked, asset.project, str(asset)) and sees(loop, "traffic", asset.project, str(asset))


def _affected(loop: Loop, places: Iterable[Place], since: int, end: int) -> Iterator[Affected]:
    """Count what was answered. What is kept on another machine, or nowhere, is not known here."""
    if loop.signals is None:
        return
    from loopline.verbs.recorded import signals_of

    for ref, numbers, models in places:
        folder = signals_of(loop, ref)
        if not folder.is_dir():
            continue
        from loopline.signals import queries

        for one in queries.answered(folder, since, end, numbers=numbers, models=models):
            yield Affected(str(ref), one.number, one.requests, one.rows, one.errors, one.first, one.last)
