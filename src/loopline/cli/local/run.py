"""run: a pipeline of the folder that this was called from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import Invalid
from loopline.nouns.plan import Outlook, Ran
from loopline.verbs.start import NOTHING


def run(
    where: Place,
    pipeline: Annotated[str, "name of a function with @pipeline; it may be left out with --resume"] = "",
    *,
    params: Annotated[Mapping[str, str], "what to run it with: holdout=7, data=data/flights@2", "-p"] = NOTHING,
    plan: Annotated[bool, "only tell what would run"] = False,
    explain: Annotated[bool, "only tell what would run, and what differs from the last run of each step"] = False,
    refresh: Annotated[bool, "run every step, also those whose results are known"] = False,
    resume: Annotated[str | None, "go on with a run that was interrupted: its code and parameters again"] = None,
    executor: Annotated[str | None, "where steps run; the project's setting when left out"] = None,
    workers: Annotated[int | None, "steps at a time; 0: one for each processor"] = None,
) -> Ran | Outlook:
    """Run a pipeline; steps whose code, parameters and inputs are known come from the cache.

    The source tree is stored first, and steps run from that snapshot: what is recorded is what ran. A step that reads a
    file must be given it as data, because it does not run in this folder.

    Example:
        loopline run train -p holdout=7
        loopline run train --explain
    """
    from loopline.sdk.capture import capture
    from loopline.verbs.run import run as run_pipeline

    settings = where.settings
    if not settings.modules and not resume:
        raise Invalid(
            "the project does not say where its pipelines are", kind="no-modules",
            hint='add modules = ["NAME"] under [project] in loopline.toml (loopline init writes one)',
        )  # fmt: skip
    if not pipeline and not resume:
        raise Invalid("say which pipeline", kind="missing-parameter", hint=f"loopline run {_first(where)}")
    return where.client.do(
        run_pipeline,
        pipeline,
        params=params,
        modules=settings.modules,
        experiment=settings.experiment,
        plan=plan or where.options.dry,
        explain=explain,
        refresh=refresh,
        resume=resume,
        executor=executor or settings.executor,
        workers=settings.workers if workers is None else workers,
        **capture(where.client.blobs, settings),
    )


def _first(where: Place) -> str:
    """Name a pipeline of the project, for a hint."""
    from loopline.pipelines.loading import load

    try:
        return next(iter(load(where.settings.root, where.settings.modules)), "NAME")
    except Invalid:
        return "NAME"
