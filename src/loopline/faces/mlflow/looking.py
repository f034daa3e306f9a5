"""looking: what clients look for among traces, in the words of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.mlflow import translate_traces as translate
from loopline.faces.mlflow.entities import TRACES
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.filters import filter_of, order_of
from loopline.faces.mlflow.matching import like
from loopline.faces.mlflow.naming import find_experiment, find_run
from loopline.faces.mlflow.pages import place_of, token_of
from loopline.ledger.traces import RUN
from loopline.ledger.tracesearch import Composer
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Value
from loopline.verbs.tracing import PROMPT

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.experiment import Experiment
    from loopline.nouns.trace import Trace

MOST: Final = 500
"""Traces of a page."""
_ATTRIBUTES: Final = {
    "request_id": "id", "client_request_id": "client", "status": "state", "timestamp_ms": "time",
    "execution_time_ms": "duration", "end_time_ms": "ended", "experiment_id": "experiment",
}  # fmt: skip
_TIMES: Final = frozenset({"time", "duration", "ended"})
_FAR: Final = 2**53
"""Beyond any number of traces, and any time in milliseconds."""
_SPAN: Final = {"type": "kind", "status": "state", "content": "text"}
_TRACE_STATES: Final = {told: str(state) for state, told in translate.STATES.items()}
_SPAN_STATES: Final = {told: str(state) for state, told in translate.SPAN_STATES.items()}


def search(
    tx: Tables, project: str, said: Mapping[str, Any], groups: Mapping[int, Experiment]
) -> tuple[Sequence[Trace], str]:
    """Give a page of traces in some experiments, and the token of the next one. Raise Fault 400.

    A token says where the page ended and how many traces there were when the first one was asked for: what comes in later moves
    nothing from one page to another.
    """
    most = said["max_results"]
    if not 1 <= most <= MOST:
        raise invalid(f"Invalid value for parameter 'max_results' supplied. It must be at most {MOST}, but got {most}.")
    about = ("traces", project, said["filter"], said["order_by"])
    offset, upto = _place(said["page_token"], about) or (0, tx.traces.newest())
    wanted = [one for each in filter_of(TRACES, said["filter"]) for one in _meant(tx, project, each)]
    order = [_by(one) for one in order_of(TRACES, said["order_by"])]
    found = Composer(tx.rows.dialect).compose(project, list(groups), wanted, order, upto=upto)
    traces = tx.traces.search(found.where, found.values, order=found.order, limit=most + 1, offset=offset)
    more = token_of(((0, offset + most), (0, upto)), about) if len(traces) > most else ""
    return traces[:most], more


def groups_of(tx: Tables, project: str, said: Iterable[str]) -> dict[int, Experiment]:
    """Give experiments by their numbers here. Those that are not there, or deleted, have no traces to be found."""
    found = {}
    for name in said:
        try:
            group = find_experiment(tx, project, name)
        except Fault:
            continue
        if group.deleted_at is None:
            found[group.id] = group
    return found


def _place(token: str, about: Iterable[object]) -> tuple[int, int] | None:
    """Read how many traces the pages before had, and the number of the newest trace that is meant."""
    match place_of(token, about):
        case None:
            return None
        case ((_, int(offset)), (_, int(upto))) if 0 <= offset < _FAR and 0 <= upto < _FAR:
            return offset, upto
        case _:
            raise invalid("Invalid page token: it is none of this server.")


def _meant(tx: Tables, project: str, one: Clause) -> Iterator[Clause]:
    """Give a comparison in the words of the ledger."""
    match one.part, one.key:
        case "attribute", "status":
            yield _of_state(replace(one, key="state"), _TRACE_STATES)
        case "attribute", key:
            name = _ATTRIBUTES[key]
            yield replace(one, key=name, value=_us(one.value) if name in _TIMES else one.value)
        case "tag", translate.NAME:
            yield replace(one, part=ATTRIBUTE, key="name")
        case "tag", "mlflow.linkedPrompts":
            if one.op != "=":
                raise invalid(f"Invalid comparator '{one.op.upper()}' for prompts filter. Only '=' is supported.")
            yield replace(one, part="link", key=PROMPT)
        case "tag", _:
            yield one
        case "metadata", translate.SESSION:
            yield replace(one, part=ATTRIBUTE, key="session")
        case "metadata", translate.SOURCE_RUN if one.op == "=":
            yield replace(one, part="link", key=RUN, value=_run(tx, project, str(one.value)))
        case "metadata", _:
            yield replace(one, part="fact")
        case "span", "status":
            yield _of_state(replace(one, key="state"), _SPAN_STATES)
        case "span", key:
            yield replace(one, key=_SPAN.get(key, key))
        case _:
            yield one


def _us(ms: Value) -> Value:
    """Give milliseconds as microseconds; what lies beyond every time stays there, and fits into a column."""
    return max(-_FAR, min(ms, _FAR)) * 1000 if isinstance(ms, int | float) else ms


def _run(tx: Tables, project: str, said: str) -> str:
    try:
        return find_run(tx, project, said).id
    except Fault:
        return said


def _of_state(one: Clause, states: Mapping[str, str]) -> Clause:
    """Give a comparison with a state; one of a pattern is one with all that it fits."""
    if one.op in ("like", "ilike"):
        fit = tuple(state for told, state in states.items() if like(told, str(one.value), loose=one.op == "ilike"))
        return replace(one, op="in", value=fit or ("",))
    if isinstance(one.value, tuple):
        return replace(one, value=tuple(states.get(str(said), str(said)) for said in one.value))
    return replace(one, value=states.get(str(one.value), str(one.value)))


def _by(one: Order) -> Order:
    match one.part, one.key:
        case "attribute", key:
            return replace(one, key=_ATTRIBUTES[key])
        case "tag", translate.NAME:
            return replace(one, part=ATTRIBUTE, key="name")
        case "metadata", translate.SESSION:
            return replace(one, part=ATTRIBUTE, key="session")
        case "metadata", _:
            return replace(one, part="fact")
        case _:
            return one
