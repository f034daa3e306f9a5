"""cat: the bytes of a file of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.errors import Invalid, NotFound
from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place


def cat(
    where: Place,
    version: Annotated[Pointer, "data/flights@2"],
    path: Annotated[str, "a file in it; nothing where the version is one file"] = "",
) -> bytes | None:
    """Write a file of a version to stdout, as it is.

    With `--json` it comes as base64. Each byte is verified; a damaged blob stops with an error.

    Example:
        loopline cat data/flights@2 january.csv
    """
    from loopline.datasets.nodes import MAGIC
    from loopline.datasets.tree import Tree
    from loopline.verbs.get import get

    client = where.client
    digest = client.do(get, version).artifact.digest
    if path:
        entry = Tree(client.blobs, digest).find(path)
        if entry is None:
            raise NotFound(
                f"{version} has no file {path!r}", kind="path-missing", hint=f"loopline ls {version}", path=path,
                version=str(version),
            )  # fmt: skip
        digest = entry.digest
    elif next(iter(client.blobs.get(digest)), b"").startswith(MAGIC):
        raise Invalid(
            f"{version} is a folder of files", kind="is-a-tree", hint=f"loopline ls {version}, then name one of them",
            version=str(version),
        )  # fmt: skip
    if where.options.json:
        return client.blobs.read(digest)
    where.screen.flush()
    raw = getattr(where.screen.out, "buffer", None)
    for chunk in client.blobs.get(digest):
        if raw is None:
            where.screen.write(chunk.decode(errors="replace"))
        else:
            raw.write(chunk)
    return None
