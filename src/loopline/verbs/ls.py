"""ls: list assets, or the files of a version."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.listing import Listed
from loopline.nouns.name import KINDS, parse_asset, parse_pointer
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.ledger.assets import Asset
    from loopline.ledger.ledger import Tables


def ls(
    loop: Loop,
    what: Annotated[str, "nothing: every asset; a kind (data); or a version whose files to list (data/flights@2)"] = "",
    *,
    itself: Annotated[bool, "-d", "the asset itself with its refs, not the files of its version"] = False,
    folder: Annotated[
        str | None, "one level of this folder (jan/, or nothing for the top): its files and folders"
    ] = None,
    after: Annotated[str, "go on behind this asset or path"] = "",
    limit: Annotated[int, "how many at most"] = 1000,
) -> tuple[Listed, ...] | tuple[Entry | Folder, ...]:
    """List assets with their refs, or the files of a version.

    Example:
        loopline ls data/flights@main
    """
    at_most(limit)
    if what and "/" not in what and what not in KINDS:
        raise Invalid(
            f"{what!r} is not a kind of asset", kind="bad-kind", hint=f"kinds are {', '.join(KINDS)}", word=what
        )
    with loop.ledger.read() as tx:
        if "/" not in what:
            behind = parse_asset(after, project=loop.project) if "/" in after else None
            last = f"{behind.kind}/{behind.name}" if behind else after
            return tuple(
                _listed(tx, asset) for asset in tx.assets.list(loop.project, kind=what, after=last, limit=limit)
            )
        if itself:
            asset = tx.assets.get(parse_pointer(what, project=loop.project).asset)
            return (replace(_listed(tx, asset), text=asset.description, tags=tx.taggings.of(asset.subject)),)
        version = tx.versions.resolve(parse_pointer(what, project=loop.project))
    if version.artifact.media_type not in (TREE, MODEL):
        raise Invalid(
            f"{version} is one blob, not files",
            kind="not-a-tree",
            hint=f"loopline get {version} FILE",
            version=str(version),
        )
    from itertools import islice

    from loopline.datasets.tree import Tree

    tree = Tree(loop.blobs, version.artifact.digest)
    if folder is not None:
        return tuple(tree.list(f"{folder.rstrip('/')}/" if folder else "", after=after, limit=limit))
    return tuple(islice(tree.iter(after=after), limit))


def _listed(tx: Tables, asset: Asset) -> Listed:
    newest = next(iter(tx.versions.list(asset.name, limit=1)), None)
    return Listed(asset.name, asset.last_number, tuple(tx.refs.of(asset.name)), newest)
