"""serving_traces: operations on traces."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.desk import act
from loopline.faces.mlflow import limits, looking
from loopline.faces.mlflow import translate_traces as translate
from loopline.faces.mlflow import wire_traces as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, document, lacking, project_of, sync
from loopline.faces.mlflow.errors import invalid, missing
from loopline.faces.mlflow.naming import experiment_id, find_experiment, find_run
from loopline.faces.mlflow.serving_assessments import words_of
from loopline.faces.mlflow.telling import told
from loopline.ledger.traces import RUN, Doomed
from loopline.verbs.tracing import PROMPT, belong, mark, remove, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.trace import Trace

BATCH: Final = 1_000
"""Traces that are asked for by their ids at once."""
LINKS: Final = 100
WAITS: Final = (0.1, 0.3, 0.6, 1.0, 1.0)
"""Seconds between looks at a trace whose spans are still on their way: clients send them beside it."""


def start(ask: Ask) -> Response:
    """StartTraceV3: keep what a client says of a trace at its end."""
    said: wire.StartTrace = ask.body
    loop = ask.loop("log")
    info = said.trace.trace_info if said.trace else None
    if info is None:
        raise lacking("trace.trace_info")
    group, trace = told(loop, info)
    kept = tell(loop, group, trace, words_of(loop, info))
    with loop.ledger.read() as tx:
        return answer({"trace": {"trace_info": documents(tx, [kept])[0]}})


def get(ask: Ask) -> Response:
    """GetTraceInfoV3."""
    loop = ask.loop("show")
    with loop.ledger.read() as tx:
        return answer({"trace": {"trace_info": documents(tx, [find(tx, loop, ask.names[0])])[0]}})


async def whole(request: Request, names: tuple[str, ...]) -> Response:  # noqa: ARG001 (as every operation is asked)
    """GetTrace: a trace with its spans; where they are still on their way, wait for them for a moment."""
    said = await document(request, wire.OneTrace)
    for seconds in (*WAITS, None):
        found = await act(request, _complete, Ask(request, (), project_of(request), said))
        if found is not None:
            return found
        if seconds is not None:
            await asyncio.sleep(seconds)
    raise missing(f"Trace with ID {said.trace_id} is not fully exported yet, please try again later.")


def _complete(ask: Ask) -> Response | None:
    said: wire.OneTrace = ask.body
    loop = ask.loop("show")
    with loop.ledger.read() as tx:
        found = find(tx, loop, said.trace_id or "")
        if not said.allow_partial and found.spans < max(1, _promised(found)):
            return None
        return answer({"trace": wholes(tx, [found])[0]})


def batch_get(ask: Ask) -> Response:
    """BatchGetTraces: those that are there, whole."""
    loop, traces = _asked(ask)
    with loop.ledger.read() as tx:
        ready = [one for one in traces(tx) if one.spans >= max(1, _promised(one))]
        return answer({"traces": wholes(tx, ready)})


def batch_infos(ask: Ask) -> Response:
    """BatchGetTraceInfos: those that are there, without their spans."""
    loop, traces = _asked(ask)
    with loop.ledger.read() as tx:
        return answer({"trace_infos": documents(tx, traces(tx))})


def _asked(ask: Ask) -> tuple[Loop, Any]:
    said: wire.ManyTraces = ask.body
    names = said.trace_ids or []
    if len(names) > BATCH:
        raise invalid(f"At most {BATCH} traces are given at once. Got {len(names)} ids.")
    loop = ask.loop("show")

    def traces(tx: Tables) -> list[Trace]:
        found = tx.traces.several(loop.project, names)
        if said.experiment_ids is None:
            return found
        groups = looking.groups_of(tx, loop.project, said.experiment_ids)
        return [one for one in found if one.experiment in groups]

    return loop, traces


def search(ask: Ask) -> Response:
    """SearchTracesV3."""
    said: wire.SearchTraces = ask.body
    names = [one.mlflow_experiment.experiment_id for one in said.locations or () if one.mlflow_experiment]
    loop = ask.loop("find")
    with loop.ledger.read() as tx:
        words = {name: getattr(said, name) for name in ("filter", "max_results", "order_by", "page_token")}
        found, more = looking.search(tx, loop.project, words, looking.groups_of(tx, loop.project, names))
        return answer({"traces": documents(tx, found)} | ({"next_page_token": more} if more else {}))


def delete(ask: Ask) -> Response:
    """DeleteTraces: for good, with their spans, their files and all that was said about them."""
    said: wire.DeleteTraces = ask.body
    if said.max_timestamp_millis is None and not said.request_ids:
        raise invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    if said.max_timestamp_millis is not None and said.request_ids:
        raise invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
    if said.request_ids and said.max_traces is not None:
        raise invalid("`max_traces` can't be specified if `trace_ids` is specified.")
    if said.max_traces is not None and said.max_traces <= 0:
        raise invalid(f"`max_traces` must be a positive integer, received {said.max_traces}.")
    until = said.max_timestamp_millis
    if until is not None and abs(until) > 2**53:
        raise invalid(f"Invalid value {until} for parameter 'max_timestamp_millis' supplied: it is in milliseconds.")
    loop = ask.loop("delete")
    with loop.ledger.read() as tx:
        group = find_experiment(tx, loop.project, said.experiment_id or "")
    most = None if said.max_traces is None else min(said.max_traces, 2**53)
    doomed = Doomed(group.id, said.request_ids, None if until is None else until * 1000, most)
    return answer({"traces_deleted": remove(loop, doomed, group=group.name)})


def set_tag(ask: Ask) -> Response:
    """SetTraceTag: the one that names a trace renames it."""
    said: wire.SetTraceTag = ask.body
    key = _mutable(said.key or "", "set")
    limits.value_fits(said.value, limits.TAG)
    loop = ask.loop("log")
    with loop.ledger.read() as tx:
        find(tx, loop, ask.names[0])
    if key == translate.NAME:
        mark(loop, ask.names[0], tags={}, name=said.value)
    else:
        mark(loop, ask.names[0], tags={key: said.value})
    return answer()


def delete_tag(ask: Ask) -> Response:
    """DeleteTraceTag."""
    said: wire.SetTraceTag = ask.body
    key, name = _mutable(said.key or "", "deleted"), ask.names[0]
    loop = ask.loop("log")
    with loop.ledger.read() as tx:
        found = find(tx, loop, name)
    if key == translate.NAME and found.name is not None:
        mark(loop, name, tags={}, name="")
    elif not mark(loop, name, tags={}, untag=(key,)):
        raise missing(f"No trace tag with key '{key}' for trace with ID '{name}'")
    return answer()


def _mutable(key: str, what: str) -> str:
    limits.key_fits(key)
    if key in translate.OWN:
        raise invalid(f"Tag '{key}' is immutable and cannot be {what} on a trace.")
    return key


def link_run(ask: Ask) -> Response:
    """LinkTracesToRun."""
    said: wire.LinkToRun = ask.body
    names = said.trace_ids or ()
    if len(names) > LINKS:
        raise invalid(
            f"Cannot link more than {LINKS} traces to a run in a single request. Provided {len(names)} traces."
        )
    loop = ask.loop("log")
    with loop.ledger.read() as tx:
        run = find_run(tx, loop.project, said.run_id or "")
    belong(loop, names, RUN, (run.id,))
    return answer()


def link_prompts(ask: Ask) -> Response:
    """LinkPromptsToTrace."""
    said: wire.LinkPrompts = ask.body
    versions = said.prompt_versions or ()
    if len(versions) > LINKS:
        raise invalid(f"Cannot link more than {LINKS} prompts to a trace in a single request.")
    for one in versions:
        limits.key_fits(one.name, "name")
        if not (one.version.isascii() and one.version.isdigit() and len(one.version) < 19):
            raise invalid(f"Invalid value '{one.version[:100]}' for parameter 'version' supplied: it is a number.")
    loop = ask.loop("log")
    with loop.ledger.read() as tx:
        find(tx, loop, said.trace_id or "")
    belong(loop, (said.trace_id or "",), PROMPT, tuple(f"{one.name}/{one.version}" for one in versions))
    return answer()


def find(tx: Tables, loop: Loop, name: str) -> Trace:
    """Give a trace by its id. Raise Fault 404."""
    found = tx.traces.find(loop.project, name)
    if found is None:
        raise missing(f"Trace with ID '{name[:100]}' not found.")
    return found


def _promised(one: Trace) -> int:
    """Give how many spans the client says there are."""
    with suppress(Exception):
        return int(translate.counted(one.facts[translate.SIZES], translate.SIZES).get("num_spans", 0))
    return 0


def documents(tx: Tables, traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Give traces without their spans, in the same order."""
    names = group_ids(tx, traces)
    words = tx.feedbacks.of_all(one.number for one in traces)
    return [translate.trace(one, names[one.experiment], words.get(one.number, ())) for one in traces]


def group_ids(tx: Tables, traces: Iterable[Trace]) -> dict[int, str]:
    """Give the numbers by which clients know the experiments of traces."""
    found = {}
    for project, number in {(one.project, one.experiment) for one in traces}:
        group = tx.experiments.by_id(project, number)
        found[number] = experiment_id(group) if group else str(number)
    return found


def wholes(tx: Tables, traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Give traces with their spans, in the same order."""
    spans = tx.spans.of_all(one.number for one in traces)
    return [
        {"trace_info": info, "spans": [translate.span(span, one.id) for span in spans.get(one.number, ())]}
        for one, info in zip(traces, documents(tx, traces), strict=True)
    ]


_V2: Final = "/api/2.0/mlflow/traces"
_V3: Final = "/api/3.0/mlflow/traces"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", _V3): sync(start, wire.StartTrace),
    ("GET", f"{_V3}/get"): whole,
    ("GET", f"{_V3}/batchGet"): sync(batch_get, wire.ManyTraces),
    ("POST", f"{_V3}/batchGetInfos"): sync(batch_infos, wire.ManyTraces),
    ("POST", f"{_V3}/search"): sync(search, wire.SearchTraces),
    ("POST", f"{_V3}/delete-traces"): sync(delete, wire.DeleteTraces),
    ("POST", f"{_V2}/delete-traces"): sync(delete, wire.DeleteTraces),
    ("POST", f"{_V2}/link-to-run"): sync(link_run, wire.LinkToRun),
    ("POST", f"{_V2}/link-prompts"): sync(link_prompts, wire.LinkPrompts),
    ("GET", f"{_V3}/{{}}"): sync(get),
    ("PATCH", f"{_V3}/{{}}/tags"): sync(set_tag, wire.SetTraceTag),
    ("DELETE", f"{_V3}/{{}}/tags"): sync(delete_tag, wire.SetTraceTag),
    ("PATCH", f"{_V2}/{{}}/tags"): sync(set_tag, wire.SetTraceTag),
    ("DELETE", f"{_V2}/{{}}/tags"): sync(delete_tag, wire.SetTraceTag),
}
