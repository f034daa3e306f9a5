"""add: a folder's files as the next version of a data asset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from loopline.nouns.name import AssetName
from loopline.verbs.instants import instant

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.change import Published


def add(
    where: Place,
    asset: Annotated[AssetName | Path, "data/flights; or files and folders of one, which is found by them"],
    paths: Annotated[
        tuple[Path, ...],
        "its folder, or files and folders in it, to add only these; without, the folder that loopline.toml declares",
    ] = (),
    *,
    message: Annotated[str, "-m", "what is new"] = "",
    branch: Annotated[str, "the branch that moves; without it, the one that was checked out"] = "",
    event_time: Annotated[
        int | None, "the time that the data are about: 2026-07-31, 2026-07-31T09:30 (UTC), or microseconds", instant
    ] = None,
    reread: Annotated[bool, "read every file, whatever its times say: mends what the store has lost"] = False,
    mixed: Annotated[
        bool, "add the folder as it is, where a checkout was cut short and left files of two versions"
    ] = False,
) -> Published:
    """Publish files as the next version and move a branch to it.

    Only what changed is read; of files or folders in the asset's folder, nothing else is looked at, and the version keeps others
    as it has them. Where the branch has gone on since the folder was checked out, nothing happens and exit code 5 says so. Files
    that a `.looplineignore` names are left out.

    Example:
        loopline add data/flights -m "July"
        loopline add data/flights/2026/07.csv -m "July alone"
    """
    from loopline.sdk.finding import meant
    from loopline.sdk.workspace import Workspace

    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    what = meant(working, where.client, asset, paths)
    if what.said:
        where.screen.say(what.said)
    try:
        published = working.add(
            what.asset, what.folder, parts=what.parts, branch=branch, message=message, event_time=event_time, anew=reread,
            mixed=mixed,
        )  # fmt: skip
    finally:
        for remark in working.said:
            where.screen.say(remark)
    if published.change is None:
        where.screen.say(f"nothing has changed since {published.version}")
    return published
