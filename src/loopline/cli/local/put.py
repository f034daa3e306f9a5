"""put: a file or a folder as the next version of an asset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName
from loopline.verbs.put import NO_METADATA

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.version import Version


def put(
    where: Place,
    asset: Annotated[AssetName, "report/errors"],
    source: Annotated[Path | None, "a file or a folder"] = None,
    *,
    digest: Annotated[Digest | None, "instead of a file: what the store has already"] = None,
    media_type: Annotated[str, "what kind of bytes; without it, as the file's name says"] = "",
    message: Annotated[str, "-m", "what is new about it"] = "",
    metadata: Annotated[Mapping[str, Any], "what it says about itself"] = NO_METADATA,
    parents: Annotated[tuple[int, ...], "versions that it follows"] = (),
    run: Annotated[str | None, "the run that made it"] = None,
) -> Version:
    """Publish an artifact as the next version of an asset. No ref moves.

    Example:
        loopline put report/errors errors.html -m "after the July data"
    """
    from loopline.nouns.artifact import BYTES, Artifact
    from loopline.sdk.values import store
    from loopline.verbs.put import put as publish

    if source is not None and digest is None:
        stored = store(where.client.blobs, source, scratch=where.client.work)
    elif digest is not None and source is None:
        stored = Artifact(digest, BYTES)
    else:
        raise Invalid(
            "put takes a file, a folder or --digest", kind="missing-parameter", hint=f"loopline put {asset} FILE"
        )
    return where.client.do(
        publish, asset, digest=stored.digest, media_type=media_type or stored.media_type, size=stored.size, message=message,
        metadata=metadata, parents=parents, run=run,
    )  # fmt: skip
