"""moving: tools that write. Each goes through the same permissions and policies as anybody's request; none answers a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid, NotFound
from loopline.faces.mcp.reading import change_line, flag, object_of
from loopline.faces.mcp.tool import Found, Tool
from loopline.faces.mcp.wire import given, taken
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from loopline.faces.mcp.asking import Asking, Worked
    from loopline.faces.native.schema import Schema, Schemas

STEERING: Final = ("pause", "resume", "abort")
_REVIEW: Final = "loopline_show_record with the change's id shows its review."


def propose(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Write a change down."""
    rehearse = flag(words, "rehearse")
    change = ask.write("propose", {name: one for name, one in words.items() if name != "rehearse"}, dry=rehearse).value
    said = f"Rehearsed, nothing was written: {change_line(change)}" if rehearse else change_line(change)
    return Found(change, said, more=_REVIEW)


def check(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Gather the evidence of a change."""
    worked = ask.work("check", words)
    said = change_line(worked.value) if worked.value else _waiting(worked, "Its review shows verdicts as they come.")
    return Found(_worked(worked), said, more=_REVIEW)


def comment(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Say something about a change."""
    found = ask.write("comment", words).value
    return Found(found, "It is said. It is no approval.", more=_REVIEW)


def apply(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Move what a change moves, where its policy holds."""
    change = ask.write("apply", words).value
    return Found(change, change_line(change), more=_REVIEW)


def plan_rollback(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Tell what a rollback would move."""
    way = ask.read("retrace", words).value
    moves = ", ".join(f"{one['move']['ref']} {one['move']['old']} → {one['move']['new']}" for one in way["moves"])
    marked = f"; it would put {', '.join(way['quarantines'])} into quarantine" if way["quarantines"] else ""
    stays = f"; {', '.join(one['ref'] for one in way['stays'])} would stay" if way["stays"] else ""
    said = (
        f"Nothing has moved. A rollback would move {moves}{marked}{stays}."
        f" A person does it: loopline rollback {words['ref']} --expect {way['digest']} --why …"
    )
    return Found(way, " ".join((said, *way["notes"])))


def steer(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Pause, resume or abort what rolls."""
    action = words["action"]
    if action not in STEERING:
        raise Invalid(
            f"{action!r:.50} is no way to steer",
            kind="bad-value",
            hint=f"choose from {', '.join(STEERING)}",
            value="action",
        )
    found = ask.write(action, {name: one for name, one in words.items() if name != "action"}).value
    if action == "abort":
        return Found({"rollout": None, "change": found}, change_line(found), more=_REVIEW)
    progress = found["progress"]
    return Found(
        {"rollout": found, "change": None}, f"{found['ref']} is {progress['state']}: {progress['reason']}", more=_REVIEW
    )


def run(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Run a pipeline: with the code of the folder here, else with that of its last good run."""
    source = ask.source()
    if source is None:
        source = _last(ask, words["pipeline"])
    worked = ask.work("run", {**source, **words})
    if not worked.value:
        return Found(_worked(worked), _waiting(worked, "loopline_find_records lists it among the newest runs."))
    ran = worked.value.get("run")
    said = f"run {brief(ran['id'])} of {ran['name']} is {ran['state']}" if ran else "This is what would run."
    return Found(_worked(worked), said, more="loopline_show_record with the run's id shows the rest.")


def _last(ask: Asking, pipeline: Any) -> dict[str, Any]:
    """Give code and environment of the last good run of a pipeline."""
    if not (isinstance(pipeline, str) and pipeline.isidentifier()):
        raise Invalid(
            f"{pipeline!r:.100} names no pipeline",
            kind="bad-value",
            hint="give the name of a function with @pipeline",
            value="pipeline",
        )
    where = f"kind = pipeline and name = '{pipeline}' and state = finished"
    before = ask.read("find", {"what": "runs", "where": where, "limit": 1}).value
    if not before or not before[0]["code"]:
        raise NotFound(
            f"nobody has run {pipeline} here: its code is not known",
            kind="no-code",
            hint=f"loopline run {pipeline}",
            pipeline=pipeline,
        )
    found = {name: before[0][name] for name in ("code", "commit", "environment", "experiment") if before[0][name]}
    return {**found, "modules": before[0]["tags"].get("modules", "").split()}


def _worked(worked: Worked) -> dict[str, Any]:
    return {"state": worked.state, "task": worked.task, "run": worked.run, "value": worked.value}


def _waiting(worked: Worked, then: str) -> str:
    if worked.task:
        return f"It waits for a worker: loopline_show_record with {worked.task} tells how far it is."
    return f"It is still running. {then}"


def _worked_schema(schemas: Schemas, verb: str) -> Schema:
    null = {"type": "null"}
    some = {"anyOf": [{"type": "string"}, null]}
    return object_of(
        state={"enum": ["done", "running", "queued"]},
        task={**some, "description": "The task that a worker does."},
        run={**some, "description": "The run that it begins."},
        value={"anyOf": [given(schemas, verb), null]},
    )


def _steered_schema(schemas: Schemas) -> Schema:
    null = {"type": "null"}
    return object_of(
        rollout={"anyOf": [given(schemas, "pause"), null]}, change={"anyOf": [given(schemas, "abort"), null]}
    )


MOVING: Final = (
    Tool(
        "loopline_propose_change", "Propose that a ref moves",
        "Use it to promote a version: writes a change with its reason. Where a policy speaks of the ref, it waits "
        "for checks and for people's approvals; where none does, the ref moves now. `rehearse` tells what would come"
        " of it.",
        ("propose",),
        lambda schemas: {
            **taken(schemas, "propose", "ref", "to", "why", "also", "together", "kind"),
            "rehearse": {"type": "boolean", "description": "Only tell what would come of it."},
        },
        lambda schemas: given(schemas, "propose"), propose, ("ref", "to", "why"), moves=True,
    ),
    Tool(
        "loopline_check_change", "Run the checks of a change",
        "Use it after a proposal: runs the checks that the project declares, and keeps what they say as evidence. "
        "Moves nothing. May take minutes: then the answer says where to look.",
        ("check",), lambda schemas: taken(schemas, "check", "change", "only"), lambda schemas: _worked_schema(schemas, "check"),
        check, ("change",),
    ),
    Tool(
        "loopline_comment_change", "Comment on a change",
        "Use it to leave findings for the people who review a change. It is no approval: only people approve.",
        ("comment",), lambda schemas: taken(schemas, "comment", "change", "text", "place", "answers"),
        lambda schemas: given(schemas, "comment"), comment, ("change", "text"),
    ),
    Tool(
        "loopline_apply_change", "Apply a change",
        "Use it when a change is approved: moves its refs, all or none, if its policy holds at this moment; else the"
        " error says what lacks and who can help. There is no way around the policy here.",
        ("apply",), lambda schemas: taken(schemas, "apply", "change"), lambda schemas: given(schemas, "apply"),
        apply, ("change",),
        moves=True,
    ),
    Tool(
        "loopline_plan_rollback", "Plan a rollback",
        "Use it when something went wrong: tells which refs would go back where, together, and why, which would stay, and what"
        " would be put into quarantine. `to` is a version or a time (@2026-08-01T12:00); the last good one when left out."
        " It moves nothing; a person rolls back.",
        ("retrace",), lambda schemas: taken(schemas, "retrace", "ref", "to", "change"), lambda schemas: given(schemas, "retrace"),
        plan_rollback, ("ref",),
    ),
    Tool(
        "loopline_steer_rollout", "Pause, resume or abort a rollout",
        "Use it while a change rolls out over time. `pause` holds it where it is, `resume` lets it go on, `abort` "
        "sends everybody back to the old version; a reason is asked for.",
        STEERING,
        lambda schemas: {"action": {"enum": list(STEERING)}, **taken(schemas, "pause", "change", "why")},
        _steered_schema, steer, ("action", "change", "why"), moves=True,
    ),
    Tool(
        "loopline_run_pipeline", "Run a pipeline",
        "Use it to train or to rebuild: runs a pipeline of the project; steps that are known come from the cache. "
        "What it makes is published as new versions; no ref moves. `explain` only tells what would run, and why. May"
        " take minutes.",
        ("run",), lambda schemas: taken(schemas, "run", "pipeline", "params", "explain"),
        lambda schemas: _worked_schema(schemas, "run"), run, ("pipeline",),
    ),
)  # fmt: skip
