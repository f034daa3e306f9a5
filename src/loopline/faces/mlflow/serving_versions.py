"""serving_versions: operations on versions of registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow import wire_registry as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync
from loopline.faces.mlflow.entering import entry_of
from loopline.faces.mlflow.errors import invalid
from loopline.faces.mlflow.registry import (
    ARCHIVED,
    PROMPT_TEXT,
    REFS,
    STAGE,
    address,
    applied,
    asset_of,
    find_model,
    find_version,
    stage_said,
    tag_fits,
    versions_told,
)
from loopline.verbs.annotate import annotate
from loopline.verbs.registry import Notes, arrange, enter, strike

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from loopline.ledger.registry import Entered
    from loopline.loop import Loop
    from loopline.verbs.registry import Standing


def create(ask: Ask) -> Response:
    """createModelVersion: the next version is the tree, or the text, that its source means now."""
    said: wire.CreateVersion = ask.body
    loop = ask.loop("put", str(asset_of(ask.project, said.name or "")))
    with loop.ledger.read() as tx:
        model = find_model(tx, loop.project, said.name or "")
    made = enter(loop, model.name, entry_of(ask, loop, said))
    return _told(loop, model.name.name, str(made.number))


def get(ask: Ask) -> Response:
    """GetModelVersion."""
    loop, found = _named(ask, "show")
    return _told(loop, found.name.name, str(found.number))


def _told(loop: Loop, name: str, number: str) -> Response:
    with loop.ledger.read() as tx:
        found = find_version(tx, loop.project, name, number)
        return answer({"model_version": versions_told(tx, loop.project, [found])[0]})


def update(ask: Ask) -> Response:
    """updateModelVersion: say what it is."""
    said: wire.UpdateVersion = ask.body
    loop, found = _named(ask, "annotate")
    annotate(loop, str(found), text=said.description or "")
    return _told(loop, found.name.name, str(found.number))


def remove(ask: Ask) -> Response:
    """deleteModelVersion: a mark on it; aliases and stages that stand there go by a change."""
    loop, found = _named(ask, "delete")
    applied(strike(loop, found.name, found.number, why=f"version {found.number} was deleted"))
    return answer()


def download_uri(ask: Ask) -> Response:
    """getModelVersionDownloadUri: below it are the version's own files, whoever has published it."""
    _, found = _named(ask, "get")
    return answer({"artifact_uri": address(found)})


def set_tag(ask: Ask) -> Response:
    """SetModelVersionTag."""
    said: wire.TagVersion = ask.body
    _free(said.key or "", said.value)
    loop, found = _named(ask, "annotate")
    annotate(loop, str(found), tags={said.key or "": said.value})
    return answer()


def delete_tag(ask: Ask) -> Response:
    """deleteModelVersionTag; one that is not there is gone already."""
    said: wire.TagVersion = ask.body
    _free(said.key or "")
    loop, found = _named(ask, "annotate")
    with loop.ledger.read() as tx:
        there = said.key in tx.taggings.of(found.subject)
    if there:
        annotate(loop, str(found), untag=(said.key or "",))
    return answer()


def _free(key: str, value: str = "") -> None:
    tag_fits(key, value)
    if key == PROMPT_TEXT:
        raise invalid(f"'{PROMPT_TEXT}' is what a version of a prompt is made of, which does not change.")


def move_stage(ask: Ask) -> Response:
    """transitionModelVersionStage: a change of the refs that stages are, which waits where a policy speaks of one of them."""
    said: wire.MoveStage = ask.body
    stage = stage_said(said.stage or "")
    if said.archive_existing_versions and stage not in REFS:
        raise invalid(
            f"Model version transition cannot archive existing model versions because '{said.stage}' is not an Active stage."
            f" Valid stages are {', '.join(REFS)}."
        )
    loop, found = _named(ask, "propose")

    def wish(here: Mapping[str, int]) -> Standing:
        return _staged(here, found.number, stage, archive=said.archive_existing_versions)

    applied(arrange(loop, found.name, wish, why=f"version {found.number} moved to stage {stage}"))
    return _told(loop, found.name.name, str(found.number))


def _staged(here: Mapping[str, int], number: int, stage: str, *, archive: bool) -> Standing:
    """Say where the refs that stages are stand once a version is in one; with `archive` what was there is marked as archived."""
    wanted: dict[str, int | None] = {ref: None for ref in REFS.values() if here.get(ref) == number}
    sets = {number: ARCHIVED} if stage == ARCHIVED else {}
    if stage in REFS:
        wanted[REFS[stage]] = number
        before = here.get(REFS[stage], number)
        if archive and before != number:
            sets[before] = ARCHIVED
    return wanted, Notes(STAGE, sets=sets, drops=() if stage == ARCHIVED else (number,))


def _named(ask: Ask, verb: str) -> tuple[Loop, Entered]:
    """Give the version that a request names, as whoever may do that to it. Raise Fault."""
    said: wire.OneVersion = ask.body
    loop = ask.loop(verb, str(asset_of(ask.project, said.name or "")))
    with loop.ledger.read() as tx:
        return loop, find_version(tx, loop.project, said.name or "", said.version or "")


_P: Final = "/api/2.0/mlflow/model-versions"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P}/create"): sync(create, wire.CreateVersion),
    ("GET", f"{_P}/get"): sync(get, wire.OneVersion),
    ("PATCH", f"{_P}/update"): sync(update, wire.UpdateVersion),
    ("DELETE", f"{_P}/delete"): sync(remove, wire.OneVersion),
    ("GET", f"{_P}/get-download-uri"): sync(download_uri, wire.OneVersion),
    ("POST", f"{_P}/set-tag"): sync(set_tag, wire.TagVersion),
    ("DELETE", f"{_P}/delete-tag"): sync(delete_tag, wire.TagVersion),
    ("POST", f"{_P}/transition-stage"): sync(move_stage, wire.MoveStage),
}
