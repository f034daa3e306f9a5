"""serving_history: series of metrics as they are read, whole, in pages, or thinned out for a chart.

Points are told by step, then time, then arrival. A long series is read and sent piece by piece, so that nobody holds all of it.
"""

from __future__ import annotations

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from loopline.faces.desk import act
from loopline.faces.mlflow.asking import Ask, Operation, answer, document, lacking, number, project_of, sync
from loopline.faces.mlflow.errors import invalid, no_run
from loopline.faces.mlflow.limits import step_fits
from loopline.faces.mlflow.naming import run_named
from loopline.faces.mlflow.wire_metrics import GetHistory, GetIntervals, Told, ToldOf
from loopline.ledger.metrics import LEAST, MOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop

PIECE: Final = 20_000
"""Points that are read at once."""
RUNS: Final = 100
"""Runs of which a chart asks at once."""
CHART: Final = 2_500
"""Points of each of them, at most."""
Place = tuple[int, int, int]
_HEADERS: Final = {"Cache-Control": "no-store"}
_JSON: Final = "application/json"
_write: Final = msgspec.json.Encoder().encode


async def get_history(request: Request, names: tuple[str, ...]) -> Response:
    """GetMetricHistory: a series, or a page of it where that is asked for."""
    said = await document(request, GetHistory)
    if said.max_results is not None and said.max_results <= 0:
        raise invalid(
            f"Invalid value {said.max_results} for parameter 'max_results' supplied: it is a positive number."
        )
    ask = Ask(request, names, project_of(request), said)
    most = said.max_results or MOST
    body, behind, left = await act(request, _first, ask, _place(said.page_token), most)
    if behind is None or left <= 0:
        return Response(body + _end(behind), headers=_HEADERS, media_type=_JSON)
    return StreamingResponse(_pieces(ask, body, behind, left), headers=_HEADERS, media_type=_JSON)


async def _pieces(ask: Ask, body: bytes, behind: Place | None, left: int) -> AsyncIterator[bytes]:
    yield body
    while behind is not None and left > 0:
        body, behind, left = await act(ask.request, _piece, ask, behind, left)
        yield b"," + body
    yield _end(behind)


def _first(ask: Ask, behind: Place | None, most: int) -> tuple[bytes, Place | None, int]:
    body, behind, left = _piece(ask, behind, most)
    return b'{"metrics":[' + body, behind, left


def _piece(ask: Ask, behind: Place | None, most: int) -> tuple[bytes, Place | None, int]:
    """Give some points as JSON, the place behind which there are more, if there are, and how many of them are wanted."""
    said: GetHistory = ask.body
    loop, key, size = ask.loop("series"), said.metric_key or "", min(most, PIECE)
    with loop.ledger.read() as tx:
        rows = tx.metrics.rows(_run(tx, loop, said.run), key, behind=behind, limit=size + 1)
    more = len(rows) > size
    told = [Told(key, _value(row[3]), row[1] // 1000, row[0]) for row in rows[:size]]
    return _write(told)[1:-1], rows[size - 1][:3] if more else None, most - size


def _end(behind: Place | None) -> bytes:
    return b"]}" if behind is None else b'],"next_page_token":"%s"}' % _token(behind)


def get_intervals(ask: Ask) -> Response:
    """GetMetricHistoryBulkInterval: as many points of each run as a chart has room for, the first and the last among them."""
    said: GetIntervals = ask.body
    loop, key, most = ask.loop("series"), said.metric_key or "", CHART if said.max_results is None else said.max_results
    steps = _steps(said)
    if not said.run_ids:
        raise lacking("run_ids")
    if len(said.run_ids) > RUNS:
        raise invalid(
            f"GetMetricHistoryBulkInterval request must specify at most {RUNS} run_ids. Received {len(said.run_ids)} run_ids."
        )
    if not 1 <= most <= CHART:
        raise invalid(f"max_results must be between 1 and {CHART}.")
    with loop.ledger.read() as tx:
        runs = [(name, _run(tx, loop, name)) for name in said.run_ids]
        told = [
            ToldOf(key, _value(row[3]), row[1] // 1000, row[0], name)
            for name, run in runs
            for row in tx.metrics.sampled(run, key, most, steps)
        ]
    return answer({"metrics": told})


def _steps(said: GetIntervals) -> tuple[int, int] | None:
    if said.start_step is None and said.end_step is None:
        return None
    if said.start_step is None or said.end_step is None:
        raise invalid("If either start step or end step are specified, both must be specified.")
    step_fits(said.start_step, "start_step")
    step_fits(said.end_step, "end_step")
    if said.start_step > said.end_step:
        raise invalid(
            f"end_step must be greater than start_step. Found start_step={said.start_step} and end_step={said.end_step}."
        )
    return said.start_step, said.end_step


def _run(tx: Tables, loop: Loop, said: str) -> str:
    found = tx.runs.standing(loop.project, run_named(said))
    if found is None:
        raise no_run(said)
    return found[0]


def _value(value: float | None) -> float | str:
    return "NaN" if value is None else value if math.isfinite(value) else number(value)


def _token(place: Place) -> bytes:
    return urlsafe_b64encode(b"%d:%d:%d" % place)


def _place(token: str) -> Place | None:
    """Read what a page goes on behind. Raise Fault 400."""
    if not token:
        return None
    try:
        step, time, n = map(int, urlsafe_b64decode(token.encode()).split(b":"))
    except ValueError:
        raise invalid("Invalid page token: give the one of the page before.") from None
    if not all(LEAST <= one <= MOST for one in (step, time, n)):
        raise invalid("Invalid page token: give the one of the page before.")
    return step, time, n


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", "/api/2.0/mlflow/metrics/get-history"): get_history,
    ("GET", "/api/2.0/mlflow/metrics/get-history-bulk-interval"): sync(get_intervals, GetIntervals),
}
