"""naming: what a thing of the ledger is called in the protocol, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow.errors import inactive, invalid, missing, no_run
from loopline.nouns.experiment import Experiment
from loopline.nouns.run import Run, RunState, reserved

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables

DEFAULT: Final = "default"
"""The experiment of runs that name none. Clients know it as `Default`, under the number 0."""
_SHOWN: Final = "Default"
_NONE: Final = "0"
_RUN: Final = re.compile(r"[a-zA-Z0-9][\w-]{0,255}\Z")
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z")
ADOPTED: Final = "loopline.adopted.id"
"""The tag of an experiment that says which number it had in the store that it was adopted from."""
MADE: Final = "adopted"
"""Under this the metadata of a version say what it was there: when it was made, and by whom."""
_KEPT: Final = "mlflow:"
"""Stands in the ledger before a client's tag that Loopline writes itself, or that begins so."""
_OWN: Final = "loopline."
"""Stands before what Loopline has written, where a client sees it."""

STATUS: Final = {
    RunState.PENDING: "SCHEDULED",
    RunState.RUNNING: "RUNNING",
    RunState.FINISHED: "FINISHED",
    RunState.CACHED: "FINISHED",
    RunState.FAILED: "FAILED",
    RunState.CRASHED: "FAILED",
    RunState.CANCELLED: "KILLED",
}
STATES: Final = {
    "SCHEDULED": RunState.PENDING, "RUNNING": RunState.RUNNING, "FINISHED": RunState.FINISHED, "FAILED": RunState.FAILED,
    "KILLED": RunState.CANCELLED,
}  # fmt: skip


def state_of(status: str | int) -> RunState:
    """Read a status. Raise Fault 400."""
    if str(status) not in STATES:
        raise invalid(
            f"Invalid value {str(status)!r} for parameter 'status' supplied: it is one of {', '.join(STATES)}."
        )
    return STATES[str(status)]


def tag_kept(key: str) -> str:
    """Give the tag of a run as the ledger keeps it."""
    return f"{_KEPT}{key}" if reserved(key) or key.startswith((_KEPT, _OWN)) else key


def tag_told(key: str) -> str:
    """Give a tag of the ledger as clients see it."""
    if key.startswith(_KEPT):
        return key.removeprefix(_KEPT)
    return f"{_OWN}{key}" if reserved(key) else key


def experiment_id(experiment: Experiment) -> str:
    """Give the number under which clients know an experiment."""
    return _NONE if experiment.name == DEFAULT else str(experiment.id)


def experiment_name(name: str) -> str:
    """Give the name under which clients know an experiment."""
    return _SHOWN if name == DEFAULT else name


def name_kept(name: str) -> str:
    """Give the name under which the ledger knows an experiment."""
    return DEFAULT if name == _SHOWN else name


def find_experiment(tx: Tables, project: str, said: str) -> Experiment:
    """Give an experiment by its number, deleted or not. Raise Fault 404.

    The one of runs that name none is there before it has any.
    """
    found = None
    if said in ("", _NONE):
        found = tx.experiments.find(project, DEFAULT, deleted=True) or Experiment(0, project, DEFAULT)
    elif _NUMBER.match(said):
        found = tx.experiments.by_id(project, int(said)) or _adopted(tx, project, said)
    if found is None:
        raise missing(f"No Experiment with id={said[:100]} exists")
    return found


def find_active(tx: Tables, project: str, said: str) -> Experiment:
    """Give an experiment that takes more. Raise Fault 404, 400 for a deleted one."""
    found = find_experiment(tx, project, said)
    if found.deleted_at is not None:
        raise inactive(f"experiment {experiment_id(found)}")
    return found


def _adopted(tx: Tables, project: str, said: str) -> Experiment | None:
    """Give the experiment that had a number where it was adopted from."""
    subjects = tx.taggings.having(ADOPTED, said, "experiment")
    found = (tx.experiments.by_id(project, int(one.removeprefix("experiment/"))) for one in subjects)
    return next(filter(None, found), None)


def run_named(said: str) -> str:
    """Give what names a run. Raise Fault 400 for what names none."""
    if not said:
        raise invalid("Missing value for required parameter 'run_id'.")
    if not _RUN.match(said):
        raise invalid(f"Invalid run ID: '{said[:100]}'")
    return said


def find_run(tx: Tables, project: str, said: str) -> Run:
    """Give a run by its whole id, deleted or not. Raise Fault 404."""
    found = tx.runs.find(run_named(said))
    if found is None or found.project != project:
        found = tx.runs.foreign(project, said)
    if found is None:
        raise no_run(said)
    return found
