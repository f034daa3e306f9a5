"""insights: where a team's time goes, what is behind each number, and what only the team can say."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.faces.desk import act
from loopline.faces.status import status_of
from loopline.faces.web.ask import ask, first_of, why_not
from loopline.faces.web.asked import Asked
from loopline.faces.web.delivered import (
    MEANT,
    SECTIONS,
    TONES,
    amount,
    bar,
    courses,
    find_measure,
    items,
    lost,
    percent,
    sentence,
)
from loopline.faces.web.page import HEADERS, address, door, number_of, pressed, project_of, render, taking
from loopline.faces.web.words import moment, zone_named
from loopline.insights.survey import QUESTIONS
from loopline.verbs.paging import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.requests import Request

    from loopline.faces.web.delivered import Item
    from loopline.loop import Loop
    from loopline.nouns.insight import Insights

WINDOW: Final = ("days", "since", "until", "timezone")
PRESETS: Final = ((7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year"))
DAYS: Final = 90
PAGE: Final = 50
"""Things of a list on one page."""


@taking(*WINDOW, "thanks")
async def page(request: Request) -> Response:
    """Show where time goes: the bottleneck first, then delivery by lane, its course, the rest, and what the team says."""
    return await _page(request)


@taking(*WINDOW)
async def answer(request: Request) -> Response:
    """Keep what a form says: how a practice stands, or how something was; what goes wrong is told here, with what was typed."""
    return await pressed(request, _do, _page)


@taking(*WINDOW, "section", "of", "measure", "part", "start")
async def behind(request: Request) -> Response:
    """List what one number was computed from, newest first: that, and nothing else."""
    words, start = _words(request), max(0, number_of(request, "start", 0))
    where = {name: request.query_params.get(name, "") for name in ("section", "of", "measure", "part")}
    if where["section"] not in SECTIONS:
        raise Invalid(
            f"{where['section'][:100]!r} has no numbers", kind="bad-value", hint=f"sections are {', '.join(SECTIONS)}",
            value=where["section"][:100],
        )  # fmt: skip
    found: Insights = await ask(request, "insights", **words, limit=MOST)
    one = find_measure(found, **where)
    if one is None:
        name = " ".join(filter(None, where.values()))[:200]
        raise NotFound(
            f"there is no number {name!r} in this window", kind="no-such-thing", hint="begin at Insights", name=name
        )
    ids = one.ids[start : start + PAGE]
    project, typed = project_of(request), _typed(request)
    here = partial(address, project, "insights", "list", **typed, **where)
    whose = f"{where['of']}, " if where["of"] and where["of"] != "all" else ""
    title = f"{whose}{one.name}" if not where["part"] else f"{whose}{where['measure']}: {one.name}"
    return await render(
        request, "insights-list.html", title=title[:1].upper() + title[1:], section="insights",
        asked=Asked("insights", {**words, "limit": MOST}), crumbs=[("Insights", address(project, "insights", **typed))], one=one,
        amount=amount, found=found, most=MOST, items=await act(request, _looked_up, door(request, "find", assets=("*",)), ids),
        start=start, older=here(start=start + PAGE) if start + PAGE < len(one.ids) else "", newest=here() if start else "",
    )  # fmt: skip


@taking(*WINDOW)
async def table(request: Request) -> Response:
    """Give every number and its course as CSV, as `loopline insights --csv` writes it."""
    from loopline.insights.sheet import as_csv

    found: Insights = await ask(request, "insights", **_words(request))
    name = f"insights-{found.project}.csv"
    headers = {
        **HEADERS,
        "Content-Disposition": f"attachment; filename=\"insights.csv\"; filename*=UTF-8''{quote(name)}",
    }
    body = await act(
        request, as_csv, found
    )  # of many refs over many years it takes a while, and others wait for the loop
    return Response(body, headers=headers, media_type="text/csv; charset=utf-8; header=present")


def _looked_up(loop: Loop, ids: Sequence[str]) -> list[Item]:
    with loop.ledger.read() as tx:
        return items(tx, loop.project, ids)


def _typed(request: Request) -> dict[str, str]:
    """Give what the address says of the window, blanks left out."""
    return {name: text for name in WINDOW if (text := request.query_params.get(name, "").strip())}


def _words(request: Request) -> dict[str, Any]:
    """Give the words of the verb: days and weeks are those of the server's zone where none is named."""
    settings = getattr(request.app.state, "settings", None)
    return {"timezone": (settings.timezone if settings else "") or "UTC", **_typed(request)}


async def _do(request: Request, form: Mapping[str, list[str]]) -> str:
    part = await _keep(request, {name: first_of(form, name) for name in form})
    return f"{address(project_of(request), 'insights', **_typed(request), thanks=part)}#{part}"


async def _keep(request: Request, said: Mapping[str, str]) -> str:
    """Keep it, and give the part of the page that tells of it."""
    match said.get("do"):
        case "assess":
            await ask(
                request,
                "assess",
                practice=said.get("practice", ""),
                answer=said.get("answer", ""),
                note=said.get("note", ""),
            )
            return "practices"
        case "respond":
            given = [(one.name, said[one.name]) for one in QUESTIONS if said.get(one.name)]
            if not given:
                raise Invalid("no question is answered", kind="bad-value", hint="choose an answer to one of them")
            for question, value in given:
                await ask(request, "respond", question=question, value=value)
            return "survey"
    raise Invalid("insights know no such button", kind="bad-value", hint="use the buttons of the page")


async def _page(
    request: Request, *, problem: LooplineError | None = None, typed: Mapping[str, list[str]] | None = None
) -> Response:
    words, project, window = _words(request), project_of(request), _typed(request)
    found: Insights = await ask(request, "insights", **words)
    here = partial(address, project, "insights")
    asked = Asked("insights", {**words, "days": int(window.get("days", DAYS))})
    return await render(
        request, "insights.html", title="Insights", section="insights", asked=asked, found=found, window=window, words=words,
        presets=_presets(window, here), csv=address(project, "insights", "table.csv", **window), form=here(**window),
        listed=lambda section, of, measure, part="": here("list", **window, section=section, of=of, measure=measure, part=part),
        thanks=request.query_params.get("thanks", ""), questions=QUESTIONS, problem=problem, typed=typed or {}, first_of=first_of,
        why_not={verb: why_not(request, verb) for verb in ("assess", "respond")},
        status=status_of(problem) if problem else 200, **_drawn(found),
    )  # fmt: skip


def _drawn(found: Insights) -> dict[str, Any]:
    """Give what is said and drawn of the numbers, and how they are written."""
    zone = zone_named(found.zone)
    return {
        "lost": lost(found.streams[0]),
        "bars": [(one, bar(one, height=46 if one.lane == "all" else 26)) for one in found.streams if one.stages],
        "courses": courses(found, zone),
        "day": lambda at: f"{moment(at).astimezone(zone):%Y-%m-%d}",
        "meant": MEANT, "tones": TONES, "amount": amount, "percent": percent, "sentence": sentence,
    }  # fmt: skip


def _presets(window: Mapping[str, str], here: Callable[..., str]) -> list[tuple[str, str, bool]]:
    """Give (title, address, whether this one) of windows that are asked for with one click, in the zone of this one."""
    days = "" if {"since", "until"} & set(window) else window.get("days", str(DAYS))
    kept = {name: window[name] for name in ("timezone",) if name in window}
    return [(title, here(**kept, days=count), str(count) == days) for count, title in PRESETS]


ROUTES = (
    Route("/p/{project}/insights", page, methods=["GET"], name="insights"),
    Route("/p/{project}/insights", answer, methods=["POST"], name="insights-answer"),
    Route("/p/{project}/insights/list", behind, methods=["GET"], name="insights-list"),
    Route("/p/{project}/insights/table.csv", table, methods=["GET"], name="insights-table"),
)
