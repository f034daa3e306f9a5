"""put: publish bytes that are in the store as a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from loopline.errors import NotFound
from loopline.loop import Loop
from loopline.nouns.artifact import BYTES, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName
from loopline.nouns.version import Version

NO_METADATA: Mapping[str, Any] = {}


def put(
    loop: Loop,
    asset: Annotated[AssetName, "where it is published"],
    *,
    digest: Annotated[Digest, "what is published; its bytes must be in the store"],
    media_type: Annotated[str, "what kind of bytes"] = BYTES,
    size: Annotated[int, "bytes of the blob"] = 0,
    message: Annotated[str, "what is new about it"] = "",
    metadata: Annotated[Mapping[str, Any], "what it says about itself"] = NO_METADATA,
    parents: Annotated[tuple[int, ...], "versions that it follows"] = (),
    run: Annotated[str | None, "the run that made it"] = None,
) -> Version:
    """Publish an artifact as the next version of an asset. No ref moves.

    Example:
        loopline put report/errors errors.html --message "after the July data"
    """
    here = loop.blobs.size(digest)
    if here is None:
        raise NotFound(f"{digest} is not in the store", kind="blob-missing", hint="upload it first", digest=digest)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        run = tx.runs.resolve(loop.project, run).id if run else None
        version = tx.versions.publish(
            asset, Artifact(digest, media_type, size or here), author=str(loop.actor), message=message, parents=parents,
            metadata=metadata, run=run,
        )  # fmt: skip
        tx.say("version.published", str(version), digest=digest, run=run, message=message)
    return version
