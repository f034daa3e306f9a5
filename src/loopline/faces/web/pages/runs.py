"""runs: a list that can be filtered, ordered, and chosen from to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid
from loopline.faces.desk import act
from loopline.faces.web.ask import try_to
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, door, project_of, render, taking
from loopline.faces.web.tracked import tracked
from loopline.faces.web.words import metrics_in, number
from loopline.ledger.search import place_of
from loopline.nouns.run import Run
from loopline.verbs.find import find

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.loop import Loop

PAGE: Final = 50
_METRICS, _PARAMS, _OFFERED = 3, 3, 60
_CLOCKS = frozenset({"lr", "learning_rate", "epoch", "step", "global_step", "time"})
"""Metrics that tell how far a run is, not how good."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the list: a param or a metric."""

    key: str
    """As a filter names it: `metrics.roc_auc`."""
    title: str
    way: str = ""
    """`asc` or `desc` where the list is ordered by it."""
    href: str = ""
    """The list, ordered by it, or the other way round."""
    numeric: bool = True
    """Whether its cells are numbers."""

    def of(self, run: Run) -> str:
        """Give a run's cell."""
        kind, _, name = self.key.partition(".")
        if kind == "metrics":
            return number(run.metrics[name]) if name in run.metrics else "–"
        value = run.params.get(name, "null")
        if value == "null":
            return "–"
        real = _real(value)
        return value if real is None or "." not in value else number(real)


@taking("where", "order", "open", "steps", "after", "columns")
async def page(request: Request) -> Response:
    """Show runs, newest first or as asked."""
    query = request.query_params
    where, order, opened = query.get("where", "").strip(), query.get("order", "").strip(), bool(query.get("open"))
    steps, after = bool(query.get("steps")), query.get("after", "")
    loop = door(request, "find")
    problem: Invalid | None = None
    found: Sequence[Run] = ()
    try:
        asked = {"order": order, "open": opened, "steps": steps, "after": after, "limit": PAGE + 1}
        found = await act(request, _find, loop, where, asked)
    except Invalid as error:
        problem = error
    listed = found[:PAGE]
    experiments = await act(request, _experiments, loop)
    about, _ = await try_to(request, "about")
    ruled = metrics_in(one for policy in about.policies for one in policy.metrics) if about else set[str]()
    words = {"what": "runs", "where": where, "order": order, "open": opened, "steps": steps, "after": after}
    kept = {"where": where, "open": opened or None, "steps": steps or None, "columns": query.getlist("columns")}

    def here(**changed: object) -> str:
        return address(project_of(request), "runs", **{**kept, "order": order, **changed})

    return await render(
        request, "runs.html", title="Runs", section="runs", asked=Asked("find", words), runs=listed, problem=problem,
        columns=_columns(query.getlist("columns"), listed, ruled, order, here), offered=_offered(listed),
        chosen=query.getlist("columns"), experiments=experiments, where=where, order=order, opened=opened, steps=steps,
        started=Column("started", "Started", *_way("started", order or "started desc", here)), here=here,
        told=tracked, newest=here() if after else "", older=here(after=place_of(listed[-1], order)) if len(found) > PAGE else "",
    )  # fmt: skip


def _find(loop: Loop, where: str, asked: Mapping[str, Any]) -> Sequence[Run]:
    return [run for run in find(loop, "runs", where, **asked) if isinstance(run, Run)]


def _experiments(loop: Loop) -> list[tuple[str, int]]:
    with loop.ledger.read() as tx:
        return tx.runs.experiments(loop.project)


def _columns(  # type: ignore[no-untyped-def]
    chosen: Sequence[str],
    runs: Sequence[Run],
    ruled: Collection[str],
    order: str,
    here,  # noqa: ANN001 (the closure above)
) -> list[Column]:
    """Give the columns that were asked for; else params that differ here, and the metrics that tell most."""
    keys = [key for key in chosen if key.startswith(("params.", "metrics."))] or _usual(runs, ruled)
    return [Column(key, key.partition(".")[2], *_way(key, order, here), numeric=_numeric(key, runs)) for key in keys]


def _numeric(key: str, runs: Sequence[Run]) -> bool:
    """Tell whether a column holds numbers, by its values here."""
    kind, _, name = key.partition(".")
    values = [run.params[name] for run in runs if name in run.params and run.params[name] != "null"]
    return kind == "metrics" or all(_real(value) is not None for value in values)


def _real(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _usual(runs: Sequence[Run], ruled: Collection[str]) -> list[str]:
    """Give params that differ here; metrics that a policy names, then those that most runs have."""
    values: dict[str, set[str]] = {}
    for run in runs:
        for key, value in run.params.items():
            values.setdefault(key, set()).add(value)
    differing = [key for key in values if len(values[key]) > 1][:_PARAMS]
    counted = Counter(key for run in runs for key in run.metrics if "[" not in key)
    metrics = sorted(counted, key=lambda key: (key not in ruled, key in _CLOCKS, "/" in key, -counted[key]))[:_METRICS]
    return [*(f"params.{key}" for key in differing), *(f"metrics.{key}" for key in metrics)]


def _offered(runs: Sequence[Run]) -> list[str]:
    params = dict.fromkeys(f"params.{key}" for run in runs for key in run.params)
    metrics = dict.fromkeys(f"metrics.{key}" for run in runs for key in run.metrics if "[" not in key)
    return [*params, *metrics][:_OFFERED]


def _way(key: str, order: str, here) -> tuple[str, str]:  # type: ignore[no-untyped-def]  # noqa: ANN001 (as above)
    name, _, way = order.partition(" ")
    now = (way.strip() or "desc") if name == key else ""
    return now, here(order=f"{key} {'asc' if now == 'desc' else 'desc'}")


ROUTES = (Route("/p/{project}/runs", page, name="runs"),)
