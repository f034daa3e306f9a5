"""adopt: what another tool keeps: a repository of DVC as versions of data, a tracking store of MLflow as runs and models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final

from loopline.cli.text import clean
from loopline.errors import Invalid
from loopline.nouns.adoption import Adopted
from loopline.nouns.name import AssetName

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.nouns.adoption import Takeover
    from loopline.sdk.adopting import Terms

NO_NAMES: Final[Mapping[str, AssetName]] = MappingProxyType({})
MLFLOW: Final = "mlflow"
DVC: Final = "dvc"


def adopt(
    where: Place,
    source: Annotated[str | None, "a folder of a repository of DVC, without it this one; or mlflow"] = None,
    store: Annotated[
        str | None, "of MLflow: a server (https://…), a database (sqlite:///…, postgresql://…), or the folder mlruns"
    ] = None,
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
    artifacts: Annotated[
        tuple[str, ...], "of MLflow: a folder or s3://BUCKET/PREFIX in which artifacts may lie; may be given again"
    ] = (),
) -> tuple[Adopted, ...] | Takeover:
    """Take over what another tool keeps: of DVC files and folders as data assets, of MLflow a whole tracking store.

    Of DVC: a data asset of each file or folder, and a version of what it is now. Bytes come from DVC's cache, its workspace or
    its remote, and are read once, against their md5.

    Of MLflow: experiments, runs with params, tags, points and files, logged and registered models with versions, aliases and
    stages, under the ids that they have. At the end both sides are counted and held against each other by digests.

    What lacks something is told and left out, with exit code 1. Cut short, the same command goes on where it was, and run once
    more it adds what has come since. What is adopted from stays as it is.

    Example:
        loopline adopt ../flights --history
        loopline adopt mlflow sqlite:///mlflow.db
    """
    if source == MLFLOW and (store is not None or not Path(MLFLOW).is_dir()):
        given = {
            "only": only,
            "name": names,
            "message": message,
            "history": history,
            "remote": remote,
            "in-place": in_place,
        }
        _not_with(MLFLOW, {key: bool(value) for key, value in given.items()})
        return _mlflow(where, store or os.environ.get("MLFLOW_TRACKING_URI", ""), artifacts)
    if store is not None and source != DVC:
        raise Invalid(
            f"nothing is known of {source} as a tool", kind="extra-word",
            hint="loopline adopt FOLDER, or loopline adopt mlflow URI", word=store,
        )  # fmt: skip
    _not_with(DVC, {"artifacts": bool(artifacts)})
    from loopline.sdk.adopting import Terms

    terms = Terms(only, names, branch, message, history, remote, in_place)
    return _dvc(where, Path((store if source == DVC and store else source) or ""), terms)


def _dvc(where: Place, folder: Path, terms: Terms) -> tuple[Adopted, ...]:
    from loopline.sdk.adopting import Adopting
    from loopline.sdk.dvcrepo import Repository
    from loopline.wiring import keyed_at

    found = Repository.around(folder)
    adopting = Adopting(
        where.client, found, terms, opening=keyed_at, report=where.report, dry=where.options.dry
    )  # fmt: skip
    done = adopting.run()
    for why in sorted(set(found.broken.values())):
        where.screen.say(f"left out at a commit: {clean(why)}")
    return done


def _mlflow(where: Place, uri: str, artifacts: tuple[str, ...]) -> Takeover:
    from loopline.faces.mlflow.moving.opening import open_store
    from loopline.faces.mlflow.moving.takeover import take_over

    if not uri:
        raise Invalid(
            "where is the tracking store?", kind="missing-parameter",
            hint="loopline adopt mlflow URI, or set MLFLOW_TRACKING_URI", missing=["store"],
        )  # fmt: skip
    loop = where.near("a store is adopted")
    store = open_store(uri, artifacts=artifacts, environ=os.environ)
    try:
        return take_over(loop, store)
    finally:
        store.close()


def _not_with(tool: str, given: Mapping[str, bool]) -> None:
    for name, said in given.items():
        if said:
            raise Invalid(
                f"--{name} means nothing to {tool}",
                kind="not-for-these",
                hint="leave it out",
                flag=f"--{name}",
                tool=tool,
            )
