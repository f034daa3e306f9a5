"""checkout: a version's files in a folder to work in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.version import Version


def checkout(
    where: Place,
    version: Annotated[Pointer, "data/flights, data/flights@units, data/flights@2"],
    folder: Annotated[Path | None, "where to; without it, the folder that loopline.toml declares"] = None,
    *,
    force: Annotated[bool, "overwrite what was changed in the folder and never added"] = False,
) -> Version:
    """Make a folder hold the files of a version.

    What was changed there and never added is not lost: the command stops before it touches anything. Cut short, the same
    command finishes the work. After the checkout of a branch, `loopline add` goes on there.

    Example:
        loopline checkout data/flights@units
    """
    from loopline.sdk.workspace import Workspace

    if where.options.dry:
        from loopline.verbs.get import get

        return where.client.do(get, version)
    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    found, done = working.checkout(version, folder, force=force)
    where.screen.say(
        f"{done.written} {'file' if done.written == 1 else 'files'} written, {done.removed} removed, {done.kept} as they were"
    )
    return found
