"""status: what working in a folder has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.sdk.standing import Standing


def status(
    where: Place,
    asset: Annotated[
        AssetName | None, "one asset only; without it, every folder that is declared, added or checked out"
    ] = None,
    folder: Annotated[Path | None, "its folder, where it is not the declared one"] = None,
) -> tuple[Standing, ...]:
    """Compare working folders with the versions that they were checked out from.

    Nothing is stored. With `--exit-code`: 1 where something differs.

    Example:
        loopline status data/flights
    """
    from loopline.sdk.workspace import Workspace

    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    if asset is not None:
        known: list[Path | None] = [one for name, one in working.folders() if name == asset and folder is None]
        return tuple(working.status(asset, one) for one in known or [folder])
    return tuple(working.status(one, folder) for one, folder in working.folders())
