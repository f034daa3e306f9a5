"""bucket: a name of a branch, for clients of S3."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final

from loopline.errors import Conflict, Invalid, NotFound
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.bucket import S3Bucket
from loopline.nouns.name import AssetName, RefName
from loopline.verbs.moving import at_home
from loopline.verbs.staging import FIRST

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_ADDRESS: Final = re.compile(r"[0-9.]+\Z")


def bucket(
    loop: Loop,
    name: Annotated[str, "3 to 63 lower-case letters, digits, '-' and '.': raw-flights"],
    ref: Annotated[RefName, "the branch: data/flights@main"],
    *,
    auto_commit: Annotated[bool, "commit each write at once, as a version of its own"] = False,
    delete: Annotated[bool, "take the name away instead; the data stay"] = False,
) -> S3Bucket:
    """Give a branch a name under which clients of S3 find it, or take that away.

    Keys of such a bucket are the paths of the branch. An asset that is not there yet is made, without versions. Without a name of
    its own every data asset is a bucket (`flights`, with keys `main/jan.csv`), and so is each branch (`flights.main`, `jan.csv`).

    Example:
        loopline bucket raw-flights data/flights@main
    """
    at_home(loop, ref.asset)
    if not _NAME.match(name) or ".." in name or _ADDRESS.match(name):
        raise Invalid(
            f"{name[:100]!r} cannot name a bucket", kind="bad-bucket",
            hint="use 3 to 63 lower-case letters, digits, '-' and '.', and no address", text=name[:100],
        )  # fmt: skip
    if ref.asset.kind != "data":
        raise Invalid(f"{ref} is no data", kind="bad-kind", hint="name data/…", text=str(ref), word=ref.asset.kind)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        here = tx.buckets.find(name)
        if delete:
            if here is None or here.ref != ref:
                raise NotFound(f"{ref} is no bucket {name}", kind="no-bucket", hint="loopline bucket", bucket=name)
            tx.buckets.remove(name)
            tx.say("bucket.removed", name, ref=str(ref))
            return here
        if any(other != ref.asset for other in _meant(tx, loop.home or loop.project, name)):
            raise Conflict(
                f"{name} is a bucket already: that of a data asset", kind="bucket-exists", hint="choose another name",
                bucket=name,
            )  # fmt: skip
        if tx.assets.find(ref.asset) is None or ref.ref == FIRST:
            tx.assets.ensure(ref.asset)
        else:
            tx.refs.get(ref)
        if here is not None and here.ref.key != ref.key and tx.assets.find(here.ref.asset):
            raise Conflict(
                f"there is a bucket {name} already", kind="bucket-exists", hint="choose another name", bucket=name
            )
        tx.buckets.remove(name)
        tx.buckets.add(name, ref, auto_commit=auto_commit)
        tx.say("bucket.named", name, ref=str(ref), auto_commit=auto_commit)
        made = tx.buckets.find(name)
    return made or S3Bucket(name, ref, auto_commit, 0)


def _meant(tx: Tables, project: str, name: str) -> Iterator[AssetName]:
    """Give the assets of a server's own project that a name means by itself: `flights`, and `flights.main` where it has that."""
    asset, end = AssetName(project, "data", name), len(name)
    if tx.assets.find(asset) is not None:
        yield asset
    while (end := name.rfind(".", 0, end)) > 0:
        asset, branch = AssetName(project, "data", name[:end]), name[end + 1 :]
        if tx.refs.find(RefName(asset, branch)) is not None or (branch == FIRST and tx.assets.find(asset) is not None):
            yield asset
