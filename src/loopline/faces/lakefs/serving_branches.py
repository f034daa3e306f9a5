"""serving_branches: operations on branches and tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from loopline.datasets.overlay import Overlay
from loopline.faces.lakefs import differences
from loopline.faces.lakefs.addressing import (
    BRANCH,
    DISCARD,
    LIST,
    READ,
    STAGED,
    TAG,
    Repository,
    find_repository,
    find_version,
    named_branch,
    ref_named,
)
from loopline.faces.lakefs.asking import Ask, answer, applied, paged
from loopline.faces.lakefs.commits import id_of
from loopline.faces.lakefs.errors import Fault, missing
from loopline.nouns.name import Named, Numbered, Pointer
from loopline.verbs.branch import branch
from loopline.verbs.discard import discard
from loopline.verbs.staged import heads_of
from loopline.verbs.staging import gone, look, stage, written
from loopline.verbs.tag import tag

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.faces.lakefs.wire import BranchCreation, ResetCreation, TagCreation
    from loopline.loop import Loop
    from loopline.nouns.name import RefName
    from loopline.nouns.ref import Ref


def _refs(loop: Loop, repository: Repository, *, fixed: bool) -> Iterator[tuple[str, Ref]]:
    with loop.ledger.read() as tx:
        found = [one for one in tx.refs.of(repository.asset) if one.fixed is fixed]
    return ((one.name.ref, one) for one in sorted(found, key=lambda one: one.name.ref))


def _listed(ask: Ask, *, fixed: bool) -> Response:
    loop, repository = find_repository(ask.request, ask.names[0], LIST)
    page = paged(ask, _refs(loop, repository, fixed=fixed))
    with loop.ledger.read() as tx:
        page.rows = [_told(one.name.ref, id_of(tx.versions.get(one.name.asset, one.target))) for one in page.rows]
    return page.answer()


def _told(name: str, commit: str) -> dict[str, Any]:
    return {"id": name, "commit_id": commit}


def list_branches(ask: Ask) -> Response:
    """ListBranches."""
    return _listed(ask, fixed=False)


def create_branch(ask: Ask) -> Response:
    """createBranch: answers with the id of the commit where it begins, as text."""
    said: BranchCreation = ask.body
    loop, repository = find_repository(ask.request, ask.names[0], BRANCH, READ)
    ref = ref_named(repository, said.name)
    _free(loop, ref)
    version = find_version(loop, repository, said.source)
    applied(branch(loop, repository.asset, ref.ref, at=Numbered(version.number)))
    return answer(id_of(version), 201)


def _free(loop: Loop, ref: RefName) -> None:
    with loop.ledger.read() as tx:
        if tx.refs.find(ref) is not None:
            raise Fault(409, f"{ref.ref} already exists")


def get_branch(ask: Ask) -> Response:
    """GetBranch. One on which nothing was committed yet has no commit."""
    loop, repository = find_repository(ask.request, ask.names[0], LIST)
    ref = named_branch(loop, repository, ask.names[1])
    with loop.ledger.read() as tx:
        here = tx.refs.find(ref)
        commit = id_of(tx.versions.get(ref.asset, here.target)) if here else ""
    return answer(_told(ref.ref, commit))


def delete_branch(ask: Ask) -> Response:
    """deleteBranch: with what is staged on it."""
    loop, repository = find_repository(ask.request, ask.names[0], BRANCH)
    ref = named_branch(loop, repository, ask.names[1])
    if ref.ref == repository.default:
        raise Fault(403, "cannot delete repository default branch")
    applied(branch(loop, repository.asset, ref.ref, delete=True))
    return answer()


def reset_branch(ask: Ask) -> Response:
    """resetBranch: forget all that is uncommitted, what is below a prefix, or one path."""
    said: ResetCreation = ask.body
    loop, repository = find_repository(ask.request, ask.names[0], DISCARD)
    ref = named_branch(loop, repository, ask.names[1])
    if said.type != "reset" and not said.path:
        raise Fault(400, "path is required")
    if said.type == "object":
        _reset_one(loop, ref, said.path or "")
    else:
        discard(loop, ref, prefix=(said.path or "") if said.type == "common_prefix" else "")
    return answer()


def _reset_one(loop: Loop, ref: RefName, path: str) -> None:
    """Stage that a path is as it was committed: then nothing of it is uncommitted."""
    view = look(loop, ref, path)
    before = Overlay(loop.blobs, *heads_of(view), ())
    found = before.find(path)
    if found is None and view.overlay(loop).find(path) is None:
        raise missing(f"object {path!r}")
    if found is None:
        stage(loop, ref, gone(path))
        return
    entry = found.entry
    stage(loop, ref, written(path, entry.digest, entry.size, notes=before.notes(found), mode=entry.mode))


def diff_branch(ask: Ask) -> Response:
    """diffBranch: what is uncommitted."""
    loop, repository = find_repository(ask.request, ask.names[0], STAGED)
    ref = named_branch(loop, repository, ask.names[1])
    return differences.answered(ask, differences.uncommitted(loop, ref, ask.query.get("prefix", "")))


def list_tags(ask: Ask) -> Response:
    """ListTags."""
    return _listed(ask, fixed=True)


def create_tag(ask: Ask) -> Response:
    """CreateTag."""
    said: TagCreation = ask.body
    loop, repository = find_repository(ask.request, ask.names[0], TAG, READ)
    ref = ref_named(repository, said.id)
    _free(loop, ref)
    version = find_version(loop, repository, said.ref)
    applied(tag(loop, ref.ref, Pointer(repository.asset, Numbered(version.number)), why=f"tag {said.id}"))
    return answer(_told(ref.ref, id_of(version)), 201)


def get_tag(ask: Ask) -> Response:
    """GetTag."""
    loop, repository = find_repository(ask.request, ask.names[0], LIST)
    ref = _tag(loop, repository, ask.names[1])
    with loop.ledger.read() as tx:
        return answer(_told(ref.ref, id_of(tx.versions.resolve(Pointer(ref.asset, Named(ref.ref))))))


def delete_tag(ask: Ask) -> Response:
    """DeleteTag."""
    loop, repository = find_repository(ask.request, ask.names[0], TAG)
    ref = _tag(loop, repository, ask.names[1])
    applied(tag(loop, ref.ref, Pointer(repository.asset, Named(ref.ref)), delete=True))
    return answer()


def _tag(loop: Loop, repository: Repository, name: str) -> RefName:
    ref = ref_named(repository, name)
    with loop.ledger.read() as tx:
        here = tx.refs.find(ref)
    if here is None or not here.fixed:
        raise missing(f"tag {name!r}")
    return ref
