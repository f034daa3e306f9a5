"""routes: POST /api/v1/lineage takes one event, POST /api/v1/lineage/batch a list of them, all or none."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from loopline.errors import Invalid
from loopline.faces.admit import admit, caller_of
from loopline.faces.desk import act
from loopline.faces.native import wire as native
from loopline.faces.native.answers import Endpoint
from loopline.faces.openlineage import translate, wire
from loopline.faces.problem import encoded
from loopline.loop import Loop
from loopline.verbs import BY_NAME
from loopline.verbs.observing import observe

if TYPE_CHECKING:
    from starlette.requests import Request

PATH: Final = "/api/v1/lineage"
LARGEST: Final = 16 << 20
"""Bytes of a body, unpacked."""
NEEDED: Final = ("start", "log", "finish")
"""What a caller must be allowed to do, because an event may do any of it."""


def routes() -> list[BaseRoute]:
    """Give the routes."""
    return [Route(PATH, Endpoint(POST=_one)), Route(f"{PATH}/batch", Endpoint(POST=_batch))]


async def _one(request: Request) -> Response:
    found = await _body(request)
    return await _take(request, [wire.event_of(found)])


async def _batch(request: Request) -> Response:
    found = await _body(request)
    if not isinstance(found, list) or len(found) > wire.MOST:
        raise wire.wrong("", f"a batch is a list of at most {wire.MOST} events", 0)
    return await _take(request, [wire.event_of(one, index=index) for index, one in enumerate(found)])


async def _body(request: Request) -> Any:
    caller_of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != native.JSON:
        raise Invalid(
            f"a body is {native.JSON}",
            kind="wrong-content-type",
            hint=f"send Content-Type: {native.JSON}",
            found=kind[:100],
        )
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", "gzip"):
        raise Invalid(
            "the body is packed in a way that is not known here", kind="wrong-content-type", hint="send it as it is, or as gzip",
            found=packed[:100],
        )  # fmt: skip
    body = await native.bytes_of(request, limit=LARGEST)
    if packed == "gzip":
        body = await act(request, wire.inflated, body, limit=LARGEST)
    return await act(request, wire.parsed, body)


async def _take(request: Request, events: list[dict[str, Any]]) -> Response:
    default = native.project_of(request, native.query_of(request))
    by_project: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        by_project[translate.project_of(event, default)].append(event)
    loops = {project: await act(request, _admitted, request, project, found) for project, found in by_project.items()}
    fresh = 0
    for project in sorted(by_project):  # the same order for everybody, so that no two wait for each other
        fresh += await act(request, _observe, loops[project], by_project[project])
    return Response(encoded({"received": len(events), "new": fresh}), media_type=native.JSON)


def _admitted(request: Request, project: str, events: list[dict[str, Any]]) -> Loop:
    assets = sorted({asset for event in events for asset in translate.assets_of(event, project)})
    loops = [admit(request, BY_NAME[name], project=project, assets=assets) for name in NEEDED]
    return loops[0]


def _observe(loop: Loop, events: list[dict[str, Any]]) -> int:
    return observe(loop, [translate.told(event, loop.project) for event in events])
