"""export: a version, as another tool has it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from loopline.nouns.name import Pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.adoption import Exported


def export(
    where: Place,
    tool: Annotated[Literal["dvc"], "whose way"],  # noqa: ARG001 - there is one as yet, and it is said all the same
    version: Annotated[Pointer, "data/flights, data/flights@units, data/flights@2"],
    path: Annotated[Path | None, "what it is there; without it, what it was when it was adopted, or its name"] = None,
    *,
    repository: Annotated[Path | None, "a folder of the repository; without it, that of the path, or this one"] = None,
) -> Exported:
    """Write a version into a repository of another tool, so that its own commands work on it.

    For DVC that are the objects in its cache and the `.dvc` file, with the hashes that DVC itself would find; `dvc checkout` then
    brings the files, `dvc push` sends them. What is there already is not written again. Cut short, the same command goes on.

    Example:
        loopline export dvc data/flights@main
        loopline export dvc data/flights@2 ../flights/raw
    """
    from loopline.errors import Invalid
    from loopline.sdk.dvcrepo import Repository
    from loopline.sdk.exporting import Exporting

    named = Path(os.path.abspath(path)) if path else None  # noqa: PTH100 - links stay as they were written
    found = Repository.around(repository or (named.parent if named else Path()))
    if named and not named.is_relative_to(found.root):
        raise Invalid(
            f"{path} is not in the repository {found.root}", kind="bad-path", hint="name a path in it", path=str(path)
        )
    exporting = Exporting(where.client, found, report=where.report, dry=where.options.dry)
    done = exporting.run(version, named.relative_to(found.root).as_posix() if named else "")
    if not done.dry:
        where.screen.say(f"dvc checkout {done.path} brings the files")
    return done
