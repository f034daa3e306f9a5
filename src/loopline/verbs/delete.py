"""delete: mark something as gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Final

from loopline.errors import Invalid, NotFound
from loopline.ledger.assets import not_deleted
from loopline.ledger.roots import Root
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest
from loopline.nouns.name import Numbered, parse_asset, parse_pointer
from loopline.store.leased import hold_on
from loopline.verbs.marking import Walk
from loopline.verbs.modelling import is_logged
from loopline.verbs.moving import at_home

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables, Writing
    from loopline.nouns.logged import LoggedModel
    from loopline.nouns.run import Run
    from loopline.nouns.version import Version

_ALL: Final = 100_000
EXPERIMENT: Final = "experiment/"
"""What stands before the name of an experiment; no kind of asset is called so."""


def delete(
    loop: Loop,
    what: Annotated[
        str,
        "an asset (report/old), a version (model/delay@3), a run's first digits, a logged model (m-…), or an experiment"
        " (experiment/delays)",
    ],
    *,
    why: Annotated[str, "the reason"] = "",
    restore: Annotated[bool, "take the mark away again"] = False,
) -> str:
    """Mark an asset, a version, a run, a logged model or an experiment as deleted.

    Its history stays; what a ref points at cannot be deleted. An experiment goes with its runs and the models they logged.
    With --restore, exactly what that mark hid is there again: versions that were deleted by themselves stay deleted.

    Example:
        loopline delete model/delay@3 --why "trained by mistake"
        loopline delete model/delay@3 --restore
    """
    if restore:
        hold_on(loop.blobs)  # what is taken back from the trash now is not emptied while this is at work
        _take_back(loop, what)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if restore:
            back = _restore(loop, tx, what)
            tx.say("restored", back, why=why)
            return back
        if what.startswith(EXPERIMENT):
            gone = what
            experiment = tx.experiments.get(loop.project, what.removeprefix(EXPERIMENT))
            tx.experiments.delete(experiment)
            tx.logged.delete_of(experiment.id)
        elif is_logged(what):
            gone = what
            tx.logged.delete(tx.logged.get(loop.project, what))
        elif "/" not in what:
            gone = tx.runs.resolve(loop.project, what).id
            tx.runs.delete(gone)
        elif "@" in what:
            version = tx.versions.resolve(parse_pointer(what, project=loop.project))
            at_home(loop, version.asset)
            tx.versions.delete(version.asset, version.number)
            gone = str(version)
        else:
            asset = at_home(loop, parse_asset(what, project=loop.project))
            held = tx.refs.of(tx.assets.get(asset).name)
            if held:
                raise Invalid(
                    f"{asset} has refs", kind="asset-in-use", hint=f"loopline propose {held[0].name} --delete --why …",
                    asset=str(asset), refs=[str(ref.name) for ref in held],
                )  # fmt: skip
            tx.assets.delete(asset)
            gone = str(asset)
        tx.say("deleted", gone, why=why)
    return gone


def _restore(loop: Loop, tx: Writing, what: str) -> str:
    """Take the mark of a run, a version, an asset or an experiment away, and give its whole name."""
    if what.startswith(EXPERIMENT):
        experiment = tx.experiments.get(loop.project, what.removeprefix(EXPERIMENT), deleted=True)
        if experiment.deleted_at is None:
            raise not_deleted(what)
        tx.experiments.restore(experiment)
        tx.logged.restore_of(experiment.id, experiment.deleted_at)
        return what
    if is_logged(what):
        model = tx.logged.get(loop.project, what, deleted=True)
        if model.deleted_at is None:
            raise not_deleted(what)
        tx.logged.restore(model)
        return what
    if "/" not in what:
        run = tx.runs.resolve(loop.project, what, deleted=True).id
        tx.runs.restore(run)
        return run
    if "@" not in what:
        asset = at_home(loop, parse_asset(what, project=loop.project))
        tx.assets.restore(asset)
        _all_there(loop, tx.versions.list(asset, limit=_ALL))
        return str(asset)
    pointer = parse_pointer(what, project=loop.project)
    asset = at_home(loop, pointer.asset)
    if not isinstance(pointer.revision, Numbered):
        raise Invalid(
            f"{what} is no number of a version", kind="needs-number", hint=f"write {asset}@NUMBER", pointer=str(pointer)
        )
    tx.versions.restore(asset, pointer.revision.number)
    _all_there(loop, [tx.versions.get(asset, pointer.revision.number)])
    return f"{asset}@{pointer.revision.number}"


def _take_back(loop: Loop, what: str) -> None:
    """Ask for all that comes back, before it is there again: what lies in the trash comes back by that.

    Raise NotFound where the files of a run or a model are gone for good.
    """
    with loop.ledger.read() as tx:
        roots = _roots(tx, loop, what)
    named: set[bytes] = set()
    walk = Walk(loop, lambda ident, _: named.add(ident), strict=False)
    for root in roots:
        walk.root(root)
    loop.blobs.missing(Digest(f"sha256:{ident.hex()}") for ident in named)
    if "/" not in what or what.startswith(EXPERIMENT):
        _kept(loop, {one.digest: one.name for one in roots})


def _roots(tx: Tables, loop: Loop, what: str) -> list[Root]:
    """Give the trees that come back with a version, a run, a logged model or an experiment."""
    if "@" in what:
        number = parse_pointer(what, project=loop.project).revision
        asset = parse_pointer(what, project=loop.project).asset
        version = tx.versions.find(asset, number.number) if isinstance(number, Numbered) else None
        return [Root(version.artifact.digest, version.artifact.media_type, str(version))] if version else []
    if what.startswith(EXPERIMENT):
        experiment = tx.experiments.find(loop.project, what.removeprefix(EXPERIMENT), deleted=True)
        if experiment is None or experiment.deleted_at is None:
            return []
        same = (experiment.id, experiment.deleted_at)
        runs = tx.runs.search("r.experiment = ? AND r.deleted_at = ?", same, order="r.id", limit=_ALL)
        models = tx.logged.deleted_with(*same)
        return [root for run in runs for root in _made(run)] + [root for one in models for root in _sealed(one)]
    if is_logged(what):
        model = tx.logged.find(loop.project, what, deleted=True)
        return _sealed(model) if model else []
    return [] if "/" in what else _made(tx.runs.resolve(loop.project, what, deleted=True))


def _made(run: Run) -> list[Root]:
    trees = [link for link in run.outputs if link.media_type in (TREE, MODEL)]
    return [Root(link.digest, link.media_type, f"run {run.id}") for link in trees]


def _sealed(model: LoggedModel) -> list[Root]:
    return [Root(model.digest, MODEL, f"model {model.id}")] if model.digest else []


def _all_there(loop: Loop, versions: Iterable[Version]) -> None:
    _kept(loop, {one.artifact.digest: str(one) for one in versions})


def _kept(loop: Loop, roots: Mapping[Digest, str]) -> None:
    """Raise NotFound where bytes that something names are gone for good: it would stop every `gc`."""
    lost = next(iter(sorted(loop.blobs.missing(roots))), None)
    if lost is not None:
        raise NotFound(
            f"the bytes of {roots[lost]} were reclaimed and are gone", kind="blob-missing",
            hint="publish the same again, or restore a backup of the store", digest=lost,
        )  # fmt: skip
