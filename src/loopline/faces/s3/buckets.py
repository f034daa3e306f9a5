"""buckets: made, listed, and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.errors import Conflict, Invalid, Refused
from loopline.faces.admit import admit
from loopline.faces.s3.addressing import BUCKET, DROP, LIST, NAME, WRITE, Place, find_place
from loopline.faces.s3.conditions import stamp
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.listing import OWNER
from loopline.nouns.name import AssetName, Named, RefName
from loopline.verbs.bucket import bucket as name_branch
from loopline.verbs.delete import delete
from loopline.verbs.staging import FIRST, look, seen

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.loop import Loop

MOST = 10_000


def every(request: Request) -> list[tuple[str, Any]]:
    """Give the buckets that the caller may list: names that somebody gave, and every other data asset."""
    desk: Desk = request.app.state.desk
    with desk.loop.ledger.read() as tx:
        rows = {one.name: (one.ref.asset, one.created_at) for one in tx.buckets.list()}
        for asset in tx.assets.list(desk.loop.project, kind="data", limit=MOST):
            if BUCKET.match(asset.name.name):
                rows.setdefault(asset.name.name, (asset.name, asset.created_at))
    mine = [(name, at) for name, (asset, at) in sorted(rows.items()) if _sees(request, asset)]
    return [
        ("Owner", OWNER),
        ("Buckets", [("Bucket", [("Name", name), ("CreationDate", stamp(at))]) for name, at in mine]),
    ]


def may_make(request: Request, name: str) -> tuple[Loop, AssetName]:
    """Give the asset that a bucket would be. Raise Refused for whoever may not make it."""
    desk: Desk = request.app.state.desk
    asset = AssetName(desk.loop.project, "data", name)
    loops = [admit(request, verb, project=asset.project, assets=[str(asset)]) for verb in (WRITE, NAME)]
    return loops[0], asset


def make(request: Request, name: str) -> None:
    """Make a data asset of this name, whose branch `main` the bucket is."""
    loop, asset = may_make(request, name)
    with loop.ledger.read() as tx:
        row, here = tx.buckets.find(name), tx.assets.find(asset)
        lives = row is not None and tx.assets.find(row.ref.asset) is not None
    if row is not None and lives:
        mine = row.ref.asset == asset or _sees(request, row.ref.asset)
        raise Fault("BucketAlreadyOwnedByYou" if mine else "BucketAlreadyExists", BucketName=name)
    if here is not None:
        raise Fault("BucketAlreadyExists", BucketName=name)
    try:
        name_branch(loop, name, RefName(asset, FIRST))
    except Invalid as error:
        raise Fault("InvalidBucketName", error.message, BucketName=name) from None
    except Conflict:
        raise Fault("BucketAlreadyOwnedByYou", BucketName=name) from None


def remove(request: Request, name: str) -> None:
    """Take a bucket away that has a name of its own and no keys; with it the asset that was made for it."""
    loop, place = find_place(request, name, DROP, NAME)
    if not place.row:
        raise Fault(
            "MethodNotAllowed", "This bucket is a data asset or a branch: loopline delete, or loopline branch --delete."
        )
    ref = _branch(place)
    view = look(loop, ref)
    if next(view.overlay(loop).iter(), None) is not None:
        raise Fault("BucketNotEmpty", BucketName=name)
    with loop.ledger.telemetry() as tx:
        tx.staging.hold(ref.key)
        if seen(tx, ref, None) != view:  # somebody wrote meanwhile, and was told that it is kept
            raise Fault("BucketNotEmpty", BucketName=name)
        used = bool(tx.refs.of(place.asset))
        if not used:
            tx.staging.clear(ref.key)
    name_branch(loop, name, ref, delete=True)
    if not used and (place.asset.name, ref.ref) == (
        name,
        FIRST,
    ):  # what has versions stays, and is a bucket by its own name
        delete(loop, str(place.asset), why="its bucket was deleted")


def _branch(place: Place) -> RefName:
    if not isinstance(place.revision, Named):
        raise Fault("MethodNotAllowed")
    return RefName(place.asset, place.revision.ref)


def _sees(request: Request, asset: AssetName) -> bool:
    try:
        admit(request, LIST, project=asset.project, assets=[str(asset)])
    except Refused:
        return False
    return True
