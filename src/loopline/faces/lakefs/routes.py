"""routes: one endpoint for all of lakeFS's API; a path is taken apart as it was sent, for names may hold what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.faces.gateway import Gateway
from loopline.faces.lakefs import addresses as where
from loopline.faces.lakefs import serving_branches as branches
from loopline.faces.lakefs import serving_commits as commits
from loopline.faces.lakefs import serving_imports as imports
from loopline.faces.lakefs import serving_objects as objects
from loopline.faces.lakefs import serving_repositories as repositories
from loopline.faces.lakefs import serving_server as server
from loopline.faces.lakefs import wire
from loopline.faces.lakefs.asking import Ask, Operation, sync
from loopline.faces.lakefs.door import PREFIX
from loopline.faces.lakefs.errors import Fault, refuse
from loopline.faces.signing import path_of, query_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

API: Final = ("", "lakefs", "api", "v1")
_R: Final = "repositories/{}"
_B: Final = f"{_R}/branches/{{}}"

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "config"): sync(server.config),
    ("POST", "auth/login"): sync(server.login, wire.Login),
    ("POST", "auth/external/principal/login"): sync(server.external),
    ("POST", "sts/login"): sync(server.external),
    ("GET", "repositories"): sync(repositories.list_repositories),
    ("POST", "repositories"): sync(repositories.create_repository, wire.RepositoryCreation),
    ("GET", _R): sync(repositories.get_repository),
    ("DELETE", _R): sync(repositories.delete_repository),
    ("GET", f"{_R}/metadata"): sync(repositories.metadata),
    ("GET", f"{_R}/branches"): sync(branches.list_branches),
    ("POST", f"{_R}/branches"): sync(branches.create_branch, wire.BranchCreation),
    ("GET", _B): sync(branches.get_branch),
    ("PUT", _B): sync(branches.reset_branch, wire.ResetCreation),
    ("DELETE", _B): sync(branches.delete_branch),
    ("GET", f"{_B}/diff"): sync(branches.diff_branch),
    ("POST", f"{_B}/revert"): sync(commits.revert_branch, wire.RevertCreation),
    ("POST", f"{_B}/cherry-pick"): sync(commits.cherry_pick, wire.CherryPickCreation),
    ("POST", f"{_B}/commits"): sync(commits.make_commit, wire.CommitCreation),
    ("GET", f"{_R}/commits/{{}}"): sync(commits.get_commit),
    ("GET", f"{_R}/refs/{{}}/commits"): sync(commits.log_commits),
    ("GET", f"{_R}/refs/{{}}/diff/{{}}"): sync(commits.diff_refs),
    ("POST", f"{_R}/refs/{{}}/merge/{{}}"): sync(commits.merge_into, wire.Merge),
    ("GET", f"{_R}/refs/{{}}/objects/ls"): sync(objects.list_objects),
    ("GET", f"{_R}/refs/{{}}/objects/stat"): sync(objects.stat_object),
    ("GET", f"{_R}/refs/{{}}/objects"): objects.get_object,
    ("HEAD", f"{_R}/refs/{{}}/objects"): objects.get_object,
    ("POST", f"{_B}/objects"): objects.upload_object,
    ("DELETE", f"{_B}/objects"): sync(objects.delete_object),
    ("POST", f"{_B}/objects/delete"): sync(objects.delete_objects, wire.PathList),
    ("POST", f"{_B}/objects/copy"): sync(objects.copy_object, wire.ObjectCopyCreation),
    ("GET", f"{_B}/staging/backing"): sync(where.get_physical_address),
    ("PUT", f"{_B}/staging/backing"): sync(where.link_physical_address, wire.StagingMetadata),
    ("POST", f"{_B}/import"): imports.start,
    ("GET", f"{_B}/import"): sync(imports.status),
    ("DELETE", f"{_B}/import"): sync(imports.cancel),
    ("GET", f"{_R}/tags"): sync(branches.list_tags),
    ("POST", f"{_R}/tags"): sync(branches.create_tag, wire.TagCreation),
    ("GET", f"{_R}/tags/{{}}"): sync(branches.get_tag),
    ("DELETE", f"{_R}/tags/{{}}"): sync(branches.delete_tag),
    # what the SDK does not call, and other clients do
    ("GET", "healthcheck"): sync(server.health),
    ("GET", "setup_lakefs"): sync(server.setup_state),
    ("GET", "user"): sync(server.user),
    ("GET", "config/version"): sync(server.version),
    ("GET", "config/storage"): sync(server.storage),
    ("GET", f"{_R}/refs/{{}}/merge/{{}}"): sync(commits.merge_base),
    ("GET", f"{_B}/objects/stage_allowed"): sync(objects.may_upload),
    ("PUT", f"{_B}/staging/bytes"): where.bring,
}
"""What is served, by method and path below `/lakefs/api/v1`; `{}` is a name."""


def routes() -> list[BaseRoute]:
    """Give the one route."""
    return [Gateway(PREFIX, _answered, _refused)]


async def _answered(request: Request) -> Response:
    return _fresh(await _answer(request))


def _refused(request: Request, error: Exception) -> Response:
    return _fresh(refuse(request, error))


def _fresh(answer: Response) -> Response:
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


async def _answer(request: Request) -> Response:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    try:
        parts, query = path_of(raw), query_of(request.scope["query_string"])
        "".join((*query, *query.values())).encode()
    except (UnicodeError, ValueError):
        raise Fault(400, "names and paths are UTF-8") from None
    if any("\0" in one for one in (*parts, *query, *query.values())):
        raise Fault(400, "names and paths hold no NUL")
    if parts[:4] != API:
        raise Fault(404, "the API is at /lakefs/api/v1")
    operation, names = _find(request.method, parts[4:])
    return await operation(Ask(request, names, query))


def _find(method: str, parts: tuple[str, ...]) -> tuple[Operation, tuple[str, ...]]:
    """Find the operation, and what its path names. Raise Fault 501 for an address that is not served, 405 for a method."""
    others = False
    for (verb, pattern), operation in OPERATIONS.items():
        words = pattern.split("/")
        if len(words) != len(parts) or any(word not in ("{}", part) for word, part in zip(words, parts, strict=True)):
            continue
        if verb == method:
            return operation, tuple(part for word, part in zip(words, parts, strict=True) if word == "{}")
        others = True
    raise Fault(405, "the method is not served here") if others else Fault(501, "this is not served here")
