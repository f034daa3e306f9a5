"""run: one execution: how it went, what it measured, what its steps did, what it printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import NotFound
from loopline.faces.desk import act
from loopline.faces.saving import sent, type_of
from loopline.faces.web.asked import Asked
from loopline.faces.web.drawn import curves_of, slices_of
from loopline.faces.web.page import address, door, number_of, project_of, render, shown, taking, zone_of
from loopline.faces.web.steps import Steps, graph_of, ordered, timeline_of
from loopline.faces.web.tracked import tracked
from loopline.nouns.ids import brief
from loopline.nouns.run import Run
from loopline.verbs.expecting import kept
from loopline.verbs.filing import FILES, Child, children, file_of, of_run, view
from loopline.verbs.series import series
from loopline.verbs.tail import PIECE, tail

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.digest import Digest
    from loopline.nouns.logged import LoggedModel
    from loopline.nouns.owner import Owner

CURVES: Final = 24
POINTS: Final = 3800
"""Points on the page of all metrics, over all curves: what keeps it below 150 KB."""
MOST: Final = 400
"""Points of one curve there: as many as its picture has room for."""
VALUES: Final = 160
"""Last values that are listed."""
LISTED: Final = 200
"""Files and folders of a page."""
PICTURE: Final = 2 << 20
"""Bytes of a picture that is shown, and not only named."""
FEW: Final = 4
"""Curves on the first page of a run."""


@dataclass(frozen=True, slots=True)
class Around:
    """A run with what it hangs together with."""

    run: Run
    steps: Steps
    parent: Run | None
    siblings: tuple[Run, ...]
    """Steps of the same pipeline, where this is one."""
    origin: Run | None
    packages: int
    traces: int = 0
    """How many requests of programs belong to it."""
    files: bool = False
    """Whether it, or a model that it has logged, has files of its own."""
    models: Mapping[Digest, LoggedModel] = field(default_factory=dict)
    """Models that it has logged, as its outputs name them."""
    nested: bool = False
    """Whether what it holds are runs of their own, and not steps."""

    @property
    def inside(self) -> str:
        """What it holds is called."""
        return "Nested runs" if self.nested else "Steps"


@shown
async def summary(request: Request) -> Response:
    """Show a run on one page."""
    around = await _around(request)
    points = await act(
        request, series, door(request, "series"), (around.run.id,), keys=tuple(_main(around.run)[: 2 * FEW]), points=300
    )  # fmt: skip
    drawn = curves_of(points, around.run, zone=zone_of(request))
    expected = await act(request, kept, door(request, "show"), around.run)
    return await _render(
        request, around, "run.html", Asked("show", {"what": brief(around.run.id)}), tab="",
        curves=drawn[:FEW], more_curves=len(drawn) > FEW, timeline=timeline_of(around.steps, _now(request), _href(request)),
        again=_again(around.run), whole=_main(around.run), expected=expected, files=FILES,
    )  # fmt: skip


@taking("across", "log")
async def metrics(request: Request) -> Response:
    """Show every metric of a run."""
    around = await _around(request)
    across = request.query_params.get("across", "step")
    log = bool(request.query_params.get("log"))
    every = _main(around.run)
    keys = tuple(every[:CURVES])
    most = min(MOST, POINTS // max(1, len(keys)))
    points = await act(request, series, door(request, "series"), (around.run.id,), keys=keys, points=most)
    return await _render(
        request,
        around,
        "run-metrics.html",
        Asked("series", {"runs": (brief(around.run.id),)}),
        tab="metrics",
        curves=curves_of(
            points,
            around.run,
            across=across if across in ("time", "elapsed") else "step",
            log=log,
            zone=zone_of(request),
        ),
        left_out=max(0, len(every) - CURVES),
        slices=slices_of(around.run.metrics),
        values=list(around.run.metrics.items())[:VALUES],
        across=across,
        log=log,
    )


@shown
async def steps(request: Request) -> Response:
    """Show what the steps of a pipeline did, when, and what they waited for."""
    around = await _around(request)
    href = _href(request)
    where = f"parent = {around.run.id}"
    return await _render(
        request, around, "run-steps.html", Asked("find", {"what": "runs", "where": where}), tab="steps",
        timeline=timeline_of(around.steps, _now(request), href), graph=graph_of(around.steps, href),
    )  # fmt: skip


@taking("step", "offset")
async def log(request: Request) -> Response:
    """Show what a run, or one of its steps, printed."""
    around = await _around(request)
    step = request.query_params.get("step", "")
    offset = number_of(request, "offset", -PIECE)
    found = await act(request, tail, door(request, "tail"), around.run.id, step=step, offset=offset)
    words: dict[str, Any] = {"run": brief(around.run.id), "step": step, "offset": offset}
    return await _render(
        request,
        around,
        "run-log.html",
        Asked("tail", words),
        tab="log",
        found=found,
        step=step or (found.name if around.steps.runs else ""),
        follow=Asked("tail", {**words, "run": around.run.id}).json(project_of(request)),
    )


@taking("folder", "model", "file", "after")
async def files(request: Request) -> Response:
    """Show the files of a run, or of a model that it has logged: one level, or one file as something to be saved."""
    around = await _around(request)
    query = request.query_params
    owner, models = await act(request, _owner, door(request, "show"), around.run, query.get("model", ""))
    loop = door(request, "show")
    if query.get("file"):
        found = await act(request, file_of, loop, owner, query["file"])
        return await sent(request, loop, found.entry)
    folder = query.get("folder", "")
    listed = await act(request, _listed, loop, owner, folder, query.get("after", ""))
    return await _render(
        request, around, "run-files.html", Asked("show", {"what": brief(around.run.id)}), tab="files", folder=folder,
        lines=listed[:LISTED], more=listed[LISTED - 1].path if len(listed) > LISTED else "", models=models,
        model=query.get("model", ""), pictured=pictured,
    )  # fmt: skip


def _owner(loop: Loop, run: Run, model: str) -> tuple[Owner, list[LoggedModel]]:
    """Give whose files are asked for, and the models that the run has logged. Raise NotFound for a model of another run."""
    with loop.ledger.read() as tx:
        models = list(tx.logged.of_run(run.id))
        found = tx.logged.get(run.project, model) if model else None
    if found is None:
        return of_run(run), models
    if found.run != run.id:
        raise NotFound(
            f"there is no logged model {model}", kind="no-model", hint="loopline find runs", model=model[:100]
        )
    return found.owner, models


def _listed(loop: Loop, owner: Owner, folder: str, after: str) -> list[Child]:
    lines = children(view(loop, owner), folder)
    return list(
        islice(dropwhile(lambda one: bool(after) and one.path != after, lines), bool(after), LISTED + 1 + bool(after))
    )


def pictured(child: Child) -> bool:
    """Tell whether a file is a picture that is shown in its line."""
    return child.size is not None and child.size <= PICTURE and type_of(child.path).startswith("image/")


async def _render(
    request: Request, around: Around, template: str, asked: Asked, *, tab: str, **values: Any
) -> Response:
    run, project = around.run, project_of(request)
    crumbs = [("Runs", address(project, "runs"))]
    if around.parent:
        crumbs.append((
            f"{around.parent.name[:40]} {brief(around.parent.id)}",
            address(project, "runs", around.parent.id),
        ))
    tabs = [
        (title, address(project, "runs", run.id, name), name == tab, count)
        for title, name, count in (
            ("Summary", "", 0),
            ("Metrics", "metrics", len(run.metrics)),
            (around.inside, "steps", len(around.steps.runs)),
            ("Files", "files", 0),
            ("Log", "log", 0),
        )
        if count or name in ("", tab) or (name == "log" and _prints(around)) or (name == "files" and around.files)
    ]
    return await render(
        request,
        template,
        title=f"{run.name[:80]} {brief(run.id)}",
        section="runs",
        asked=asked,
        crumbs=crumbs,
        run=run,
        around=around,
        told=tracked(run),
        tabs=tabs,
        **values,
    )


async def _around(request: Request) -> Around:
    loop = door(request, "show")
    return await act(request, _look, loop, request.path_params["run"])


def _look(loop: Loop, name: str) -> Around:
    with loop.ledger.read() as tx:
        run = tx.runs.resolve(loop.project, name)
        children = tx.runs.children(run.id)
        parent = tx.runs.around(run)
        siblings = tx.runs.children(parent.id) if parent else []
        origins = {one.id: found for one in children if one.origin and (found := tx.runs.find(one.origin))}
        origin = tx.runs.find(run.origin) if run.origin else None
        packages = len(tx.lineage.packed(run.environment)) if run.environment else 0
        traces = tx.traces.of_run(loop.project, run.id)
        models = tx.logged.of_run(run.id)
        owners = [of_run(run), *(one.owner for one in models)]
        filed = any(tx.staging.working(one.key).last for one in owners)
    nested = bool(children) and all(one.kind != "step" for one in children)
    steps = Steps(tuple(ordered(children)), origins)
    made = {one.digest: one for one in models if one.digest}
    return Around(run, steps, parent, tuple(ordered(siblings)), origin, packages, traces, filed, made, nested)


def _main(run: Run) -> list[str]:
    """Give the metrics without those of slices."""
    return sorted((key for key in run.metrics if "[" not in key), key=lambda key: ("/" not in key, key))


def _prints(around: Around) -> bool:
    steps = bool(around.steps.runs) and not around.nested
    return "log" in around.run.tags or steps or around.run.kind == "step"


def _again(run: Run) -> list[tuple[str, str]]:
    """Say how to get this run again: (what for, command)."""
    name = brief(run.id)
    ways = []
    if run.kind in ("pipeline", "check", "reproduce") and run.code:
        ways.append(("the same code, params, inputs and packages", f"loopline reproduce {name}"))
        if run.state.over and not run.state.good:
            ways.insert(0, ("go on from where it stopped", f"loopline run --resume {name}"))
        elif run.kind == "pipeline":
            params = " ".join(
                f"--param {key}={value}" for key, value in list(run.params.items())[:8] if " " not in value
            )
            ways.append(("these params with today's code", f"loopline run {run.name} {params}".strip()))
    if run.commit:
        ways.append(("the code alone", f"git checkout {run.commit.removesuffix('+dirty')}"))
    return ways


def _href(request: Request):  # type: ignore[no-untyped-def]  # noqa: ANN202 (a closure over the project)
    project = project_of(request)
    return lambda run: address(project, "runs", run)


def _now(request: Request) -> int:
    return int(request.app.state.desk.loop.clock.now())


ROUTES = (
    Route("/p/{project}/runs/{run}", summary, name="run"),
    Route("/p/{project}/runs/{run}/metrics", metrics, name="run-metrics"),
    Route("/p/{project}/runs/{run}/steps", steps, name="run-steps"),
    Route("/p/{project}/runs/{run}/files", files, name="run-files"),
    Route("/p/{project}/runs/{run}/log", log, name="run-log"),
)
