"""finding: which working folder, and which part of it, somebody means who writes the name of an asset, or paths.

A name wins over a path that reads the same: `data/flights` is the asset where there is one, `./data/flights` is always the path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets.parts import WHOLE, Parts
from loopline.errors import Invalid, NotFound
from loopline.nouns.name import AssetName, Latest, Pointer, parse_asset
from loopline.sdk.standing import straight
from loopline.verbs.get import get

if TYPE_CHECKING:
    from loopline.sdk.client import Client
    from loopline.sdk.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Meant:
    """A working folder, or parts of one."""

    asset: AssetName
    folder: Path | None
    """None: the asset's own."""
    parts: Parts
    said: str = ""
    """What was chosen where the words could mean two things."""


def meant(work: Workspace, client: Client, word: AssetName | Path, paths: Sequence[Path]) -> Meant:
    """Find out which folder and which of its parts words mean: the name of an asset and paths, or paths alone.

    Raise Invalid kind="which-asset" for a path that lies in no known folder, "several-folders" for paths of two.
    """
    said = ""
    if isinstance(word, AssetName):
        path = Path(word.kind) / word.name
        home = _home(work, path) if os.path.lexists(path) else None
        if home is not None and home != (word, straight(path)):
            if _is_known(client, word):
                said = f"{word} is the asset of that name; for the path write ./{path}"
            else:
                word, paths = home[0], [path, *paths]
        asset = word
    else:
        asset, paths = _owner(work, client, word), [word, *paths]
    if not paths:
        return Meant(asset, None, WHOLE, said)
    homes = [_home(work, path, asset) for path in paths]
    if len(paths) == 1 and homes[0] is None:
        return Meant(asset, paths[0], WHOLE, said)
    for path, home in zip(paths, homes, strict=True):
        if home is None or home != homes[0]:
            raise Invalid(
                f"{path} does not lie in the folder of {asset} that {paths[0]} lies in", kind="several-folders",
                hint="name one folder, or files and folders in one", path=str(path),
            )  # fmt: skip
    folder = homes[0][1] if homes[0] else Path()
    parts = [os.path.relpath(_place(path, folder), folder) for path in paths]
    return Meant(asset, folder, WHOLE if "." in parts else Parts(parts), said)


def _owner(work: Workspace, client: Client, path: Path) -> AssetName:
    """Give the asset of the folder that a path lies in."""
    home = _home(work, path)
    if home is not None:
        return home[0]
    if not os.path.lexists(path):
        parse_asset(str(path), project=client.project)  # a name that was written wrong: say how
    raise Invalid(
        f"{path} lies in no folder that was declared, added or checked out", kind="which-asset",
        hint=f"name the asset: loopline add data/NAME {path}", path=str(path),
    )  # fmt: skip


def _is_known(client: Client, asset: AssetName) -> bool:
    try:
        client.do(get, Pointer(asset, Latest()))
    except NotFound:
        return False
    return True


def _home(work: Workspace, path: Path, asset: AssetName | None = None) -> tuple[AssetName, Path] | None:
    """Give the innermost known folder (of one asset) that a path is or lies in."""
    known = [(name, folder) for name, folder in work.folders() if asset in (None, name)]
    if asset is not None and not known:
        known = [(asset, straight(work.folder_of(asset)))]
    inside = [one for one in known if _place(path, one[1]).is_relative_to(one[1])]
    return max(inside, key=lambda one: len(one[1].parts), default=None)


def _place(path: Path, folder: Path) -> Path:
    """Give the absolute path, below the folder where a link on the way leads there. The last part may be a link of the folder."""
    plain = straight(path)
    if plain.is_relative_to(folder):
        return plain
    real, top = Path(os.path.realpath(path.parent)) / path.name, Path(os.path.realpath(folder))
    return folder / real.relative_to(top) if path.name and real.is_relative_to(top) else plain
