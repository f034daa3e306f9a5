"""serving_runs: operations on runs, apart from their metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict
from loopline.faces.mlflow import limits, translate, wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync, written
from loopline.faces.mlflow.errors import inactive, invalid, missing
from loopline.faces.mlflow.inputs import inputs_of
from loopline.faces.mlflow.naming import (
    experiment_id,
    find_active,
    find_run,
    state_of,
    tag_kept,
)
from loopline.faces.mlflow.outputs import outputs_of
from loopline.nouns.experiment import Experiment
from loopline.verbs.annotate import annotate
from loopline.verbs.delete import delete
from loopline.verbs.finish import finish
from loopline.verbs.log import log
from loopline.verbs.start import start

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.run import Run

NAME: Final = "mlflow.runName"
PARENT: Final = "mlflow.parentRunId"
COMMIT: Final = "mlflow.source.git.commit"
_COMMIT: Final = 200
"""Characters of what is looked up as a commit. Anything longer is a tag like any other."""
_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


def create(ask: Ask) -> Response:
    """CreateRun."""
    said: wire.CreateRun = ask.body
    loop = ask.loop("start")
    tags = tags_of(said.tags)
    name_fits(said.run_name or tags.get(NAME, ""))
    limits.value_fits(said.user_id, limits.TAG, "user_id")
    if said.run_name and tags.get(NAME, said.run_name) != said.run_name:
        raise invalid(
            f"Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"
            f" (run_name='{said.run_name}', mlflow.runName='{tags[NAME]}')."
        )
    with loop.ledger.read() as tx:
        group = find_active(tx, loop.project, said.experiment_id)
    name = said.run_name or tags.pop(NAME, "")
    if said.user_id:
        tags.setdefault("mlflow.user", said.user_id)
    parent, commit = tags.get(PARENT, ""), tags.get(COMMIT, "")
    made = start(
        loop, name or any_name(loop), experiment=group.name, parent=parent if _ID.match(parent) else None,
        commit=commit if 0 < len(commit) <= _COMMIT else None, tags=_kept(tags, NAME), started_at=translate.us(said.start_time),
    )  # fmt: skip
    if group.id == 0:
        with loop.ledger.read() as tx:
            group = tx.experiments.get(loop.project, made.experiment)
    return answer({"run": translate.run(made, (), experiment_id(group), deleted=False, inputs={}, outputs={})})


_FIRST: Final = (
    "amber",
    "bold",
    "calm",
    "deft",
    "eager",
    "fleet",
    "glad",
    "hardy",
    "keen",
    "lucid",
    "mellow",
    "nimble",
    "quiet",
)
_SECOND: Final = (
    "albatross",
    "crane",
    "dunlin",
    "falcon",
    "gannet",
    "heron",
    "kestrel",
    "martin",
    "osprey",
    "petrel",
    "swift",
)


def any_name(loop: Loop) -> str:
    """Make a name for a run that nobody has named."""
    chance = int(loop.ids.new()[-12:], 16)
    return f"{_FIRST[chance % len(_FIRST)]}-{_SECOND[chance // 97 % len(_SECOND)]}-{chance % 1000}"


def get(ask: Ask) -> Response:
    """GetRun, deleted or not."""
    said: wire.OneRun = ask.body
    loop = ask.loop("show")
    with loop.ledger.read() as tx:
        found = find_run(tx, loop.project, said.run)
        return answer({"run": whole(tx, [found])[0]})


def update(ask: Ask) -> Response:
    """updateRun: rename it, end it, or go on with one that was over."""
    said: wire.UpdateRun = ask.body
    loop, found = active(ask, said.run, "finish")
    name_fits(said.run_name or "")
    if said.status is not None:
        state = state_of(said.status)
        if found.state.over and found.state is not state:
            start(loop, found.name, run=found.id, again=True)
        if state.over:
            found = finish(loop, found.id, state=state, ended_at=translate.us(said.end_time))
    if said.run_name:
        annotate(loop, found.id, rename=said.run_name)
    with loop.ledger.read() as tx:
        found = tx.runs.get(found.id)
        group = tx.experiments.get(loop.project, found.experiment, deleted=True)
    return answer({"run_info": translate.run_info(found, experiment_id(group), deleted=False)})


def remove(ask: Ask) -> Response:
    """deleteRun: a mark, which can be taken away again."""
    loop = ask.loop("delete")
    found = _find(loop, ask.body.run)
    with loop.ledger.read() as tx:
        gone = tx.runs.deleted(found.id)
    if gone is None:
        delete(loop, found.id)
    return answer()


def restore(ask: Ask) -> Response:
    """RestoreRun."""
    loop = ask.loop("delete")
    found = _find(loop, ask.body.run)
    with loop.ledger.read() as tx:
        gone = tx.runs.deleted(found.id)
    if gone is not None:
        delete(loop, found.id, restore=True)
    return answer()


def log_param(ask: Ask) -> Response:
    """logParam: written once."""
    said: wire.LogParam = ask.body
    loop, found = active(ask, said.run, "log")
    write_params(loop, found, {said.key or "": said.value})
    return answer()


def write_params(loop: Loop, found: Run, params: Mapping[str, str]) -> None:
    """Log params. Raise Fault 400 for a name that has another value."""
    for key, value in params.items():
        limits.key_fits(key)
        limits.value_fits(value, limits.PARAM)
    try:
        log(loop, found.id, params=params)
    except Conflict as conflict:
        raise other_value(conflict, found.id) from None


def other_value(conflict: Conflict, run: str) -> Exception:
    """Say in the words that clients' users know that a param cannot change."""
    if conflict.kind != "param-exists":
        return conflict
    key, old, new = (conflict.facts.get(name) for name in ("key", "old", "new"))
    return invalid(
        f"Changing param values is not allowed. Param with key='{key}' was already logged with value='{old}' for run ID='{run}'."
        f" Attempted logging new value '{new}'."
    )


def set_tag(ask: Ask) -> Response:
    """SetTag."""
    said: wire.SetTag = ask.body
    loop, found = active(ask, said.run, "log")
    tags = {said.key or "": said.value}
    for key, value in tags.items():
        limits.key_fits(key)
        limits.value_fits(value, limits.TAG)
    write_tags(loop, found, tags)
    return answer()


def write_tags(loop: Loop, found: Run, tags: Mapping[str, str]) -> None:
    """Set tags; the one that names a run renames it. Raise Fault 400 for a name that is too long."""
    name_fits(tags.get(NAME, ""))
    kept = _kept(tags, NAME)
    if kept:
        log(loop, found.id, tags=kept)
    if tags.get(NAME):
        annotate(loop, found.id, rename=tags[NAME])


def name_fits(name: str) -> None:
    """Raise Fault 400 for a name of more characters than one has."""
    limits.value_fits(name, limits.RUN, "run_name")


def delete_tag(ask: Ask) -> Response:
    """DeleteTag."""
    said: wire.DeleteTag = ask.body
    loop, found = active(ask, said.run, "log")
    if tag_kept(said.key or "") not in found.tags:
        raise missing(f"No tag with name: {said.key} in run with id {found.id}")
    annotate(loop, found.id, untag=(tag_kept(said.key or ""),))
    return answer()


def active(ask: Ask, run: str, verb: str) -> tuple[Loop, Run]:
    """Give a run that can be written to, as whoever may. Raise Fault for one that is not there, or was deleted."""
    loop = ask.loop(verb)
    with loop.ledger.read() as tx:
        found = find_run(tx, loop.project, run)
        gone = tx.runs.deleted(found.id)
    if gone is not None:
        raise inactive(f"run {found.id}")
    return loop, found


def tags_of(tags: Iterable[wire.Tag]) -> dict[str, str]:
    """Give tags by name. Raise Fault 400 for what fits no tag."""
    found = {tag.key: tag.value for tag in tags}
    for key, value in found.items():
        limits.key_fits(key)
        limits.value_fits(value, limits.TAG)
    return found


def _kept(tags: Mapping[str, str], *without: str) -> dict[str, str]:
    return {tag_kept(key): value for key, value in tags.items() if key not in without}


def _find(loop: Loop, run: str) -> Run:
    with loop.ledger.read() as tx:
        return find_run(tx, loop.project, run)


def whole(tx: Tables, runs: list[Run]) -> list[dict[str, Any]]:
    """Give runs with all that belongs to them, in the same order."""
    points = tx.metrics.latest(run.id for run in runs)
    gone = tx.runs.all_deleted(run.id for run in runs)
    inputs, outputs = inputs_of(tx, (run.id for run in runs)), outputs_of(tx, (run.id for run in runs))
    groups = group_ids(tx, runs)
    return [
        translate.run(
            run, points.get(run.id, ()), groups[run.experiment], deleted=run.id in gone,
            inputs=inputs.get(run.id, {}), outputs=outputs.get(run.id, {}),
        )
        for run in runs
    ]  # fmt: skip


def group_ids(tx: Tables, runs: Iterable[Run]) -> dict[str, str]:
    """Give the numbers under which clients know the experiments of some runs of one project, by their names."""
    several = list(runs)
    if not several:
        return {}
    numbers = tx.experiments.numbers(several[0].project, {run.experiment for run in several})
    return {name: experiment_id(Experiment(number, several[0].project, name)) for name, number in numbers.items()}


_P: Final = "/api/2.0/mlflow/runs"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P}/create"): written(create, wire.CreateRun),
    ("GET", f"{_P}/get"): sync(get, wire.OneRun),
    ("POST", f"{_P}/update"): sync(
        update, wire.UpdateRun
    ),  # the files of a run that ends become one tree: that may last
    ("POST", f"{_P}/delete"): sync(remove, wire.OneRun),
    ("POST", f"{_P}/restore"): sync(restore, wire.OneRun),
    ("POST", f"{_P}/log-parameter"): written(log_param, wire.LogParam),
    ("POST", f"{_P}/set-tag"): written(set_tag, wire.SetTag),
    ("POST", f"{_P}/delete-tag"): written(delete_tag, wire.DeleteTag),
}
