"""meaning: what a filter or an order of a client means in the ledger, which has other words and other units."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from loopline.faces.mlflow.asking import unfit
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.naming import DEFAULT, STATUS, experiment_name, tag_kept
from loopline.nouns.query import ATTRIBUTE, Clause, Operator, Order
from loopline.nouns.run import reserved

CONTEXT: Final = "mlflow.data.context"
"""The tag of an input that says what it was read for."""
_TOLD: Final = tuple((str(state), status) for state, status in STATUS.items())
_SHOWN: Final = ((DEFAULT, experiment_name(DEFAULT)),)
_PLACE: Final = re.compile(r"mlflow-artifacts:/+(?:[0-9]+)/([0-9A-Za-z][\w-]*)/artifacts/?\Z")
_ATTRIBUTES: Final = {
    "run_id": "id", "run_name": "name", "status": "state", "start_time": "started_ms", "end_time": "ended_ms",
    "artifact_uri": "place",
}  # fmt: skip
_ALSO: Final = {"mlflow.parentRunId": "parent", "mlflow.source.git.commit": "commit"}
"""Tags that the ledger keeps as attributes, of runs that clients of MLflow have not logged."""
_OWN: Final = "loopline."
VIEWS: Final = {"ACTIVE_ONLY": False, "1": False, "DELETED_ONLY": True, "2": True, "ALL": None, "3": None}


def of_runs(comparisons: Iterable[Clause]) -> tuple[Clause, ...]:
    """Say what comparisons of runs mean. Raise Fault 400 for what the ledger cannot compare."""
    return tuple(_of_run(one) for one in comparisons)


def by_runs(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Say what an order of runs means. Those that are alike in it come the newest first, then by id."""
    found = list[Order]()
    for one in orders:
        part, key, instead = _key(one.part, one.key)
        found.append(Order(part, key, one.descending, instead, _TOLD if (part, key) == (ATTRIBUTE, "state") else ()))
    if not any((one.part, one.key) == (ATTRIBUTE, "started_ms") for one in found):
        found.append(Order(ATTRIBUTE, "started", descending=True))
    return tuple(found)


def of_experiments(comparisons: Iterable[Clause], default: int) -> tuple[Clause, ...]:
    """Say what comparisons of experiments mean; `default` is the number of the one that clients know as 0. Raise Fault 400."""
    found = list[Clause]()
    for one in comparisons:
        if one.part != ATTRIBUTE:
            found.append(one)
        elif one.key == "name":
            found.append(replace(one, told=_SHOWN))
        elif one.key == "experiment_id":
            numbers = one.value if isinstance(one.value, tuple) else (one.value,)
            listed: Operator = "not in" if one.op in ("!=", "not in") else "in"
            found.append(
                replace(one, key="id", op=listed, value=tuple(_number(str(said), default) for said in numbers))
            )
        else:
            found.append(replace(one, key=_TIMES[one.key]))
    return tuple(found)


def by_experiments(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Say what an order of experiments means; without one, the newest come first."""
    keys = {"name": "name", "experiment_id": "id", **_TIMES}
    found = [
        replace(one, key=keys[one.key], told=_SHOWN if one.key == "name" else ()) for one in orders
    ]  # fmt: skip
    return tuple(found) or (Order(ATTRIBUTE, "created_ms", descending=True), Order(ATTRIBUTE, "id"))


def deleted_of(view: str | int, parameter: str) -> bool | None:
    """Read a view type: whether what is wanted was deleted; None for both. Raise Fault 400."""
    if str(view) not in VIEWS:
        raise unfit(parameter, view, f": it is one of {', '.join(one for one in VIEWS if not one.isdigit())}.")
    return VIEWS[str(view)]


_TIMES: Final = {"creation_time": "created_ms", "last_update_time": "updated_ms"}


def _of_run(one: Clause) -> Clause:
    if (one.part, one.key) == (ATTRIBUTE, "artifact_uri"):
        found = _PLACE.match(str(one.value))
        if one.op not in ("=", "!="):
            raise invalid(f"Invalid comparator '{one.op.upper()}' for 'artifact_uri': here it is one of '=', '!='")
        return Clause(ATTRIBUTE, "id", one.op, found[1] if found else "")
    if one.part == "dataset" and one.key == "context":
        return replace(one, part="input", key=CONTEXT)
    part, key, instead = _key(one.part, one.key)
    return replace(one, part=part, key=key, instead=instead, told=_TOLD if (part, key) == (ATTRIBUTE, "state") else ())


def _key(part: str, key: str) -> tuple[str, str, str]:
    """Give part and key in the ledger, and the attribute that counts where there is no such tag."""
    if (part, key) == (ATTRIBUTE, "user_id"):
        return "tag", "mlflow.user", "actor"
    if part == ATTRIBUTE:
        return part, _ATTRIBUTES[key], ""
    if part == "tag" and key == "mlflow.runName":
        return ATTRIBUTE, "name", ""
    if part == "tag":
        own = key.removeprefix(_OWN)
        return part, own if own != key and reserved(own) else tag_kept(key), _ALSO.get(key, "")
    return part, key, ""


def _number(said: str, default: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", said):
        raise not_an_experiment(said)
    return default if int(said) == 0 else int(said)


def not_an_experiment(said: str) -> Fault:
    """Say that something is no experiment's number."""
    return invalid(f"Invalid experiment ID '{said[:100]}'. Experiment ID must be a valid integer.")
