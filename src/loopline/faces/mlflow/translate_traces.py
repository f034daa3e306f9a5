"""translate_traces: traces, spans and what is said about them, into the protocol's documents and back."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.mlflow.asking import unfit
from loopline.faces.mlflow.errors import invalid
from loopline.faces.mlflow.nested import nested
from loopline.faces.mlflow.translate import SCHEME
from loopline.nouns.trace import Trace, TraceState

if TYPE_CHECKING:
    from loopline.nouns.feedback import Feedback
    from loopline.nouns.trace import Span

NAME: Final = "mlflow.traceName"
SESSION: Final = "mlflow.trace.session"
TOKENS: Final = "mlflow.trace.tokenUsage"
COST: Final = "mlflow.trace.cost"
SOURCE_RUN: Final = "mlflow.sourceRun"
SIZES: Final = "mlflow.trace.sizeStats"
LOCATION: Final = "mlflow.artifactLocation"
SPANS: Final = "mlflow.trace.spansLocation"
OWN: Final = (LOCATION, SPANS, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure")
"""Tags that this server says itself."""
STATES: Final = {
    TraceState.OK: "OK", TraceState.FAILED: "ERROR", TraceState.RUNNING: "IN_PROGRESS", TraceState.UNKNOWN: "STATE_UNSPECIFIED",
}  # fmt: skip
SPAN_STATES: Final = {TraceState.OK: "OK", TraceState.FAILED: "ERROR", TraceState.UNKNOWN: "UNSET"}
_NUMBERS: Final = {0: "STATE_UNSPECIFIED", 1: "OK", 2: "ERROR", 3: "IN_PROGRESS"}
_CODES: Final = {TraceState.OK: "STATUS_CODE_OK", TraceState.FAILED: "STATUS_CODE_ERROR"}
_DURATION: Final = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?s\Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def state_of(said: str | int, name: str = "state") -> TraceState:
    """Read a state. Raise Fault 400."""
    word = _NUMBERS.get(said, str(said)) if isinstance(said, int) else said
    if word in ("", "TRACE_STATUS_UNSPECIFIED"):
        return TraceState.UNKNOWN
    found = next((state for state, told in STATES.items() if told == word), None)
    if found is None:
        raise unfit(name, said, f": it is one of {', '.join(STATES.values())}.")
    return found


def moment(text: str | None, name: str) -> int | None:
    """Read a time as microseconds. Raise Fault 400."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return int(((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) / timedelta(microseconds=1))
    except (ValueError, OverflowError):
        raise unfit(name, text, ": it is a time as 2026-07-01T09:30:00Z.") from None


def written(time: int) -> str:
    """Write microseconds as a time, to the millisecond."""
    try:
        told = _EPOCH + timedelta(milliseconds=time // 1000)
    except OverflowError:
        told = _EPOCH
    return told.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lasting(text: str | None, name: str) -> int | None:
    """Read a duration as microseconds. Raise Fault 400."""
    if not text:
        return None
    found = _DURATION.match(text)
    if found is None:
        raise unfit(name, text, ": it is a number of seconds with an s behind, as 1.5s.")
    return int(found[1]) * 1_000_000 + int((found[2] or "0").ljust(9, "0")[:6])


def trace(one: Trace, group: str, words: Sequence[Feedback] = ()) -> dict[str, Any]:
    """Give a trace without its spans; `group` is the number of its experiment."""
    found: dict[str, Any] = {
        "trace_id": one.id,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": group}},
        "request_time": written(one.time),
        "state": STATES[one.state],
        "trace_metadata": facts(one),
        "tags": tags(one, group),
    }
    more = {"client_request_id": one.client, "request_preview": one.request, "response_preview": one.response}
    found |= {key: value for key, value in more.items() if value is not None}
    if one.duration is not None:
        found["execution_duration"] = f"{one.duration / 1e6:.3f}s"
    if words:
        found["assessments"] = [assessment(word) for word in words]
    return found


def old_trace(one: Trace, group: str) -> dict[str, Any]:
    """Give a trace as clients of 2.x know it."""
    state = "TRACE_STATUS_UNSPECIFIED" if one.state is TraceState.UNKNOWN else STATES[one.state]
    return {
        "request_id": one.id,
        "experiment_id": group,
        "timestamp_ms": one.time // 1000,
        "execution_time_ms": (one.duration or 0) // 1000,
        "status": state,
        "request_metadata": [{"key": key, "value": value} for key, value in facts(one).items()],
        "tags": [{"key": key, "value": value} for key, value in tags(one, group).items()],
    }


def facts(one: Trace) -> dict[str, str]:
    """Give what clients call metadata."""
    found = dict(one.facts)
    if one.session is not None:
        found[SESSION] = one.session
    if one.tokens:
        found[TOKENS] = json.dumps(dict(one.tokens))
    if one.cost:
        found[COST] = json.dumps(dict(one.cost))
    return found


def tags(one: Trace, group: str) -> dict[str, str]:
    """Give tags, with what the ledger keeps elsewhere, and where files and spans are found."""
    found = {**one.tags, LOCATION: f"{SCHEME}/{group}/traces/{one.id}/artifacts"}
    if one.name is not None:
        found[NAME] = one.name
    if one.spans:
        found[SPANS] = "TRACKING_STORE"
    return found


def span(one: Span, trace: str) -> dict[str, Any]:
    """Give a span as OTLP has it, in protobuf's JSON: ids are base64."""
    found: dict[str, Any] = {
        "trace_id": _id(trace.removeprefix("tr-")),
        "span_id": _id(one.id),
        "name": one.name,
        "start_time_unix_nano": one.began_ns,
        "end_time_unix_nano": one.ended_ns or 0,
        "attributes": _pairs(one.attributes),
        "status": {"code": _CODES.get(one.state, "STATUS_CODE_UNSET"), "message": one.message},
    }
    if one.parent:
        found["parent_span_id"] = _id(one.parent)
    if one.happenings:
        found["events"] = [
            {"name": said.name, "time_unix_nano": said.time_ns, "attributes": _pairs(said.attributes)}
            for said in one.happenings
        ]
    links = [said for said in one.pointings if len(said.trace) == 32 and len(said.span) == 16]
    if links:
        found["links"] = [
            {"trace_id": _id(said.trace), "span_id": _id(said.span), "attributes": _pairs(said.attributes)}
            for said in links
        ]
    return found


def _id(digits: str) -> str:
    return b64encode(bytes.fromhex(digits)).decode()


def _pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"bool_value": value}
        case int():
            return {"int_value": value}
        case float():
            return {"double_value": value}
        case str():
            return {"string_value": value}
        case list():
            return {"array_value": {"values": [_value(one) for one in value]}}
        case Mapping():
            return {"kvlist_value": {"values": _pairs(value)}}
        case _:
            return {}


def assessment(word: Feedback) -> dict[str, Any]:
    """Give what was said about a trace."""
    found: dict[str, Any] = {
        "assessment_id": word.id,
        "assessment_name": word.name,
        "trace_id": word.trace,
        "source": {"source_type": word.source_kind, "source_id": word.source},
        "create_time": written(word.created_at),
        "last_update_time": written(word.updated_at),
        "valid": word.valid,
    }
    if word.kind == "feedback":
        found["feedback"] = {"value": word.value} | ({"error": dict(word.error)} if word.error else {})
    elif word.kind == "expectation":
        found["expectation"] = _expected(word.value)
    else:
        found["issue"] = {"issue_name": word.value}
    more = {"span_id": word.span, "rationale": word.rationale, "overrides": word.overrides}
    found |= {key: value for key, value in more.items() if value is not None}
    if word.facts:
        found["metadata"] = dict(word.facts)
    return found


def _expected(value: Any) -> dict[str, Any]:
    """Give an expectation: what is no plain value is text."""
    if value is None or isinstance(value, (list, Mapping)):
        written = json.dumps(value, ensure_ascii=False)
        return {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": written}}
    return {"value": value}


def counted(text: str, name: str) -> dict[str, Any]:
    """Read a metadatum that holds numbers by name. Raise Fault 400."""
    try:
        said = nested(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise invalid(f"Invalid value for metadata '{name}' supplied: it is a JSON object.")
    return {str(key): value for key, value in said.items() if isinstance(value, (int, float)) and abs(value) < 2**53}
