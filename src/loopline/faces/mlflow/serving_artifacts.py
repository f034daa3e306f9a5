"""serving_artifacts: files of runs, logged models and traces: listed, read, written, taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from loopline.faces.desk import act
from loopline.faces.mlflow import kept
from loopline.faces.mlflow import wire_models as wire
from loopline.faces.mlflow.addresses import Place, find_model, fitting, location, place_of
from loopline.faces.mlflow.asking import Ask, Operation, answer, project_of, sync
from loopline.faces.mlflow.errors import invalid, missing
from loopline.faces.mlflow.naming import find_run
from loopline.faces.mlflow.presigning import signed
from loopline.faces.mlflow.receiving import received
from loopline.faces.saving import sent
from loopline.nouns.owner import Owner
from loopline.verbs.filing import children, drop, file_of, keep, ready, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.datasets.overlay import Overlay
    from loopline.loop import Loop
    from loopline.nouns.artifact import Artifact
    from loopline.nouns.entry import Entry

READ: Final = "show"
WRITE: Final = "log"


def spot(ask: Ask, verb: str, *, folder: bool = False) -> tuple[Loop, Place]:
    """Find what a path names, as whoever may do that to it. Raise Fault."""
    if ask.names[0].startswith(kept.PREFIX):
        ask.loop(verb)
        raise kept.fixed()
    ask = signed(ask)
    loop = ask.loop(verb)
    with loop.ledger.read() as tx:
        return loop, place_of(tx, loop.project, ask.names[0], folder=folder)


def list_files(ask: Ask) -> Response:
    """Answer listArtifacts of a folder, by its address. One that nobody has filled is empty."""
    said: wire.ListFiles = ask.body
    if said.path.startswith(kept.PREFIX):
        _, files, folder = kept.files_of(ask, said.path)
        return answer({"files": listed(files, folder, name_only=True)})
    loop = ask.loop(READ)
    if not said.path:
        return answer({"files": []})
    with loop.ledger.read() as tx:
        place = place_of(tx, loop.project, said.path, folder=True)
    return answer({"files": told(loop, place.owner, place.path, name_only=True)})


def told(loop: Loop, owner: Owner, folder: str, *, name_only: bool = False) -> list[dict[str, Any]]:
    """Give what clients are told of what lies in a folder: with the whole path, or with the name alone."""
    return listed(view(loop, owner), folder, name_only=name_only)


def listed(files: Overlay, folder: str, *, name_only: bool) -> list[dict[str, Any]]:
    """Give what clients are told of what lies in a folder of some files."""
    found = []
    for child in children(files, folder):
        path = child.path.rpartition("/")[2] if name_only else child.path
        more = {} if child.size is None else {"file_size": child.size}
        found.append({"path": path, "is_dir": child.size is None, **more})
    return found


def list_artifacts(ask: Ask) -> Response:
    """ListArtifacts, of a run: all of a folder at once, as clients of this protocol do not turn pages."""
    said: wire.ListArtifacts = ask.body
    loop = ask.loop(READ)
    if said.page_token:
        raise invalid("Invalid page token: a listing of files is one page")
    folder = fitting(said.path, folder=True) if said.path else ""
    with loop.ledger.read() as tx:
        run = find_run(tx, loop.project, said.run)
        group = tx.experiments.get(loop.project, run.experiment, deleted=True)
    owner = Owner(loop.project, "run", run.id)
    return answer({"root_uri": location(group, owner), "files": told(loop, owner, folder)})


def list_model_files(ask: Ask) -> Response:
    """ListLoggedModelArtifacts."""
    said: wire.ListModelFiles = ask.body
    loop = ask.loop(READ)
    folder = fitting(said.artifact_directory_path, folder=True) if said.artifact_directory_path else ""
    with loop.ledger.read() as tx:
        model = find_model(tx, loop.project, ask.names[0])
        group = tx.experiments.by_id(loop.project, model.experiment)
    if group is None:
        raise missing(f"No Experiment with id={model.experiment} exists")
    return answer({"root_uri": location(group, model.owner), "files": told(loop, model.owner, folder)})


async def get(request: Request, names: tuple[str, ...]) -> Response:
    """downloadArtifact, and HEAD."""
    ask = Ask(request, names, project_of(request))
    loop, entry = await act(request, _found, ask)
    return await sent(request, loop, entry)


def _found(ask: Ask) -> tuple[Loop, Entry]:
    if ask.names[0].startswith(kept.PREFIX):
        return kept.file_at(ask, ask.names[0])
    loop, place = spot(ask, READ)
    return loop, file_of(loop, place.owner, place.path).entry


async def put(request: Request, names: tuple[str, ...]) -> Response:
    """UploadArtifact. Who may not, or where nothing may come, is told before the bytes are read."""
    ask = Ask(request, names, project_of(request))
    loop, place = await act(request, writable, ask)
    held = await received(request, loop)
    await act(request, _keep, loop, place, held)
    return answer()


def writable(ask: Ask) -> tuple[Loop, Place]:
    """Find the file that a path names, where one may be written. Raise Fault."""
    loop, place = spot(ask, WRITE)
    if not place.path:
        raise invalid("Invalid path: a file has a name")
    ready(loop, place.owner)
    return loop, place


def _keep(loop: Loop, place: Place, held: Artifact) -> None:
    keep(loop, place.owner, place.path, held)


def remove(ask: Ask) -> Response:
    """deleteArtifact: a file, or a folder with all below. What is not there is gone already."""
    loop, place = spot(ask, WRITE, folder=True)
    drop(loop, place.owner, place.path)
    return answer()


def operation(function: Callable[[Ask], Response]) -> Operation:
    """Make an operation of something that takes no document, whatever the body is."""

    async def operate(request: Request, names: tuple[str, ...]) -> Response:
        return await act(request, function, Ask(request, names, project_of(request)))

    return operate


_ROOT: Final = "/api/2.0/mlflow-artifacts/artifacts"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", _ROOT): sync(list_files, wire.ListFiles),
    ("GET", f"{_ROOT}/{{path}}"): get,
    ("PUT", f"{_ROOT}/{{path}}"): put,
    ("DELETE", f"{_ROOT}/{{path}}"): operation(remove),
    ("GET", "/api/2.0/mlflow/artifacts/list"): sync(list_artifacts, wire.ListArtifacts),
    ("GET", "/api/2.0/mlflow/logged-models/{}/artifacts/directories"): sync(list_model_files, wire.ListModelFiles),
}
