"""checkout: a version's files in a folder to work in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.cli.text import clean, size
from loopline.errors import Conflict
from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.version import Version


def checkout(
    where: Place,
    version: Annotated[Pointer, "data/flights, data/flights@units, data/flights@2"],
    folder: Annotated[Path | None, "where to; without it, the folder that loopline.toml declares"] = None,
    *,
    only: Annotated[
        tuple[str, ...], "the files that a pattern chooses, as in .gitignore: jan/, *.csv, /a.csv; may be given again"
    ] = (),
    force: Annotated[bool, "overwrite what was changed in the folder and never added"] = False,
    link: Annotated[bool, "link large files to the store's instead of copying them: they are read-only then"] = False,
) -> Version:
    """Make a folder hold the files of a version.

    What was changed there and never added is not lost: the command stops before it touches anything. With `--force` it shows
    what would be lost and asks, for that has no undo; `--yes` says yes, and has to where there is no terminal. Cut short, the
    same command finishes the work. After the checkout of a branch, `loopline add` goes on there. A folder that holds a part of a
    version is added as such: the other files of the version stay as they are.

    With `--link` a file that has a file of its own in the store becomes a hard link to that one, where both lie on one file
    system that cannot share their bytes otherwise. It takes no room and is read-only: replace it, do not write into it. Who does
    all the same damages the store's file, which `status`, `add` and `checkout` find out and tell.

    Example:
        loopline checkout data/flights@units
    """
    from loopline.sdk.workspace import Workspace

    if where.options.dry:
        from loopline.verbs.get import get

        return where.client.do(get, version)
    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    try:
        found, done = working.checkout(version, folder, only=only, link=link)
    except Conflict as error:
        if not force or error.kind != "local-changes":
            raise
        paths = [f"would be lost: {clean(path)}" for path in error.facts["paths"]]
        more = error.facts["count"] - len(paths)
        where.confirm(error, [*paths, f"and {more} more"] if more else paths)
        found, done = working.checkout(version, folder, only=only, force=True, link=link)
    finally:
        for remark in working.said:
            where.screen.say(remark)
    where.screen.say(
        f"{done.written} {'file' if done.written == 1 else 'files'} written, {done.removed} removed, {done.kept} as they were"
    )
    if link:
        where.screen.say(f"{done.linked} of them linked to the store's, {size(done.saved)} saved")
    return found
