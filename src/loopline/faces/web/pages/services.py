"""services: what is deployed, and how that does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from loopline.faces.web.ask import ask, try_to
from loopline.faces.web.asked import Asked
from loopline.faces.web.charts.spark import spark
from loopline.faces.web.measured import parts_of
from loopline.faces.web.page import render, shown
from loopline.faces.web.served import asset_of, rank
from loopline.verbs.traffic import DAY, length_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.nouns.alert import Alert
    from loopline.nouns.deployment import Deployment
    from loopline.nouns.traffic import Bucket

MANY: Final = 100
DRAWN: Final = 24
"""Deployments whose traffic a page draws."""


@dataclass(frozen=True, slots=True)
class Line:
    """A deployment with its last day."""

    one: Deployment
    alerts: tuple[Alert, ...]
    requests: int | None = None
    """None: nobody here knows."""
    errors: int = 0
    drawing: Markup | None = None


@shown
async def page(request: Request) -> Response:
    """List services with their deployments, what each should serve and what it does."""
    found: Sequence[Deployment] = await ask(request, "services", limit=MANY)
    standing, _ = await try_to(request, "alerts", open=True, limit=500)
    lines = []
    for at, one in enumerate(sorted(found, key=rank)):
        alerts = tuple(alert for alert in standing or () if alert.service == one.ref)
        buckets, _ = await try_to(request, "traffic", ref=one.ref) if at < DRAWN else (None, None)
        lines.append(Line(one, alerts) if buckets is None else _line(request, one, alerts, buckets))
    groups = [(asset, list(several)) for asset, several in groupby(lines, key=lambda line: asset_of(line.one))]
    return await render(
        request, "services.html", title="Services", section="services", asked=Asked("services"), groups=groups
    )  # fmt: skip


def _line(request: Request, one: Deployment, alerts: tuple[Alert, ...], buckets: Sequence[Bucket]) -> Line:
    parts = [part for part in parts_of(buckets) if not part.shadow]
    now = request.app.state.desk.loop.clock.now()
    step = length_for(DAY)
    counts: dict[int, int] = {}
    for bucket in buckets:
        if not bucket.shadow:
            counts[bucket.start] = counts.get(bucket.start, 0) + bucket.requests
    values = [counts.get(time, 0) for time in range((now - DAY) // step * step, now, step)]
    drawing = spark(values, title=f"Requests of {one.ref} in the last day") if any(values) else None
    return Line(one, alerts, sum(part.requests for part in parts), sum(part.errors for part in parts), drawing)


ROUTES = (Route("/p/{project}/services", page, name="services"),)
