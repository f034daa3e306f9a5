"""serving_workspaces: operations on workspaces, which are projects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from loopline.errors import Conflict
from loopline.faces.mlflow import wire_team as wire
from loopline.faces.mlflow.asking import DEFAULT_WORKSPACE, Ask, Operation, answer, project_named, sync
from loopline.faces.mlflow.errors import Fault, exists, invalid
from loopline.verbs.founding import close_project, describe_project, found_project, project, projects

if TYPE_CHECKING:
    from loopline.verbs.founding import Project


def list_all(ask: Ask) -> Response:
    """ListWorkspaces: those that the caller may look into."""
    return answer({"workspaces": [_told(one) for one in projects(ask.loop("whoami"))]})


def get(ask: Ask) -> Response:
    """GetWorkspace."""
    return answer({"workspace": _told(project(_named(ask).loop("find")))})


def create(ask: Ask) -> Response:
    """CreateWorkspace, for an admin of the server."""
    said: wire.CreateWorkspace = ask.body
    loop, name = ask.loop("grant"), said.name or ""
    _only_description(said)
    if name in (DEFAULT_WORKSPACE, ask.request.app.state.desk.loop.project):
        raise exists(f"Workspace '{name}' already exists: it is the server's own project.")
    try:
        made = found_project(loop, name, said.description or "")
    except Conflict as taken:
        if taken.kind != "project-exists":
            raise
        raise exists(f"Workspace '{name}' already exists.") from None
    return answer({"workspace": _told(made)}, 201)


def update(ask: Ask) -> Response:
    """UpdateWorkspace: say what it is for."""
    said: wire.Workspace = ask.body
    loop = _named(ask).loop("grant")
    _only_description(said)
    if said.description is None:
        raise invalid("Workspace update must have at least one key: 'description' is what can be said here.")
    return answer({"workspace": _told(describe_project(loop, said.description))})


def remove(ask: Ask) -> Response:
    """DeleteWorkspace, for an admin of the server, where nothing ever was in it."""
    said: wire.DeleteWorkspace = ask.body
    here = _named(ask)
    loop = here.loop("delete")
    if here.project == ask.request.app.state.desk.loop.project:
        raise invalid(f"The workspace '{here.project}' is the server's own project and cannot be deleted.")
    mode = said.mode or ask.request.query_params.get("mode", "RESTRICT")
    if mode != "RESTRICT":
        raise invalid(
            f"Deletion mode '{mode[:50]}' is not done here: history is only added to. An empty workspace goes with RESTRICT."
        )
    try:
        close_project(loop)
    except Conflict as used:
        if used.kind != "project-in-use":
            raise
        raise invalid(f"Cannot delete workspace '{here.project}': {used.message} ({used.hint}).") from None
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


def _named(ask: Ask) -> Ask:
    """Ask of the workspace that the path names."""
    return replace(ask, project=project_named(ask.request, ask.names[0]))


def _only_description(said: wire.Workspace) -> None:
    if said.default_artifact_root:
        raise invalid(
            "'default_artifact_root' is not taken: artifacts of every workspace lie in this server's own store."
        )
    if any((said.trace_archival_config or {}).values()):
        raise Fault("NOT_IMPLEMENTED", "'trace_archival_config' is not taken: traces are not moved to another store.")


def _told(one: Project) -> dict[str, Any]:
    return {"name": one.name, **({"description": one.description} if one.description else {})}


_P: Final = "/api/3.0/mlflow/workspaces"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", _P): sync(list_all),
    ("POST", _P): sync(create, wire.CreateWorkspace),
    ("GET", f"{_P}/{{}}"): sync(get),
    ("PATCH", f"{_P}/{{}}"): sync(update, wire.Workspace),
    ("DELETE", f"{_P}/{{}}"): sync(remove, wire.DeleteWorkspace),
}
