"""serving_repositories: operations on repositories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from loopline.datasets.tree import build
from loopline.errors import Refused
from loopline.faces.admit import admit, caller_of
from loopline.faces.lakefs.addressing import (
    DROP,
    KNOWN,
    LIST,
    NAME,
    REPOSITORY,
    WRITE,
    Repository,
    find_repository,
    ref_named,
    repository_at,
)
from loopline.faces.lakefs.asking import Ask, answer, applied, paged
from loopline.faces.lakefs.errors import Fault, missing
from loopline.nouns.name import AssetName
from loopline.verbs.add import add
from loopline.verbs.bucket import bucket
from loopline.verbs.clearing import clear_out
from loopline.verbs.staging import FIRST

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.desk import Desk
    from loopline.faces.lakefs.wire import RepositoryCreation

MOST = 10_000


def told(one: Repository) -> dict[str, Any]:
    """Give what clients are told of a repository."""
    return {
        "id": one.name, "creation_date": one.created_at // 1_000_000, "default_branch": one.default,
        "storage_namespace": f"loopline://{one.asset.project}/{one.asset}", "read_only": False,
    }  # fmt: skip


def list_repositories(ask: Ask) -> Response:
    """ListRepositories."""
    caller_of(ask.request)
    search = ask.query.get("search", "")
    page = paged(ask, ((name, row) for name, row in _every(ask.request) if search in name))
    desk: Desk = ask.request.app.state.desk
    found = [repository_at(desk.loop, *row) for row in page.rows]
    page.rows = [told(one) for one in found if one is not None]
    return page.answer()


def _every(request: Request) -> Iterator[tuple[str, tuple[str, AssetName, str]]]:
    """Give the repositories that the caller may list: names that somebody gave a branch, and every other data asset."""
    desk: Desk = request.app.state.desk
    with desk.loop.ledger.read() as tx:
        rows = {one.name: (one.name, one.ref.asset, one.ref.ref) for one in tx.buckets.list()}
        for asset in tx.assets.list(desk.loop.project, kind="data", limit=MOST):
            if KNOWN.match(asset.name.name):
                rows.setdefault(asset.name.name, (asset.name.name, asset.name, ""))
    return ((name, row) for name, row in sorted(rows.items()) if _sees(request, row[1]))


def _sees(request: Request, asset: AssetName) -> bool:
    try:
        admit(request, LIST, project=asset.project, assets=[str(asset)])
    except Refused:
        return False
    return True


def create_repository(ask: Ask) -> Response:
    """createRepository: a data asset, with a first version that holds nothing."""
    said: RepositoryCreation = ask.body
    if not REPOSITORY.match(said.name):
        raise Fault(400, "a repository has 3 to 63 lower-case letters, digits and dashes, and begins with no dash")
    if said.sample_data or said.read_only or said.storage_id:
        raise Fault(501, "sample data, read-only repositories and several storages are not served here")
    desk: Desk = ask.request.app.state.desk
    asset, branch = AssetName(desk.loop.project, "data", said.name), said.default_branch or FIRST
    named = branch != FIRST or ask.flag("bare")
    loop = admit(ask.request, WRITE, project=asset.project, assets=[str(asset)])
    if named:
        admit(ask.request, NAME, project=asset.project, assets=[str(asset)])
    with loop.ledger.read() as tx:
        here, row = tx.assets.find(asset), tx.buckets.find(said.name)
        if here is not None or (row is not None and tx.assets.find(row.ref.asset) is not None):
            raise Fault(409, f"error creating repository: {said.name} is taken")
    made = Repository(said.name, asset, branch, 0)
    ref = ref_named(made, branch)
    root = build(loop.blobs, ())
    if not ask.flag("bare"):
        applied(add(loop, asset, tree=root, branch=branch, message="Repository created").change)
    if named:
        bucket(loop, said.name, ref)
    found = repository_at(loop, said.name, asset, branch)
    if found is None:
        raise missing("repository")
    return answer(told(found), 201)


def get_repository(ask: Ask) -> Response:
    """GetRepository."""
    return answer(told(find_repository(ask.request, ask.names[0], LIST)[1]))


def delete_repository(ask: Ask) -> Response:
    """deleteRepository: its refs go, and with them the asset; `loopline delete --restore` has its versions back."""
    loop, repository = find_repository(ask.request, ask.names[0], DROP)
    with loop.ledger.read() as tx:
        row = tx.buckets.find(repository.name)
    if row is not None and row.ref.asset == repository.asset:
        named = find_repository(ask.request, ask.names[0], DROP, NAME)[0]
        applied(clear_out(loop, repository.asset, why=f"repository {repository.name} was deleted"))
        bucket(named, row.name, row.ref, delete=True)
    else:
        applied(clear_out(loop, repository.asset, why=f"repository {repository.name} was deleted"))
    return answer()


def metadata(ask: Ask) -> Response:
    """getRepositoryMetadata: there is none here; versions have metadata."""
    find_repository(ask.request, ask.names[0], LIST)
    return answer({})
