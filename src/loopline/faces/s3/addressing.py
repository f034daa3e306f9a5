"""addressing: which branch a bucket and a key mean, and whether somebody may know that it is there.

Who may not is refused before anything is looked up, in the same words whether or not there is such a bucket or key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError, Refused
from loopline.faces.admit import admit
from loopline.faces.s3.errors import Fault
from loopline.nouns.name import AssetName, Named, Pointer, RefName, Revision, parse_revision
from loopline.verbs import BY_NAME
from loopline.verbs.staging import FIRST, View, look, version_view

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.verbs import Verb

READ, LIST, WRITE, DROP, NAME = (BY_NAME[name] for name in ("get", "ls", "add", "delete", "bucket"))
"""What somebody must be allowed to do: read an object, list, write, delete a bucket, name one."""
BUCKET: Final = re.compile(r"[A-Za-z0-9._-]{1,255}\Z")
LONGEST_KEY: Final = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket."""

    name: str
    asset: AssetName
    revision: Revision | None
    """The branch or version whose paths are its keys; None: keys begin with one."""
    auto_commit: bool
    created_at: int
    row: bool
    """Whether somebody gave it its name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A path of a branch or of a version."""

    asset: AssetName
    revision: Revision
    path: str

    def view(self, loop: Loop) -> View:
        """Give what decides about the path."""
        if isinstance(self.revision, Named):
            return look(loop, RefName(self.asset, self.revision.ref), self.path)
        return version_view(loop, Pointer(self.asset, self.revision))

    @property
    def ref(self) -> RefName:
        """The branch. Raise Fault for a version, which nobody writes to."""
        if not isinstance(self.revision, Named):
            raise Fault("MethodNotAllowed", "Versions do not change: write to a branch.")
        return RefName(self.asset, self.revision.ref)


def find_place(request: Request, bucket: str, *verbs: Verb) -> tuple[Loop, Place]:
    """Give a bucket that the caller may do all of this to. Raise Refused, or Fault NoSuchBucket to whoever may know that."""
    desk: Desk = request.app.state.desk
    refusal: Refused | None = None
    admitted = False
    if not BUCKET.match(bucket):
        raise Fault("InvalidBucketName")
    for place in list(_meanings(desk.loop, bucket)):
        try:
            loops = [admit(request, verb, project=place.asset.project, assets=[str(place.asset)]) for verb in verbs]
        except Refused as error:
            refusal = refusal or error
            continue
        admitted = True
        if _is_there(loops[0], place):
            return loops[0], place
    if refusal and not admitted:
        raise refusal
    raise Fault("NoSuchBucket", BucketName=bucket)


def _meanings(loop: Loop, bucket: str) -> Iterator[Place]:
    """Give what a name may mean: what somebody gave it to, an asset, and for each dot an asset with a branch behind it."""
    with loop.ledger.read() as tx:
        row = tx.buckets.find(bucket)
    if row:
        yield Place(bucket, row.ref.asset, Named(row.ref.ref), row.auto_commit, row.created_at, row=True)
    yield Place(bucket, AssetName(loop.project, "data", bucket), None, False, 0, row=False)  # noqa: FBT003 (one row)
    end = len(bucket)
    while (end := bucket.rfind(".", 0, end)) > 0:
        try:
            revision = parse_revision(bucket[end + 1 :])
        except LooplineError:
            continue
        yield Place(bucket, AssetName(loop.project, "data", bucket[:end]), revision, False, 0, row=False)  # noqa: FBT003 (one row)


def _is_there(loop: Loop, place: Place) -> bool:
    with loop.ledger.read() as tx:
        if tx.assets.find(place.asset) is None:
            return False
        return place.revision is None or _has(tx, place.asset, place.revision)


def _has(tx: Tables, asset: AssetName, revision: Revision) -> bool:
    if isinstance(revision, Named):
        return revision.ref == FIRST or tx.refs.find(RefName(asset, revision.ref)) is not None
    try:
        tx.versions.resolve(Pointer(asset, revision))
    except LooplineError:
        return False
    return True


def target_of(loop: Loop, place: Place, key: str) -> Target:
    """Give what a key means. Raise Fault NoSuchKey for one of no branch and no version."""
    if len(key.encode("utf-8", "surrogateescape")) > LONGEST_KEY:
        raise Fault("KeyTooLongError")
    if "\0" in key:
        raise Fault("InvalidArgument", "Names and keys hold no NUL.")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise Fault("InvalidArgument", "A key is UTF-8.") from None
    if place.revision is not None:
        return Target(place.asset, place.revision, key)
    with loop.ledger.read() as tx:
        names = [ref.name.ref for ref in tx.refs.of(place.asset)]
        mine = [name for name in (*names, FIRST) if key.startswith(f"{name}/")]
        if mine:
            name = max(mine, key=len)
            return Target(place.asset, Named(name), key[len(name) + 1 :])
        first, slash, path = key.partition("/")
        try:
            revision = parse_revision(first) if slash and first else None
        except LooplineError:
            revision = None
        if revision is not None and not isinstance(revision, Named) and _has(tx, place.asset, revision):
            return Target(place.asset, revision, path)
    raise Fault("NoSuchKey", "A key of this bucket begins with a branch or a version: main/…", Key=key)
