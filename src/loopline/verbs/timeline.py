"""timeline: what happened around an incident, line by line, read from the feed and from what the ledger keeps beside it.

Nothing of it is stored: whoever asks again later reads also what was said since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from loopline.nouns.ids import brief
from loopline.nouns.postmortem import Linked, Moment

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.alert import Alert
    from loopline.nouns.comment import Comment
    from loopline.nouns.event import Event
    from loopline.nouns.firing import Firing
    from loopline.nouns.incident import Incident

MOST: Final = 400
"""Events of one change, or of the incident, that are read from its beginning, and from its end."""
_CHANGED: Final[Mapping[str, str]] = {
    "change.proposed": "proposed",
    "change.approved": "approved",
    "change.rejected": "said no to",
    "change.refused": "was refused to apply",
    "change.overridden": "let through against the policy",
    "change.applied": "applied",
    "change.withdrawn": "withdrew",
    "check.answered": "checked",
    "rollout.started": "began to roll out",
    "rollout.advanced": "gave more units to",
    "rollout.paused": "paused the rollout of",
    "rollout.resumed": "resumed the rollout of",
    "rollout.stopped": "stopped the rollout of",
    "rollout.finished": "rolled out",
}


def moments(
    tx: Tables, incident: Incident, linked: Sequence[Linked], alerts: Sequence[Alert], firing: Firing | None
) -> tuple[tuple[Moment, ...], bool]:
    """Give the lines, oldest first, and whether nothing is left out."""
    subjects = (*dict.fromkeys(one.blame.change for one in linked), incident.id)
    read = {one: _read(tx, incident.project, one) for one in subjects}
    pages = {one: page for one, (page, _) in read.items()}
    comments = {one.id: one for one in tx.comments.on(incident.id)}
    found: list[Moment] = []
    if incident.began_at is not None:
        found.append(Moment(incident.began_at, "incident.began", "it began in the world, as far as is known"))
    for one in linked:
        if one.blame.relation == "caused_by":
            found += _of_change(one, pages[one.blame.change], incident)
    for alert in alerts:
        found += _of_alert(alert)
    own = list(_of_incident(incident, pages[incident.id], comments))
    if not any(one.kind == "incident.opened" for one in own):
        found.append(_opened(incident, firing))
    found += own
    for one in linked:
        if one.blame.relation == "fixes":
            found += _of_change(one, pages[one.blame.change], incident)
    ended = {one.at for one in found if one.kind == "incident.resolved"}
    found += [one for one in _ends(incident, pages[incident.id]) if one.at not in ended]
    return tuple(sorted(found, key=lambda one: one.at)), all(whole for _, whole in read.values())


def _read(tx: Tables, project: str, subject: str) -> tuple[Sequence[Event], bool]:
    """Read the events of one thing, and whether these are all: of very many those in the middle are left out."""
    first = tx.feed.list(project, subject=subject, limit=MOST)
    if len(first) < MOST:
        return first, True
    last = [one for one in tx.feed.search(project, subject=subject, limit=MOST) if one.seq > first[-1].seq]
    return [*first, *reversed(last)], len(last) < MOST


def _of_change(one: Linked, page: Sequence[Event], incident: Incident) -> Iterator[Moment]:
    """Tell of a change, and of what it did to the incident in the same transaction."""
    what = ", ".join(one.moves)
    alone = all(event.kind != "change.proposed" for event in page)
    for event in page:
        words = _CHANGED.get(event.kind)
        if words is None:
            continue
        payload = event.payload or {}
        said = payload.get("comment") or payload.get("reason") or ""
        if event.kind == "check.answered":
            words = f"{payload.get('check', 'a check')} said {payload.get('result', 'something')} of"
        elif event.kind == "change.applied" and one.kind == "rollback":
            words = "rolled back:"
        elif event.kind == "change.applied" and alone:
            words = "proposed and applied"
        elif event.kind in ("change.applied", "change.refused", "change.approved", "change.rejected"):
            said = payload.get("comment") or ""
        yield Moment(
            event.recorded_at, event.kind, f"{words} {what}", event.actor, "change", event.subject, str(said), event.seq
        )
        for version in payload.get("quarantined") or ():
            yield Moment(
                event.recorded_at, "version.quarantined", f"put {version} into quarantine", event.actor, "version",
                str(version), seq=event.seq,
            )  # fmt: skip
        for told in payload.get("incidents") or ():
            if told.get("incident") == incident.id:
                yield from _rolled_back(told, event)


def _rolled_back(told: Mapping[str, Any], event: Event) -> Iterator[Moment]:
    """Tell what a rollback has said of an incident, and that it resolved it."""
    for pair in told.get("edges") or ():
        if pair.get("before"):
            yield _edge(pair["before"], pair["after"], event)
    words = "resolved the incident by that"
    yield Moment(event.recorded_at, "incident.resolved", words, event.actor, key=told["incident"], seq=event.seq)


def _of_alert(alert: Alert) -> Iterator[Moment]:
    what = f"{alert.monitor} of {alert.service}"
    yield Moment(
        alert.opened_at, "alert.opened", f"{what}: a {alert.severity} alert", "", "alert", alert.id, alert.summary
    )
    if alert.acknowledged_at:
        yield Moment(
            alert.acknowledged_at, "alert.acknowledged", f"sees to {what}", alert.acknowledged_by, "alert", alert.id
        )
    if alert.resolved_at:
        yield Moment(alert.resolved_at, "alert.resolved", f"{what}: the alert ended", "", "alert", alert.id)


def _opened(incident: Incident, firing: Firing | None) -> Moment:
    """Tell of an opening that was part of something else: a trigger, a rollback, an override, a rollout that was stopped."""
    if firing is not None:
        words, thing, key = f"trigger {firing.trigger} opened the incident", "trigger", firing.trigger
        return Moment(incident.opened_at, "incident.opened", words, incident.opened_by, thing, key, firing.why)  # type: ignore[arg-type]
    return Moment(
        incident.opened_at, "incident.opened", "opened the incident", incident.opened_by, key=incident.id, said=incident.title
    )  # fmt: skip


def _of_incident(incident: Incident, page: Iterable[Event], comments: Mapping[str, Comment]) -> Iterator[Moment]:
    for event in page:
        payload = event.payload or {}
        why = str(payload.get("why") or "")
        match event.kind:
            case "incident.opened":
                title = str(payload.get("title") or incident.title)
                yield _said(event, "opened the incident", f"{title}: {why}" if why else title)
            case "incident.edited" | "incident.blamed" | "incident.absolved" if not payload:
                yield _said(event, "said something otherwise, which was erased", "")
            case "incident.edited":
                yield _said(event, f"changed {_difference(payload)}", why)
            case "incident.blamed" | "incident.absolved":
                yield _edge(payload.get("before"), payload.get("after"), event, why)
            case "incident.resolved":
                yield _said(event, "resolved the incident", why)
            case "incident.reopened":
                yield _said(event, "opened the incident again", why)
            case "comment.made":
                one = comments.get(str(payload.get("comment")))
                if one is not None:
                    body = "(deleted)" if one.deleted_at else one.body
                    yield Moment(event.recorded_at, event.kind, "said", event.actor, "comment", one.id, body, event.seq)


def _said(event: Event, words: str, said: str) -> Moment:
    return Moment(event.recorded_at, event.kind, words, event.actor, key=event.subject, said=said, seq=event.seq)


def _edge(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, event: Event, why: str = "") -> Moment:
    """Tell of an edge that was added, said otherwise, or taken away."""
    edge = after or before or {}
    verb = "causing" if edge.get("relation") == "caused_by" else "fixing"
    change = str(edge.get("change", ""))
    was = f"{before['source']}, {float(before['confidence']):.0%} sure" if before else ""
    if after is None:
        words = f"no longer links change {brief(change)} as {verb} it (that said {was})"
    else:
        words = f"links change {brief(change)} as {verb} it, {float(after['confidence']):.0%} sure" + (
            f" (was: {was})" if was else ""
        )
    kind = "incident.absolved" if after is None else "incident.blamed"
    return Moment(event.recorded_at, kind, words, event.actor, "change", change, why, event.seq)


def _difference(payload: Mapping[str, Any]) -> str:
    before, after = payload.get("before") or {}, payload.get("after") or {}
    return ", ".join(
        "since when it was wrong"
        if name == "began_at"
        else f"{name} from {before.get(name) or 'none'} to {value or 'none'}"
        for name, value in after.items()
    )


def _ends(incident: Incident, page: Iterable[Event]) -> Iterator[Moment]:
    """Give the ends that the incident has had, as its row has the last one and its being opened again the others."""
    rows = [dict(event.payload["before"]) for event in page if event.kind == "incident.reopened" and event.payload]
    if incident.resolved_at is not None:
        rows.append({
            "resolved_at": incident.resolved_at, "resolved_by": incident.resolved_by, "resolution": incident.resolution
        })  # fmt: skip
    for row in rows:
        yield Moment(
            row["resolved_at"], "incident.resolved", "resolved the incident", row["resolved_by"], key=incident.id,
            said=row["resolution"],
        )  # fmt: skip
