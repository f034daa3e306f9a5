"""start: begin a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from loopline.errors import Conflict, Invalid
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.digest import Digest
from loopline.nouns.run import Run, RunState, reserved

NOTHING: Mapping[str, str] = {}
_ID = re.compile(r"[0-9a-f]{32}\Z")


def start(
    loop: Loop,
    name: Annotated[str, "what is run, for people: train"],
    *,
    experiment: Annotated[str, "the group it belongs to"] = "default",
    kind: Annotated[str, "run, step, pipeline, check, …"] = "run",
    params: Annotated[Mapping[str, str], "what it was given"] = NOTHING,
    tags: Annotated[Mapping[str, str], "labels that may change later"] = NOTHING,
    parent: Annotated[str | None, "id of the run that contains it"] = None,
    run: Annotated[str | None, "id made by the caller; starting it twice gives the run that is there"] = None,
    code: Annotated[Digest | None, "source tree as run"] = None,
    commit: Annotated[str | None, "git commit of that tree"] = None,
    environment: Annotated[Digest | None, "lock of what is installed"] = None,
    packages: Annotated[Mapping[str, str], "names and versions in that lock"] = NOTHING,
    started_at: Annotated[int | None, "microseconds since the epoch; now when left out"] = None,
    again: Annotated[bool, "go on with a run that is over: with --run"] = False,
) -> Run:
    """Begin a run that somebody else executes.

    Tags that Loopline writes itself and reads as facts are refused: log, key, task, modules, resumes, reproduces, and whatever
    begins with task. or observed.

    Example:
        loopline start train --param depth=8 --json
    """
    if run is not None and not _ID.match(run):
        raise Invalid(
            f"{run!r} is no id", kind="bad-id", hint="use 32 hex digits in lower case, or leave it out", run=run
        )
    unreserved(tags)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        there = tx.runs.find(run) if run else None
        if there is None:
            said = "run.started"
            there = tx.runs.start(
                Run(
                    id=run or loop.ids.new(), project=loop.project, name=name, kind=kind, state=RunState.RUNNING,
                    experiment=experiment, parent=_parent(tx, loop, parent), actor=str(loop.actor),
                    started_at=started_at or tx.now, code=code, commit=commit, environment=environment, params=params, tags=tags,
                )
            )  # fmt: skip
        elif there.project == loop.project:
            said = "run.resumed" if again and tx.runs.again(there.id, RunState.RUNNING) else "run.captured"
            tx.runs.capture(there.id, code=code, commit=commit, environment=environment)
            tx.runs.annotate(there.id, params=params, tags=tags)
            there = tx.runs.get(there.id)
        else:  # nothing else is said about a run of another project
            raise Conflict(f"the id {run} is taken", kind="run-exists", hint="start it under a new id", run=run)
        if environment and packages:
            tx.lineage.pack(environment, packages)
        tx.say(said, there.id, name=name, experiment=experiment, kind=kind, parent=there.parent, params=dict(params))
    return there


def unreserved(tags: Mapping[str, str]) -> None:
    """Raise Invalid for a tag that only the system writes: it says which bytes are a run's log, or which task it came of."""
    wrong = sorted(tag for tag in tags if reserved(tag))
    if wrong:
        raise Invalid(
            f"the tag {wrong[0]} is written by Loopline itself", kind="reserved-tag", hint=f"call it otherwise: my.{wrong[0]}",
            tags=wrong,
        )  # fmt: skip


def _parent(tx: Tables, loop: Loop, parent: str | None) -> str | None:
    """Find the run around this one.

    A whole id is taken as it is, for it may arrive later: journals are shipped in any order. Whether another project has a run
    of that id is nobody's business here, and nothing comes of it: what is inside of a run is looked for in its own project.
    """
    if parent is None or _ID.match(parent):
        return parent
    return tx.runs.resolve(loop.project, parent).id
