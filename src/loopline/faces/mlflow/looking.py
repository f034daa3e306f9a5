"""looking: what clients look for among traces, in the words of the ledger."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.mlflow import translate_traces as translate
from loopline.faces.mlflow.entities import TRACES
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.filters import filter_of, order_of
from loopline.faces.mlflow.naming import find_experiment, find_run
from loopline.ledger.traces import RUN
from loopline.ledger.tracesearch import Composer
from loopline.nouns.query import ATTRIBUTE, Comparison, Order
from loopline.verbs.tracing import PROMPT

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.experiment import Experiment
    from loopline.nouns.trace import Trace

MOST: Final = 500
"""Traces of a page."""
_PROMPTS: Final = "mlflow.linkedPrompts"
_ATTRIBUTES: Final = {
    "request_id": "id", "client_request_id": "client", "status": "state", "timestamp_ms": "time",
    "execution_time_ms": "duration", "end_time_ms": "ended", "experiment_id": "experiment",
}  # fmt: skip
_TIMES: Final = frozenset({"time", "duration", "ended"})
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
    offset, upto = _place(said["page_token"]) if said["page_token"] else (0, tx.traces.newest())
    wanted = [one for each in filter_of(TRACES, said["filter"]) for one in _meant(tx, project, each)]
    order = [_by(one) for one in order_of(TRACES, said["order_by"])]
    found = Composer(tx.rows.dialect).compose(project, list(groups), wanted, order, upto=upto)
    traces = tx.traces.search(found.where, found.values, order=found.order, limit=most + 1, offset=offset)
    more = _token(offset + most, upto) if len(traces) > most else ""
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


def _token(offset: int, upto: int) -> str:
    return urlsafe_b64encode(json.dumps([offset, upto]).encode()).decode()


def _place(token: str) -> tuple[int, int]:
    try:
        offset, upto = json.loads(urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, RecursionError):
        offset = upto = None
    if not all(type(one) is int and 0 <= one < 2**53 for one in (offset, upto)):
        raise invalid("Invalid page token, could not base64-decode")
    return offset, upto


def _meant(tx: Tables, project: str, one: Comparison) -> Iterator[Comparison]:
    """Give a comparison in the words of the ledger."""
    match one.part, one.key:
        case "attribute", "status":
            yield _of_state(replace(one, key="state"), _TRACE_STATES)
        case "attribute", key:
            name = _ATTRIBUTES[key]
            yield replace(one, key=name, value=one.value * 1000 if name in _TIMES else one.value)  # type: ignore[operator]
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


def _run(tx: Tables, project: str, said: str) -> str:
    try:
        return find_run(tx, project, said).id
    except Fault:
        return said


def _of_state(one: Comparison, states: Mapping[str, str]) -> Comparison:
    """Give a comparison with a state; one of a pattern is one with all that it fits."""
    if one.op in ("like", "ilike"):
        pattern = "".join(
            {"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in re.sub("%+", "%", str(one.value))
        )
        flags = re.IGNORECASE if one.op == "ilike" else 0
        fit = tuple(state for told, state in states.items() if re.fullmatch(pattern, told, flags))
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
