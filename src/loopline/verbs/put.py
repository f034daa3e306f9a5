"""put: publish bytes that are in the store as a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.artifact import BYTES, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName
from loopline.nouns.version import Version
from loopline.store.leased import hold_on
from loopline.verbs.moving import at_home

NO_METADATA: Mapping[str, Any] = {}


def put(
    loop: Loop,
    asset: Annotated[AssetName, "where it is published"],
    *,
    digest: Annotated[Digest, "what is published; its bytes must be in the store"],
    media_type: Annotated[str, "what kind of bytes"] = BYTES,
    size: Annotated[int, "bytes of the blob, to be held against what is there; 0: not known"] = 0,
    message: Annotated[str, "what is new about it"] = "",
    metadata: Annotated[Mapping[str, Any], "what it says about itself"] = NO_METADATA,
    parents: Annotated[tuple[int, ...], "versions that it follows"] = (),
    run: Annotated[str | None, "the run that made it"] = None,
) -> Version:
    """Publish an artifact as the next version of an asset. No ref moves.

    Example:
        loopline put report/errors errors.html --message "after the July data"
    """
    at_home(loop, asset)
    hold_on(loop.blobs)
    here = loop.blobs.size(digest)
    if here is None:
        raise NotFound(f"{digest} is not in the store", kind="blob-missing", hint="upload it first", digest=digest)
    if size and size != here:
        raise Invalid(
            f"{digest} has {here} bytes, not {size}", kind="wrong-size", hint="leave the size out", digest=digest, size=size,
            found=here,
        )  # fmt: skip
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        run = tx.runs.resolve(loop.project, run).id if run else None
        version = tx.versions.publish(
            asset, Artifact(digest, media_type, here), author=str(loop.actor), message=message, parents=parents,
            metadata=metadata, run=run,
        )  # fmt: skip
        tx.say("version.published", str(version), digest=digest, run=run, message=message)
    return version
