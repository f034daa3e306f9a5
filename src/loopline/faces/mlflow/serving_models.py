"""serving_models: operations on logged models, apart from their files and from searching them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict
from loopline.faces.mlflow import limits, translate
from loopline.faces.mlflow import wire_models as wire
from loopline.faces.mlflow.addresses import find_model, location
from loopline.faces.mlflow.asking import Ask, Operation, answer, number, sync, unfit
from loopline.faces.mlflow.errors import Fault, invalid, missing
from loopline.faces.mlflow.naming import experiment_id, find_active, find_run
from loopline.faces.mlflow.serving_runs import active, any_name
from loopline.nouns.logged import LoggedModel, LoggedState
from loopline.verbs.delete import delete
from loopline.verbs.log import log
from loopline.verbs.modelling import begin, end, made, tell, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.logged import Measure

HISTORY: Final = "mlflow.log-model.history"
"""The tag of a run in which old clients keep which models they have logged."""
NAME: Final = 500
_BAD: Final = "/:.%\"'"
STATUS: Final = {
    LoggedState.PENDING: "LOGGED_MODEL_PENDING",
    LoggedState.READY: "LOGGED_MODEL_READY",
    LoggedState.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}
_STATES: Final = {name: state for state, name in STATUS.items()} | {
    "1": LoggedState.PENDING, "2": LoggedState.READY, "3": LoggedState.FAILED,
}  # fmt: skip


def create(ask: Ask) -> Response:
    """CreateLoggedModel."""
    said: wire.CreateLoggedModel = ask.body
    loop = ask.loop("log")
    if said.name is not None and (not said.name.strip() or set(said.name) & set(_BAD) or len(said.name) > NAME):
        raise invalid(
            f"Invalid model name ({said.name[:NAME]!r}) provided. Model name must be a non-empty string of at most {NAME}"
            f" characters and cannot contain the following characters: {tuple(_BAD)}"
        )
    params, tags = _params(said.params), _tags(said.tags)
    with loop.ledger.read() as tx:
        group = find_active(tx, loop.project, said.experiment_id or "")
        run = find_run(tx, loop.project, said.source_run_id).id if said.source_run_id else None
    made = begin(
        loop, group, said.name or any_name(loop), run=run, kind=said.model_type or "", params=params,
        tags=tags,
    )  # fmt: skip
    return _answered(loop, made)


def get(ask: Ask) -> Response:
    """GetLoggedModel."""
    said: wire.GetLoggedModel = ask.body
    loop = ask.loop("show")
    with loop.ledger.read() as tx:
        found = find_model(tx, loop.project, ask.names[0], deleted=said.allow_deleted)
    return _answered(loop, found)


def finalize(ask: Ask) -> Response:
    """FinalizeLoggedModel: with READY its files are sealed into an artifact, and never change again."""
    said: wire.FinalizeLoggedModel = ask.body
    loop, found = _found(ask, "log")
    state = _STATES.get(str(said.status))
    if state is None:
        raise unfit("status", said.status)
    return _answered(loop, end(loop, found.id, state))


def remove(ask: Ask) -> Response:
    """DeleteLoggedModel: a mark, which `loopline delete --restore` takes away again."""
    loop, found = _found(ask, "delete", deleted=True)
    if found.deleted_at is None:
        delete(loop, found.id)
    return answer()


def set_tags(ask: Ask) -> Response:
    """SetLoggedModelTags."""
    said: wire.LoggedModelTags = ask.body
    loop, found = _found(ask, "log")
    tell(loop, found.id, tags=_tags(said.tags))
    return answer()


def delete_tag(ask: Ask) -> Response:
    """DeleteLoggedModelTag."""
    loop, found = _found(ask, "log")
    key = ask.names[1]
    if key not in found.tags:
        raise missing(f"No tag with key {key[:250]!r} found for model with ID {found.id!r}.")
    tell(loop, found.id, untag=(key,))
    return answer()


def log_params(ask: Ask) -> Response:
    """LogLoggedModelParams: each is written once."""
    said: wire.LoggedModelParams = ask.body
    loop, found = _found(ask, "log")
    try:
        tell(loop, found.id, params=_params(said.params))
    except Conflict as conflict:
        if conflict.kind != "param-exists":
            raise
        raise invalid(
            f"Changing param values is not allowed. Param with key='{conflict.facts['key']}' was already logged with"
            f" value='{conflict.facts['old']}' for model ID='{found.id}'. Attempted logging new value"
            f" '{conflict.facts['new']}'."
        ) from None
    return answer()


def log_model(ask: Ask) -> Response:
    """LogModel, of old clients: add what they say of a model among the files of a run to a tag of the run."""
    said: wire.LogModel = ask.body
    loop, found = active(ask, said.run, "log")
    model = _json(said.model_json or "")
    if not isinstance(model, dict):
        raise invalid("Malformed model info: model_json is not the JSON of an object.")
    lacking = {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(model)
    if lacking:
        raise invalid(f"Model json is missing mandatory fields: {lacking}")
    before = _json(found.tags.get(HISTORY, "[]"))
    kept = json.dumps([*(before if isinstance(before, list) else ()), model])
    limits.value_fits(kept, limits.TAG, HISTORY)
    log(loop, found.id, tags={HISTORY: kept})
    return answer()


def log_outputs(ask: Ask) -> Response:
    """LogOutputs: which models a run has made."""
    said: wire.LogOutputs = ask.body
    loop, found = active(ask, said.run, "log")
    if len(said.models) > limits.ENTITIES:
        raise invalid(f"A request can contain at most {limits.ENTITIES} models. Got {len(said.models)}.")
    with loop.ledger.read() as tx:
        for one in said.models:
            find_model(tx, loop.project, one.model_id)
    if said.models:
        made(loop, found.id, {one.model_id: one.step for one in said.models})
    return answer()


def told(tx: Tables, models: Iterable[LoggedModel]) -> list[dict[str, Any]]:
    """Give models as clients are told of them."""
    groups: dict[int, Any] = {}
    found = []
    for one in models:
        if one.experiment not in groups:
            groups[one.experiment] = tx.experiments.by_id(one.project, one.experiment)
        group = groups[one.experiment]
        versions = versions_of(tx, one.project, one.digest)
        info = {
            "model_id": one.id,
            "experiment_id": experiment_id(group),
            "name": one.name,
            "creation_timestamp_ms": translate.ms(one.created_at),
            "last_updated_timestamp_ms": translate.ms(one.updated_at),
            "artifact_uri": location(group, one.owner),
            "status": STATUS[one.state],
            "model_type": one.kind,
            "source_run_id": one.run or "",
            "status_message": one.message,
            "tags": translate.pairs(one.tags),
            "registrations": [{"name": name, "version": str(version)} for name, version in versions],
        }
        data = {"params": translate.pairs(one.params), "metrics": [_metric(each) for each in one.measures]}
        found.append({"info": info, "data": data})
    return found


def _metric(one: Measure) -> dict[str, Any]:
    said = {
        "key": one.key, "value": number(one.value), "timestamp": translate.ms(one.time), "step": one.step,
        "model_id": one.model, "run_id": one.run,
    }  # fmt: skip
    if one.dataset:
        said |= {"dataset_name": one.dataset, "dataset_digest": one.sum}
    return said


def _answered(loop: Loop, model: LoggedModel) -> Response:
    with loop.ledger.read() as tx:
        return answer({"model": told(tx, [model])[0]})


def _found(ask: Ask, verb: str, *, deleted: bool = False) -> tuple[Loop, LoggedModel]:
    """Give the model that a path names, as whoever may do that to it. Raise Fault."""
    loop = ask.loop(verb)
    with loop.ledger.read() as tx:
        return loop, find_model(tx, loop.project, ask.names[0], deleted=deleted)


def _params(params: Iterable[Any]) -> dict[str, str]:
    several = list(params)
    if len(several) > limits.PARAMS:
        raise invalid(f"A request can contain at most {limits.PARAMS} params. Got {len(several)}.")
    limits.once(one.key for one in several)
    for one in several:
        limits.key_fits(one.key)
        limits.value_fits(one.value, limits.PARAM)
    return {one.key: one.value for one in several}


def _tags(tags: Iterable[Any]) -> dict[str, str]:
    several = list(tags)
    if len(several) > limits.TAGS:
        raise invalid(f"A request can contain at most {limits.TAGS} tags. Got {len(several)}.")
    for one in several:
        limits.key_fits(one.key)
        limits.value_fits(one.value, limits.TAG)
    return {one.key: one.value for one in several}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Fault("INVALID_PARAMETER_VALUE", "Malformed model info: model_json is not JSON.") from None


_P: Final = "/api/2.0/mlflow/logged-models"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", _P): sync(create, wire.CreateLoggedModel),
    ("GET", f"{_P}/{{}}"): sync(get, wire.GetLoggedModel),
    ("PATCH", f"{_P}/{{}}"): sync(finalize, wire.FinalizeLoggedModel),
    ("DELETE", f"{_P}/{{}}"): sync(remove),
    ("PATCH", f"{_P}/{{}}/tags"): sync(set_tags, wire.LoggedModelTags),
    ("DELETE", f"{_P}/{{}}/tags/{{}}"): sync(delete_tag),
    ("POST", f"{_P}/{{}}/params"): sync(log_params, wire.LoggedModelParams),
    ("POST", "/api/2.0/mlflow/runs/outputs"): sync(log_outputs, wire.LogOutputs),
    ("POST", "/api/2.0/mlflow/runs/log-model"): sync(log_model, wire.LogModel),
}
