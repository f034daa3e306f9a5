"""happened: events in people's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from loopline.nouns.name import KINDS

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.event import Event

Thing = Literal["run", "change", "incident", "asset", "monitor", ""]
WORDS: Final[Mapping[str, str]] = {
    "run.started": "started run",
    "runs.adopted": "took runs over from elsewhere into",
    "run.finished": "finished run",
    "run.logged": "logged to run",
    "run.published": "published what came of run",
    "run.unchanged": "had nothing new for run",
    "steps.started": "started steps of run",
    "steps.ended": "ended steps of run",
    "steps.cached": "took steps from the cache for run",
    "change.proposed": "proposed",
    "change.approved": "approved",
    "change.rejected": "rejected",
    "change.applied": "applied",
    "change.refused": "was refused to apply",
    "change.judged": "had the policy judge",
    "change.withdrawn": "withdrew",
    "change.overridden": "let through against the policy",
    "change.unchanged": "asked again for",
    "merge.clashed": "began a merge in which paths clash, into",
    "merge.moved": "merged anew, as it had moved, into",
    "merge.taken": "chose between sides in the merge into",
    "merge.abandoned": "gave up the merge into",
    "bucket.named": "gave a branch the name",
    "bucket.removed": "took away the name",
    "staging.discarded": "discarded what was staged on",
    "rollout.started": "began to roll out",
    "rollout.advanced": "gave more units to",
    "rollout.paused": "paused the rollout of",
    "rollout.resumed": "resumed the rollout of",
    "rollout.stopped": "stopped the rollout of",
    "rollout.finished": "rolled out",
    "incident.opened": "opened incident",
    "incident.edited": "edited incident",
    "incident.blamed": "said which change caused or fixed incident",
    "incident.absolved": "took a change away from incident",
    "incident.resolved": "resolved incident",
    "incident.reopened": "opened again incident",
    "practice.assessed": "assessed the practice",
    "traces.deleted": "deleted traces of experiment",
    "checks.started": "started the checks of",
    "check.answered": "checked",
    "comment.made": "commented on",
    "comment.edited": "edited a comment on",
    "comment.deleted": "deleted a comment on",
    "model.opened": "registered",
    "model.logged": "began a model",
    "model.sealed": "finished the model",
    "experiment.created": "began experiment",
    "experiment.changed": "changed experiment",
    "experiment.unchanged": "left as it was experiment",
    "annotated": "said more about",
    "run.resumed": "went on with run",
    "version.published": "published",
    "version.unchanged": "found nothing new in",
    "source.published": "kept the source tree",
    "run.captured": "took the code and environment of run",
    "run.sealed": "kept the files of run",
    "deleted": "deleted",
    "restored": "restored",
    "task.queued": "asked a worker for",
    "task.cancelled": "cancelled",
    "task.ended": "ended",
    "grant.given": "gave a role or team to",
    "grant.revoked": "took a role or team from",
    "project.created": "created project",
    "project.described": "described project",
    "project.deleted": "deleted the empty project",
    "team.described": "described",
    "token.issued": "issued token",
    "token.revoked": "ended token",
    "token.unchanged": "ended again token",
    "person.shut-out": "shut out",
    "person.let-in": "let in again",
    "person.signed-in": "signed in as",
    "device.allowed": "let a terminal sign in as",
    "device.denied": "let no terminal sign in as",
    "subscription.created": "subscribed",
    "subscription.changed": "changed subscription",
    "subscription.ended": "ended subscription",
    "subscription.paused": "paused subscription",
    "subscription.resumed": "resumed subscription",
    "delivery.asked": "asked for events again of",
    "service.deployed": "made a version to serve of",
    "alert.opened": "opened an alert of",
    "alert.resolved": "ended the alert of",
    "alert.acknowledged": "acknowledged the alert of",
    "alert.unchanged": "looked, and found no change, at",
    "trigger.fired": "fired trigger",
    "trigger.held": "did not follow, for trigger",
    "trigger.ended": "came to the end of trigger",
    "silence.created": "silenced",
    "silence.ended": "ended the silence of",
}
"""What somebody did, in front of what they did it to. A kind that is not here is told as it is written."""
QUIET: Final = ("run.logged", "run.unchanged", "steps.started", "steps.ended", "steps.cached")
"""Kinds that say little one by one: how a run went on."""
_RUNS: Final = ("run.", "steps.")
_CHANGES: Final = ("change.", "comment.", "check.", "checks.", "rollout.")
_INCIDENTS: Final = ("incident.", "comment.")
_WATCHED: Final = ("alert.", "silence.")
_SAID: Final = ("reason", "message", "why", "error", "note", "summary")
_ENDS: Final = ("run.finished", "task.ended", "check.answered", "trigger.ended")
_WELL: Final = ("finished", "done", "pass", "cancelled")


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and how many of its kind stand behind it."""

    event: Event
    times: int
    words: str
    thing: Thing
    name: str
    """How people call the subject; empty where it has no name but its id."""
    said: str
    """What was said about it."""
    state: str = ""
    """How it ended, where it did not end well."""


def told(tables: Tables, project: str, events: Iterable[Event]) -> list[Told]:
    """Tell events, those that only say how one run went on as one: a training that logs would fill the page."""
    groups: list[list[Event]] = []
    for one in events:
        last = groups[-1][-1] if groups else None
        quiet = last is not None and last.kind in QUIET and one.kind in QUIET
        if last is not None and quiet and (last.subject, last.actor) == (one.subject, one.actor):
            groups[-1].append(one)
        else:
            groups.append([one])
    firsts = [group[0] for group in groups]
    names = tables.runs.names(project, (one.subject for one in firsts if one.kind.startswith(_RUNS)))
    names |= tables.changes.reasons(project, (one.subject for one in firsts if one.kind.startswith(_CHANGES)))
    titles = tables.incidents.titles(project, (one.subject for one in firsts if one.kind.startswith(_INCIDENTS)))
    names |= titles
    return [_told(group, names.get(group[0].subject, ""), incident=group[0].subject in titles) for group in groups]


def _told(group: list[Event], name: str, *, incident: bool) -> Told:
    one = group[0]
    payload = one.payload or {}
    words = WORDS.get(one.kind, one.kind) if len({event.kind for event in group}) == 1 else "went on with run"
    said = next((str(payload[key]) for key in _SAID if payload.get(key) and str(payload[key]) != name), "")
    if one.kind in ("change.approved", "change.rejected"):
        said = str(payload.get("comment") or "")
    if one.kind.startswith("grant."):
        said = str(payload.get("role") or "")
    state = str(payload.get("state") or payload.get("result") or "") if one.kind in _ENDS else ""
    if one.kind.startswith("alert.") and payload.get("monitor"):
        name = f"{payload['monitor']} of {payload.get('service', '')}"
    if one.kind.startswith("task."):
        name = str(payload.get("verb") or "")
    return Told(
        one, len(group), words, "incident" if incident else _thing(one), name, said, "" if state in _WELL else state
    )


def _thing(one: Event) -> Thing:
    whole = len(one.subject) == 32 and "/" not in one.subject
    if one.kind.startswith(_RUNS) and whole:
        return "run"
    if one.kind.startswith(_CHANGES) and whole:
        return "change"
    if one.kind.startswith(_WATCHED):
        return "monitor"
    return "asset" if "/" in one.subject and one.subject.partition("/")[0] in KINDS else ""
