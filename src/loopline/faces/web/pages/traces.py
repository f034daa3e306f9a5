"""traces: what programs told of their requests; and one of them, its spans drawn by when they ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid
from loopline.faces.desk import act
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.graph import Stretch, timeline
from loopline.faces.web.page import address, door, project_of, render, shown, taking
from loopline.faces.web.words import span as lasting
from loopline.verbs.tracefinding import traces_found, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.run import Run
    from loopline.nouns.trace import Span, Trace, WholeTrace

PAGE: Final = 50
DRAWN: Final = 50
"""Spans in the picture: what keeps the page below 150 KB."""
LISTED: Final = 100
"""Spans below it."""
ROOM: Final = 36_000
"""Characters of all that these were given and gave; those that come later are named alone."""
_EACH: Final = 140
"""Of markup around each attribute."""
_LONG: Final = 600
_INSIDE: Final = "\u203a "
"""Stands before the name of a span once for each span that it is inside of."""


@dataclass(frozen=True, slots=True)
class Part:
    """One span, as it is shown."""

    depth: int
    span: Span
    took: str
    began: str
    attributes: tuple[tuple[str, str], ...] = ()
    happenings: tuple[tuple[str, str], ...] = ()


@taking("where", "open", "after")
async def page(request: Request) -> Response:
    """List traces, the newest first."""
    query = request.query_params
    where, opened, after = query.get("where", "").strip(), bool(query.get("open")), query.get("after", "")
    loop = door(request, "find")
    found: Sequence[Trace] = ()
    problem: Invalid | None = None
    try:
        found = await act(request, traces_found, loop, where, open_only=opened, after=after, limit=PAGE + 1)
    except Invalid as error:
        problem = error
    groups, runs = await act(request, _around, loop, found)

    def here(**changed: object) -> str:
        return address(project_of(request), "traces", **{"where": where, "open": opened or None, **changed})

    return await render(
        request, "traces.html", title="Traces", section="runs", traces=found[:PAGE], problem=problem, where=where, opened=opened,
        asked=Asked("find", {"what": "traces", "where": where, "open": opened, "after": after}), groups=groups, runs=runs,
        here=here, newest=here() if after else "", older=here(after=found[PAGE - 1].id) if len(found) > PAGE else "",
        crumbs=[("Runs", address(project_of(request), "runs"))],
    )  # fmt: skip


def _around(loop: Loop, traces: Sequence[Trace]) -> tuple[dict[int, str], dict[str, Run]]:
    """Give the names of the experiments of traces, and the runs that they belong to."""
    with loop.ledger.read() as tx:
        groups = {number: tx.experiments.by_id(loop.project, number) for number in {one.experiment for one in traces}}
        found = [tx.runs.find(name) for name in {run for one in traces for run in one.runs}]
        runs = {one.id: one for one in found if one is not None and one.project == loop.project}
    return {number: group.name if group else "" for number, group in groups.items()}, runs


@shown
async def single(request: Request) -> Response:
    """Show one trace: how it went, when each of its parts ran, and what was said about it."""
    name, project = request.path_params["trace"], project_of(request)
    loop = door(request, "show")
    found: WholeTrace = await act(request, _look, loop, name)
    one, tree = found.trace, found.tree
    groups, runs = await act(request, _around, loop, [one])
    parts = _parts(tree[:LISTED])
    now = int(request.app.state.desk.loop.clock.now())
    return await render(
        request, "trace.html", title=f"Trace {one.name or one.id}"[:90], section="runs", asked=Asked("show", {"what": one.id}),
        crumbs=[("Runs", address(project, "runs")), ("Traces", address(project, "traces"))], one=one, words=found.words[:LISTED],
        picture=_picture(tree[:DRAWN], now), parts=parts, more=len(tree) - len(parts), undrawn=max(0, len(tree) - DRAWN),
        group=groups.get(one.experiment, ""), runs=[runs[run] for run in one.runs if run in runs][:20], text=_text,
    )  # fmt: skip


def _look(loop: Loop, name: str) -> WholeTrace:
    with loop.ledger.read() as tx:
        return whole(tx, tx.traces.get(loop.project, name))


def _picture(tree: Sequence[tuple[int, Span]], now: int) -> Markup | None:
    """Draw when each span ran, those inside of others moved to the right; None where there are none."""
    rows = [
        Stretch(
            _INSIDE * min(depth, 4) + span.name, span.began_ns // 1000,
            span.ended_ns // 1000 if span.ended_ns is not None else None, str(span.state), _took(span), f"#span-{span.id}",
        )
        for depth, span in tree
    ]  # fmt: skip
    return timeline(rows, title="When each span ran", now=now) if rows else None


def _parts(tree: Sequence[tuple[int, Span]]) -> list[Part]:
    """Give spans with what they were given and gave, as long as there is room on the page."""
    found, room = [], ROOM
    first = min((span.began_ns for _, span in tree), default=0)  # a trace tells its beginning in whole milliseconds
    for depth, span in tree:
        attributes, happenings = list[tuple[str, str]](), list[tuple[str, str]]()
        for key, value in span.attributes.items():
            text = _text(value)
            room -= len(key[:80]) + len(text) + _EACH
            if room > 0:
                attributes.append((key, text))
        for said in span.happenings:
            text = _told(said.attributes)
            room -= len(said.name[:80]) + len(text) + _EACH
            if room > 0:
                happenings.append((said.name, text))
        after = lasting((span.began_ns - first) // 1000)
        found.append(Part(depth, span, _took(span), after, tuple(attributes), tuple(happenings)))
    return found


def _took(span: Span) -> str:
    return lasting((span.ended_ns - span.began_ns) // 1000) if span.ended_ns is not None else "goes on"


def _told(attributes: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {_text(value)}" for key, value in attributes.items())[:_LONG]


def _text(value: Any) -> str:
    """Write a value of JSON: text as it is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


ROUTES = (
    Route("/p/{project}/traces", page, name="traces"),
    Route("/p/{project}/traces/{trace}", single, name="trace"),
)
