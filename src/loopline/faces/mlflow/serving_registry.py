"""serving_registry: operations on registered models, their tags and their aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict
from loopline.faces.mlflow import wire_registry as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync
from loopline.faces.mlflow.errors import Fault, exists
from loopline.faces.mlflow.registry import (
    PROMPT,
    applied,
    asset_of,
    find_alias,
    find_model,
    find_version,
    latest,
    models_told,
    new_alias,
    new_name,
    stage_said,
    tag_fits,
    tags_of,
    versions_told,
)
from loopline.verbs.annotate import annotate
from loopline.verbs.registry import open_model, point, strike

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.ledger.assets import Asset
    from loopline.loop import Loop


def create(ask: Ask) -> Response:
    """createRegisteredModel: a model without a version."""
    said: wire.CreateModel = ask.body
    name, tags = new_name(said.name or ""), tags_of(said.tags)
    asset = asset_of(ask.project, name)
    loop = ask.loop("put", str(asset))
    try:
        open_model(loop, asset, tags=tags, text=said.description)
    except Conflict as taken:
        if taken.kind != "asset-exists":
            raise
        raise _taken(name, prompt=PROMPT in taken.facts["tags"], wanted=PROMPT in tags) from None
    return _told(loop, name)


def _taken(name: str, *, prompt: bool, wanted: bool) -> Fault:
    """Say that a name is taken, by a prompt or a model; `wanted` tells whether a prompt was to be made."""
    if prompt == wanted:
        return exists(f"{'Prompt' if wanted else 'Registered Model'} (name={name}) already exists.")
    there, new = ("prompt", "registered model") if prompt else ("registered model", "prompt")
    return exists(f"The name {name!r} belongs to a {there}: a {new} needs another one.")


def get(ask: Ask) -> Response:
    """GetRegisteredModel."""
    return _told(ask.loop("show", str(asset_of(ask.project, ask.body.name))), ask.body.name)


def _told(loop: Loop, name: str) -> Response:
    with loop.ledger.read() as tx:
        return answer({"registered_model": models_told(tx, loop.project, [find_model(tx, loop.project, name)])[0]})


def update(ask: Ask) -> Response:
    """updateRegisteredModel: say what it is."""
    said: wire.UpdateModel = ask.body
    loop, found = _named(ask, "annotate")
    annotate(loop, str(found.name), text=said.description or "")
    return _told(loop, found.name.name)


def rename(ask: Ask) -> Response:
    """renameRegisteredModel, with all of its versions and aliases."""
    said: wire.RenameModel = ask.body
    other = new_name(said.new_name or "", "new_name")
    loop, found = _named(ask, "annotate", str(asset_of(ask.project, other)))
    if other == found.name.name:
        raise exists(f"Registered Model (name={other}) already exists.")
    try:
        annotate(loop, str(found.name), rename=str(asset_of(loop.project, other)))
    except Conflict as taken:
        if taken.kind != "asset-exists":
            raise
        more = " It was deleted: a name keeps its history." if taken.facts["deleted"] else ""
        raise exists(f"Registered Model (name={other}) already exists.{more}") from None
    return _told(loop, other)


def remove(ask: Ask) -> Response:
    """deleteRegisteredModel: a mark on it; its aliases and stages go by a change."""
    loop, found = _named(ask, "delete")
    applied(strike(loop, found.name, why=f"registered model {found.name.name} was deleted"))
    return answer()


def get_latest(ask: Ask) -> Response:
    """getLatestVersions: the newest version in each stage, or in those that are named."""
    said: wire.LatestVersions = ask.body
    wanted = {stage_said(stage) for stage in said.stages}
    loop, found = _named(ask, "show")
    with loop.ledger.read() as tx:
        refs = tx.registry.refs({found.id: found.name})
        rows = tx.registry.those(latest(tx, [found], refs))
        told = versions_told(tx, loop.project, [rows[key] for key in sorted(rows)])
    return answer({"model_versions": [one for one in told if not wanted or one["current_stage"] in wanted]})


def set_tag(ask: Ask) -> Response:
    """SetRegisteredModelTag."""
    said: wire.TagModel = ask.body
    tag_fits(said.key or "", said.value)
    loop, found = _named(ask, "annotate")
    annotate(loop, str(found.name), tags={said.key or "": said.value})
    return answer()


def delete_tag(ask: Ask) -> Response:
    """deleteRegisteredModelTag; one that is not there is gone already."""
    said: wire.TagModel = ask.body
    tag_fits(said.key or "")
    loop, found = _named(ask, "annotate")
    with loop.ledger.read() as tx:
        there = said.key in tx.taggings.of(found.subject)
    if there:
        annotate(loop, str(found.name), untag=(said.key or "",))
    return answer()


def set_alias(ask: Ask) -> Response:
    """setRegisteredModelAlias: a change, which waits where a policy speaks of the alias."""
    said: wire.SetAlias = ask.body
    alias = new_alias(said.alias or "")
    loop, found = _named(ask, "propose")
    with loop.ledger.read() as tx:
        version = find_version(tx, loop.project, found.name.name, said.version or "")
    applied(point(loop, found.name, {alias: version.number}, why=f"alias {alias} set to version {version.number}"))
    return answer()


def get_alias(ask: Ask) -> Response:
    """GetModelVersionByAlias."""
    said: wire.AliasOf = ask.body
    loop = ask.loop("show", str(asset_of(ask.project, said.name or "")))
    with loop.ledger.read() as tx:
        found = find_alias(tx, loop.project, said.name or "", said.alias or "")
        return answer({"model_version": versions_told(tx, loop.project, [found])[0]})


def delete_alias(ask: Ask) -> Response:
    """deleteRegisteredModelAlias: a change; one that is not there is gone already."""
    said: wire.AliasOf = ask.body
    loop, found = _named(ask, "propose")
    applied(point(loop, found.name, {said.alias or "": None}, why=f"alias {said.alias} deleted"))
    return answer()


def _named(ask: Ask, verb: str, *others: str) -> tuple[Loop, Asset]:
    """Give the model that a request names, as whoever may do that to it. Raise Fault."""
    body: Any = ask.body
    loop = ask.loop(verb, str(asset_of(ask.project, body.name)), *others)
    with loop.ledger.read() as tx:
        return loop, find_model(tx, loop.project, body.name)


_P: Final = "/api/2.0/mlflow/registered-models"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P}/create"): sync(create, wire.CreateModel),
    ("GET", f"{_P}/get"): sync(get, wire.OneModel),
    ("PATCH", f"{_P}/update"): sync(update, wire.UpdateModel),
    ("POST", f"{_P}/rename"): sync(rename, wire.RenameModel),
    ("DELETE", f"{_P}/delete"): sync(remove, wire.OneModel),
    ("POST", f"{_P}/get-latest-versions"): sync(get_latest, wire.LatestVersions),
    ("GET", f"{_P}/get-latest-versions"): sync(get_latest, wire.LatestVersions),
    ("POST", f"{_P}/set-tag"): sync(set_tag, wire.TagModel),
    ("DELETE", f"{_P}/delete-tag"): sync(delete_tag, wire.TagModel),
    ("POST", f"{_P}/alias"): sync(set_alias, wire.SetAlias),
    ("GET", f"{_P}/alias"): sync(get_alias, wire.AliasOf),
    ("DELETE", f"{_P}/alias"): sync(delete_alias, wire.AliasOf),
}
