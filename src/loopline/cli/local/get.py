"""get: a version as a file or a folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Conflict
from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.version import Version


def get(
    where: Place,
    pointer: Annotated[Pointer, "model/delay@champion, data/flights@2, …"],
    target: Annotated[Path | None, "where its bytes go; without it, the version is only looked up"] = None,
    *,
    force: Annotated[bool, "replace a file or folder that is there"] = False,
) -> Version:
    """Find the version that a pointer means now, and write its bytes to a file or folder.

    The target appears whole or not at all. One that is there is replaced with `--force`, which asks, for that has no undo;
    `--yes` says yes, and has to where there is no terminal. A copy of a version is nobody's working folder: for that, check
    it out.

    Example:
        loopline get model/delay@champion ./model
    """
    from loopline.verbs.get import get as find

    version = where.client.do(find, pointer)
    if target is not None and not where.options.dry:
        from loopline.sdk.files import copy_out

        try:
            copy_out(where.client.blobs, version, target)
        except Conflict as error:
            if not force or error.kind != "target-exists":
                raise
            where.confirm(error, [f"would be replaced: {target}"])
            copy_out(where.client.blobs, version, target, force=True)
    return version
