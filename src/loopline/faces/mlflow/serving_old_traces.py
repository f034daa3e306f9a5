"""serving_old_traces: traces as clients of 2.x tell them: begun, ended, and with their spans in a file beside the runs'."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow import looking
from loopline.faces.mlflow import translate_traces as translate
from loopline.faces.mlflow import wire_traces as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, sync
from loopline.faces.mlflow.errors import invalid
from loopline.faces.mlflow.serving_traces import find, group_ids
from loopline.faces.mlflow.telling import told
from loopline.nouns.trace import Trace, TraceState
from loopline.verbs.tracing import tell

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.loop import Loop


def start(ask: Ask) -> Response:
    """StartTrace: the server makes the id."""
    said: wire.OldTrace = ask.body
    loop = ask.loop("log")
    place = wire.Place(mlflow_experiment=wire.ExperimentPlace(said.experiment_id))
    group, trace = told(
        loop,
        wire.TraceTold(
            trace_id=loop.ids.new(), trace_location=place, tags={tag.key: tag.value for tag in said.tags},
            trace_metadata={tag.key: tag.value for tag in said.request_metadata},
        ),
    )  # fmt: skip
    kept = tell(loop, group, replace(trace, time=_time(said.timestamp_ms), state=TraceState.RUNNING))
    return _told(loop, kept)


def end(ask: Ask) -> Response:
    """EndTrace."""
    said: wire.OldTrace = ask.body
    loop = ask.loop("log")
    with loop.ledger.read() as tx:
        held = find(tx, loop, ask.names[0])
        place = wire.Place(mlflow_experiment=wire.ExperimentPlace(group_ids(tx, [held])[held.experiment]))
    group, more = told(
        loop,
        wire.TraceTold(
            trace_id=held.id, trace_location=place, tags={tag.key: tag.value for tag in said.tags},
            trace_metadata={tag.key: tag.value for tag in said.request_metadata}, state=said.status,
        ),
    )  # fmt: skip
    lasted = max(0, _time(said.timestamp_ms) - held.time)
    return _told(loop, tell(loop, group, replace(more, time=held.time, duration=lasted, client=held.client)))


def _time(ms: int) -> int:
    if not 0 <= ms < 2**48:
        raise invalid(f"Invalid value {ms} for parameter 'timestamp_ms' supplied: it is in milliseconds since 1970.")
    return ms * 1000


def _told(loop: Loop, trace: Trace) -> Response:
    with loop.ledger.read() as tx:
        return answer({"trace_info": translate.old_trace(trace, group_ids(tx, [trace])[trace.experiment])})


def get(ask: Ask) -> Response:
    """GetTraceInfo."""
    loop = ask.loop("show")
    with loop.ledger.read() as tx:
        found = find(tx, loop, ask.names[0])
    return _told(loop, found)


def search(ask: Ask) -> Response:
    """SearchTraces."""
    said: wire.OldSearchTraces = ask.body
    loop = ask.loop("find")
    with loop.ledger.read() as tx:
        words = {name: getattr(said, name) for name in ("filter", "max_results", "order_by", "page_token")}
        groups = looking.groups_of(tx, loop.project, said.experiment_ids or ())
        found, more = looking.search(tx, loop.project, words, groups)
        names = group_ids(tx, found)
    traces = [translate.old_trace(one, names[one.experiment]) for one in found]
    return answer({"traces": traces} | ({"next_page_token": more} if more else {}))


_P: Final = "/api/2.0/mlflow/traces"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", _P): sync(start, wire.OldTrace),
    ("GET", _P): sync(search, wire.OldSearchTraces),
    ("PATCH", f"{_P}/{{}}"): sync(end, wire.OldTrace),
    ("GET", f"{_P}/{{}}/info"): sync(get),
}
