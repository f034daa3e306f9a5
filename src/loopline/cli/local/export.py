"""export: a version, or all records of a project, as another tool has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from loopline.errors import Invalid
from loopline.nouns.name import parse_pointer

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.adoption import Exported, Handover


def export(
    where: Place,
    tool: Annotated[Literal["dvc", "mlflow"], "whose way"],
    what: Annotated[str, "for DVC a version: data/flights, data/flights@2; for MLflow the folder to write"],
    path: Annotated[
        Path | None, "what it is there, for DVC; without it, what it was when it was adopted, or its name"
    ] = None,
    *,
    repository: Annotated[Path | None, "a folder of the repository; without it, that of the path, or this one"] = None,
) -> Exported | Handover:
    """Write a version, or a whole project, as another tool keeps it, so that its own commands work on it.

    For DVC that are the objects in its cache and the `.dvc` file, with the hashes that DVC itself would find; `dvc checkout` then
    brings the files, `dvc push` sends them. What is there already is not written again. Cut short, the same command goes on.

    For MLflow it is a new folder with every experiment, run, logged and registered model of the project, under their ids, counted
    on both sides at the end. `mlflow migrate-filestore` makes a database of it.

    Example:
        loopline export dvc data/flights@main
        loopline export dvc data/flights@2 ../flights/raw
        loopline export mlflow ../mlruns
    """
    if tool == "mlflow":
        for name, said in (("PATH", path), ("--repository", repository)):
            if said is not None:
                raise Invalid(
                    f"{name} means nothing to mlflow", kind="not-for-these", hint="leave it out", flag=name, tool=tool
                )
        return _mlflow(where, Path(what))
    from loopline.sdk.dvcrepo import Repository
    from loopline.sdk.exporting import Exporting

    version = parse_pointer(what, project=where.settings.project)
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


def _mlflow(where: Place, target: Path) -> Handover:
    from loopline.faces.mlflow.moving.exporting import Exporting

    loop = where.near("a project is exported")
    root = Path(os.path.abspath(target))  # noqa: PTH100 - links stay as they were written
    done = Exporting(loop, root).run(dry=where.options.dry)
    if done.state != "planned":
        where.screen.say(
            f"mlflow migrate-filestore --source {root} --target sqlite:///mlflow.db makes a database of it"
        )
    return done
