"""service: one deployment: what it is asked and how it keeps up, how good it turned out to be, how far its traffic has moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.faces.web.ask import try_to
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.overlay import overlay, small
from loopline.faces.web.measured import parts_of, quality_of, slices_of, table_of, traffic_of
from loopline.faces.web.page import address, project_of, taking, zone_of
from loopline.faces.web.served import choices, newest, served, show
from loopline.faces.web.words import moment
from loopline.verbs.traffic import length_for

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.web.served import Served
    from loopline.nouns.drift import Drift
    from loopline.nouns.quality import Quality
    from loopline.nouns.traffic import Bucket

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
RANGES: Final = {"1h": ("Hour", HOUR), "24h": ("Day", DAY), "7d": ("Week", 7 * DAY), "30d": ("Month", 30 * DAY)}
WINDOWS: Final = {"1h": ("an hour", HOUR), "6h": ("6 hours", 6 * HOUR), "1d": ("a day", DAY), "7d": ("a week", 7 * DAY)}
LEAST: Final = 500
"""With fewer there is no verdict on drift, unless a monitor of the service says otherwise."""
SHOWN: Final = 14
"""Windows that quality is shown for, unless somebody says since when."""
AGES: Final = {
    "0s": "whenever they came",
    "1h": "an hour",
    "6h": "6 hours",
    "1d": "a day",
    "3d": "3 days",
    "7d": "a week",
}
ROWS: Final = 120
"""Cells that are listed, of those with a slice and of those without."""
COLUMNS: Final = 60
LARGE: Final = 6
"""Columns of a table of drift; those that are drawn large."""


@taking("last")
async def traffic(request: Request) -> Response:
    """Show what a deployment is asked, how it keeps up, how its units are split, and its alerts."""
    found = await served(request)
    ref, now = found.here.ref, request.app.state.desk.loop.clock.now()
    last = request.query_params.get("last", "24h")
    last = last if last in RANGES else "24h"
    _, length = RANGES[last]
    step = length_for(length)
    since = now - length
    words = {"ref": ref} if last == "24h" else {"ref": ref, "since": _written(since), "window": f"{step // 1_000_000}s"}
    buckets, problem = await try_to(request, "traffic", **words)
    standing, _ = await try_to(request, "monitors", service=ref)
    told: tuple[Bucket, ...] = buckets or ()
    marks = [(move.at, f"@{move.new}") for move in found.moves if move.new]
    parts, service = parts_of(told), found.here.service
    presets = [
        (title, address(project_of(request), "services", ref, last=one if one != "24h" else ""), one == last)
        for one, (title, _) in RANGES.items()
    ]
    return await show(
        request, found, "", asked=Asked("traffic", words), problem=problem, presets=presets, parts=parts,
        arms=[(arm, next((one for one in parts if one.arm == arm.name), None)) for arm in service.arms] if service else (),
        requests=sum(one.requests for one in parts if not one.shadow), length=length, monitors=standing or (),
        drawn=traffic_of(told, (since, now), step, marks=marks, zone=zone_of(request)) if told else (),
        newest=(await newest(request, ref))[0] if not told and not problem else None,
    )  # fmt: skip


@taking("window", "maturity", "since", "until", "slice")
async def quality(request: Request) -> Response:
    """Show how good a deployment turned out to be, by time, arm and slice, and how much of it is known."""
    found = await served(request)
    query, ref = request.query_params, found.here.ref
    window, age, since, until, column = (
        query.get(name, "").strip() or usual
        for name, usual in (("window", "1d"), ("maturity", "0s"), ("since", ""), ("until", ""), ("slice", ""))
    )
    last, problem = await newest(request, ref)
    if last is not None and not since:
        step = WINDOWS.get(window, WINDOWS["1d"])[1]
        since = _written((last // step - SHOWN + 1) * step)
    words: dict[str, Any] = {"ref": ref, "since": since, "until": until, "window": window, "maturity": age}
    words |= {"slices": [column] if column else []}
    words = {name: value for name, value in words.items() if value}
    told: Quality | None = None
    if problem is None and last is not None:
        told, problem = await try_to(request, "quality", **words)
    cells = told.cells if told else ()
    metrics = list(dict.fromkeys(estimate.metric for one in cells for estimate in one.estimates))
    arms = list(dict.fromkeys(one.arm for one in cells))
    cut = sorted((one for one in cells if one.slice), key=lambda one: -one.start)
    service = found.here.service
    offered = list(dict.fromkeys([*(service.labels.slices if service else ()), *_inputs(found)]))
    return await show(
        request, found, "quality", asked=Asked("quality", words), problem=problem, told=told, metrics=metrics,
        drawn=quality_of(cells, metrics[:3]) if cells else (),
        shades=slices_of(cells, arms[0], metrics[0]) if metrics else (),
        rows=table_of([one for one in cells if not one.slice], metrics)[:ROWS],
        cut=table_of(cut[:ROWS], metrics), left_out=max(0, len(cut) - ROWS), since=since, until=until,
        windows=choices({name: words_ for name, (words_, _) in WINDOWS.items()}, window), ages=choices(AGES, age),
        utc=_written, slices=choices({"": "as declared", **{one: one for one in offered}}, column), last=last,
    )  # fmt: skip


@taking("window", "until", "arm")
async def drift(request: Request) -> Response:
    """Show how far the traffic of a deployment is from what its model was trained on, column by column."""
    found = await served(request)
    query, ref = request.query_params, found.here.ref
    window, until, arm = (query.get("window", "") or "1d", query.get("until", "").strip(), query.get("arm", ""))
    least = next(
        (one.rows for one in (found.here.service.monitors if found.here.service else ()) if one.kind == "drift"), LEAST
    )
    words: dict[str, Any] = {
        "service": ref,
        "window": window,
        "until": until,
        "arm": arm,
        "rows": least if least != LEAST else "",
    }
    words = {name: value for name, value in words.items() if value}
    told, problem = await try_to(request, "drift", **words)
    compared: Drift | None = told
    columns = compared.columns if compared else ()
    moved = [one for one in columns if one.verdict == "drift"]
    large = [one for one in (*moved, *(one for one in columns if one not in moved)) if one.window and one.reference][
        :LARGE
    ]
    arms = {one.name: f"{one.name}, {one.version}" for one in (found.here.service.arms if found.here.service else ())}
    return await show(
        request, found, "drift", asked=Asked("drift", words), problem=problem, told=compared, moved=moved, least=least,
        decided=any(one.verdict in ("drift", "stable") for one in columns),
        columns=[(one, small(one.window, one.reference) if one.window and one.reference else "") for one in columns[:COLUMNS]],
        left_out=max(0, len(columns) - COLUMNS),
        large=[(one, overlay(one.window, one.reference, title=f"{one.column} against training")) for one in large
               if one.window and one.reference],
        windows=choices({name: words_ for name, (words_, _) in WINDOWS.items()}, window), until=until,
        arms=choices({"": "the one with most traffic", **arms}, arm),
    )  # fmt: skip


def _written(micros: int) -> str:
    """Write a time as people type it: UTC, to the minute, or the day alone."""
    at = moment(micros)
    return f"{at:%Y-%m-%d}" if at.hour == at.minute == 0 else f"{at:%Y-%m-%dT%H:%M}"


def _inputs(found: Served) -> list[str]:
    service = found.here.service
    return [column.name for arm in (service.arms[:1] if service else ()) for column in arm.signature.inputs][:40]


ROUTES = (
    Route("/p/{project}/services/{what:path}/quality", quality, name="service-quality"),
    Route("/p/{project}/services/{what:path}/drift", drift, name="service-drift"),
    Route("/p/{project}/services/{what:path}", traffic, name="service"),
)
