"""serving_experiments: operations on experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict
from loopline.faces.mlflow import limits, translate, wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, lacking, sync
from loopline.faces.mlflow.errors import exists, invalid, missing
from loopline.faces.mlflow.naming import DEFAULT, experiment_id, find_active, find_experiment, name_kept
from loopline.verbs.delete import delete
from loopline.verbs.experiment import alter
from loopline.verbs.experiment import experiment as say_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment


def create(ask: Ask) -> Response:
    """CreateExperiment. Artifacts of runs lie in the server's own store: no other place is taken."""
    said: wire.CreateExperiment = ask.body
    loop = ask.loop("experiment")
    name = _fitting(said.name or "")
    if said.artifact_location and not said.artifact_location.startswith(translate.SCHEME):
        raise invalid(
            "Invalid value for parameter 'artifact_location' supplied: artifacts lie in this server's own store."
        )
    tags = {tag.key: tag.value for tag in said.tags}
    for key, value in tags.items():
        limits.key_fits(key)
        limits.value_fits(value, limits.LABEL)
    try:
        made = say_of(loop, name_kept(name), tags=tags, new=True)
    except Conflict as taken:
        if taken.kind != "experiment-exists":
            raise
        more = " (in a deleted state: restore it, or take another name)" if taken.facts.get("deleted") else ""
        raise exists(f"Experiment(name={name}) already exists.{more}") from None
    return answer({"experiment_id": experiment_id(made)})


def _fitting(name: str) -> str:
    if not name.strip():
        raise lacking("name")
    if len(name) > limits.EXPERIMENT:
        raise invalid(f"'name' exceeds the maximum length of {limits.EXPERIMENT} characters")
    if not name.isprintable():
        raise invalid("Invalid value for parameter 'name' supplied: it holds what cannot be printed.")
    return name


def get(ask: Ask) -> Response:
    """GetExperiment, deleted or not."""
    _, found = _named(ask, "find")
    return answer({"experiment": translate.experiment(found)})


def get_by_name(ask: Ask) -> Response:
    """getExperimentByName, deleted or not."""
    said: wire.NamedExperiment = ask.body
    loop = ask.loop("find")
    name = said.experiment_name or ""
    with loop.ledger.read() as tx:
        found = tx.experiments.find(loop.project, name_kept(name), deleted=True)
        if found is None and name_kept(name) == DEFAULT:
            found = find_experiment(tx, loop.project, "0")
    if found is None:
        raise missing(f"Could not find experiment with name '{name}'")
    return answer({"experiment": translate.experiment(found)})


def update(ask: Ask) -> Response:
    """updateExperiment: give it another name."""
    said: wire.UpdateExperiment = ask.body
    loop, found = _named(ask, "experiment", alive=True)
    if not said.new_name:
        raise lacking("new_name")
    if found.name == DEFAULT:
        raise invalid("The default experiment keeps its name.")
    if name_kept(said.new_name) == DEFAULT:  # it is there, whether it has runs or not
        raise exists(f"Experiment(name={said.new_name}) already exists.")
    try:
        alter(loop, found.id, rename=_fitting(said.new_name))
    except Conflict as taken:
        if taken.kind != "experiment-exists":
            raise
        raise exists(f"Experiment(name={said.new_name}) already exists.") from None
    return answer()


def remove(ask: Ask) -> Response:
    """deleteExperiment: a mark, which its runs get, too."""
    loop, found = _named(ask, "delete", alive=True)
    delete(loop, f"experiment/{found.name}")
    return answer()


def restore(ask: Ask) -> Response:
    """restoreExperiment, and the runs that were deleted with it."""
    loop, found = _named(ask, "delete")
    if found.deleted_at is None:
        raise invalid(f"The experiment {experiment_id(found)} must be in the 'deleted' state. Current state is active.")
    delete(loop, f"experiment/{found.name}", restore=True)
    return answer()


def set_tag(ask: Ask) -> Response:
    """SetExperimentTag."""
    said: wire.SetExperimentTag = ask.body
    loop, found = _named(ask, "experiment", alive=True)
    limits.key_fits(said.key or "")
    limits.value_fits(said.value, limits.LABEL)
    _say(loop, found, tags={said.key or "": said.value})
    return answer()


def _say(loop: Loop, found: Experiment, tags: Mapping[str, str]) -> None:
    """Tag an experiment; the one of runs that name none may have to begin by that."""
    if found.id:
        alter(loop, found.id, tags=tags)
    else:
        say_of(loop, found.name, tags=tags)


def delete_tag(ask: Ask) -> Response:
    """DeleteExperimentTag."""
    said: wire.DeleteExperimentTag = ask.body
    loop, found = _named(ask, "experiment", alive=True)
    if said.key not in found.tags:
        raise missing(f"No tag with name: {said.key} in experiment with id {experiment_id(found)}")
    alter(loop, found.id, untag=(said.key or "",))
    return answer()


def _named(ask: Ask, verb: str, *, alive: bool = False) -> tuple[Loop, Experiment]:
    """Give the experiment that a request names, as whoever may do that to it. Raise Fault."""
    loop = ask.loop(verb)
    with loop.ledger.read() as tx:
        find = find_active if alive else find_experiment
        return loop, find(tx, loop.project, ask.body.experiment_id or "")


_P: Final = "/api/2.0/mlflow/experiments"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P}/create"): sync(create, wire.CreateExperiment),
    ("GET", f"{_P}/get"): sync(get, wire.OneExperiment),
    ("GET", f"{_P}/get-by-name"): sync(get_by_name, wire.NamedExperiment),
    ("POST", f"{_P}/update"): sync(update, wire.UpdateExperiment),
    ("POST", f"{_P}/delete"): sync(remove, wire.OneExperiment),
    ("POST", f"{_P}/restore"): sync(restore, wire.OneExperiment),
    ("POST", f"{_P}/set-experiment-tag"): sync(set_tag, wire.SetExperimentTag),
    ("POST", f"{_P}/delete-experiment-tag"): sync(delete_tag, wire.DeleteExperimentTag),
}
