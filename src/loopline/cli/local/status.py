"""status: what working in a folder has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.sdk.standing import Standing
    from loopline.sdk.workspace import Workspace


def status(
    where: Place,
    asset: Annotated[
        AssetName | Path | None,
        "one asset, or files and folders of one; without, every folder that is declared, added or checked out",
    ] = None,
    paths: Annotated[tuple[Path, ...], "its folder, where it is not the declared one, or files and folders in it"] = (),
) -> tuple[Standing, ...]:
    """Compare working folders with the versions that they were checked out from.

    Nothing is stored. With `--exit-code`: 1 where something differs.

    Example:
        loopline status data/flights
    """
    from loopline.sdk.workspace import Workspace

    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    standings = _standings(where, working, asset, paths)
    for remark in working.said:
        where.screen.say(remark)
    return standings


def _standings(
    where: Place, working: Workspace, asset: AssetName | Path | None, paths: tuple[Path, ...]
) -> tuple[Standing, ...]:
    if asset is None:
        return tuple(working.status(one, folder) for one, folder in working.folders())
    if not paths and isinstance(asset, AssetName):
        known = [folder for name, folder in working.folders() if name == asset]
        if known:
            return tuple(working.status(asset, folder) for folder in known)
    from loopline.sdk.finding import meant

    what = meant(working, where.client, asset, paths)
    if what.said:
        where.screen.say(what.said)
    return (working.status(what.asset, what.folder, parts=what.parts),)
