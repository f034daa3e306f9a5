"""adopt: a repository of DVC, as versions of data here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

from loopline.cli.text import clean
from loopline.nouns.adoption import Adopted
from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.cli.place import Place

NO_NAMES: Final[Mapping[str, AssetName]] = MappingProxyType({})


def adopt(
    where: Place,
    repository: Annotated[Path | None, "a folder of the repository; without it, this one"] = None,
    *,
    only: Annotated[
        tuple[str, ...], "the files and folders that a pattern chooses, as in .gitignore; may be given again"
    ] = (),
    names: Annotated[
        Mapping[str, AssetName], "what to call one: raw/jan=data/flights; else it is called as its path"
    ] = NO_NAMES,
    branch: Annotated[str, "the branch that moves"] = "main",
    message: Annotated[str, "-m", "what is new; without it, of a commit its message"] = "",
    history: Annotated[bool, "make a version of each commit that changed something, with its message and time"] = False,
    remote: Annotated[str, "the remote to ask, instead of the one that DVC would"] = "",
    in_place: Annotated[
        bool, "copy nothing: objects stay in DVC's cache or remote, where nothing may take them away from then on"
    ] = False,
) -> tuple[Adopted, ...]:
    """Make one data asset of each file or folder that DVC keeps, and a version of what it is now.

    Bytes come from DVC's cache, its workspace or its remote, and are read once, against their md5. What lacks some is told and
    left out, with exit code 1. Cut short, the same command goes on where it was. The repository stays as it is.

    Example:
        loopline adopt ../flights --dry-run
        loopline adopt ../flights --history
    """
    from loopline.sdk.adopting import Adopting, Terms
    from loopline.sdk.dvcrepo import Repository
    from loopline.wiring import keyed_at

    terms = Terms(only, names, branch, message, history, remote, in_place)
    found = Repository.around(repository or Path())
    adopting = Adopting(
        where.client, found, terms, opening=keyed_at, report=where.report, dry=where.options.dry
    )  # fmt: skip
    done = adopting.run()
    for why in sorted(set(found.broken.values())):
        where.screen.say(f"left out at a commit: {clean(why)}")
    return done
