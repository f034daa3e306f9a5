"""watch: a process that keeps what changes in a working folder, so that `status` need not look at each file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.cli.place import Place


def watch(
    where: Place,
    asset: Annotated[AssetName | Path, "data/flights, or its folder"],
    folder: Annotated[Path | None, "its folder, where it is not the declared one"] = None,
    *,
    stop: Annotated[bool, "end it"] = False,
) -> None:
    """Keep what changes in a folder, so that `loopline status` is told and looks at nothing else.

    A small process stays behind until it is stopped, or the folder or the project is gone. What it cannot tell is looked at as
    without it. `loopline add` always looks at everything.

    Example:
        loopline watch data/flights
        loopline watch data/flights --stop
    """
    from loopline.sdk.finding import meant
    from loopline.sdk.workspace import Workspace

    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    what = meant(working, where.client, asset, [folder] if folder else [])
    if what.said:
        where.screen.say(what.said)
    place = what.folder or working.folder_of(what.asset)
    if where.options.dry:
        return
    if stop:
        working.unwatch(place)
        where.screen.say(f"nobody watches {place} any more")
        return
    count = working.watch(place)
    where.screen.say(f"watching {place}: {count} {'folder' if count == 1 else 'folders'}")
