"""serving_assessments: what people, judges and code say about traces: feedback and expectations."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import NotFound
from loopline.faces.mlflow import limits
from loopline.faces.mlflow import translate_traces as translate
from loopline.faces.mlflow import wire_traces as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, lacking, sync, unfit
from loopline.faces.mlflow.errors import Fault, invalid, missing
from loopline.faces.mlflow.nested import nested
from loopline.faces.mlflow.telling import MANY, fitting
from loopline.nouns.feedback import Feedback
from loopline.verbs.tracing import correct, remark, unsay, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from loopline.loop import Loop

PREFIX: Final = "a-"
LONGEST: Final = 100_000
"""Characters of a value, of a rationale and of a stack trace."""
_RUN: Final = "mlflow.assessment.sourceRunId"
_SOURCES: Final = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")


def words_of(loop: Loop, said: wire.TraceTold) -> list[Feedback]:
    """Give what comes with a trace. Raise Fault 400."""
    if len(said.assessments) > MANY:
        raise invalid(f"A trace has at most {MANY} assessments. Got {len(said.assessments)}.")
    return [feedback(loop, said.trace_id, one) for one in said.assessments]


def feedback(loop: Loop, trace: str, said: wire.Assessment) -> Feedback:
    """Read an assessment. Raise Fault 400."""
    if sum(one is not None for one in (said.feedback, said.expectation, said.issue)) != 1:
        raise invalid("Exactly one of `expectation`, `feedback`, or `issue` should be specified.")
    if not said.assessment_name and said.issue is None:
        raise lacking("assessment.assessment_name")
    for name, text, most in (
        ("assessment_name", said.assessment_name, limits.KEY), ("assessment_id", said.assessment_id, limits.KEY),
        ("span_id", said.span_id, limits.KEY), ("overrides", said.overrides, limits.KEY),
        ("rationale", said.rationale or "", LONGEST),
    ):  # fmt: skip
        limits.value_fits(text, most, name)
    if said.source is None:
        raise lacking("assessment.source")
    limits.value_fits(said.source.source_id, limits.KEY, "source_id")
    facts, now = fitting(said.metadata, "metadata"), loop.clock.now()
    made = translate.moment(said.create_time, "create_time") or now
    value = _value(said)
    return Feedback(
        id=said.assessment_id or f"{PREFIX}{loop.ids.new()}",
        trace=trace,
        name=value.pop("name", said.assessment_name),
        source_kind=_source(said.source.source_type),
        source=said.source.source_id or "default",
        rationale=said.rationale,
        facts=facts,
        span=said.span_id or None,
        run=facts.get(_RUN),
        overrides=said.overrides or None,
        valid=True if said.valid is None else said.valid,
        created_at=made,
        updated_at=translate.moment(said.last_update_time, "last_update_time") or made,
        **value,
    )


def _source(said: str | int) -> str:
    if isinstance(said, int):
        said = _SOURCES[said] if 0 <= said < len(_SOURCES) else ""
    word = "LLM_JUDGE" if said.upper() == "AI_JUDGE" else said.upper()
    if word not in _SOURCES:
        raise unfit("source_type", said, f": it is one of {', '.join(_SOURCES)}.")
    return word


def _value(said: wire.Assessment) -> dict[str, Any]:
    """Give kind, value and error. Raise Fault 400."""
    found: dict[str, Any] = {"kind": "issue", "value": said.issue.issue_name if said.issue else None}
    if said.issue is not None:
        found["name"] = said.issue.issue_name
    if said.feedback is not None:
        error = said.feedback.error or said.error
        found = {"kind": "feedback", "value": said.feedback.value, "error": _error(error) if error else None}
    elif said.expectation is not None:
        found = {"kind": "expectation", "value": _expected(said.expectation)}
    limits.value_fits(json.dumps(found["value"], ensure_ascii=False), LONGEST)
    return found


def _expected(said: wire.Expectation) -> Any:
    if said.serialized_value is None:
        return said.value
    if said.serialized_value.serialization_format not in ("", "JSON_FORMAT"):
        raise unfit("serialization_format", said.serialized_value.serialization_format, ": it is JSON_FORMAT.")
    try:
        return nested(said.serialized_value.value)
    except ValueError:
        raise invalid("Invalid value for parameter 'serialized_value' supplied: it is JSON.") from None


def _error(said: wire.Error) -> dict[str, str]:
    found = {"error_code": said.error_code, "error_message": said.error_message, "stack_trace": said.stack_trace}
    for name, text in found.items():
        limits.value_fits(text, LONGEST, name)
    return {name: text for name, text in found.items() if text}


def create(ask: Ask) -> Response:
    """CreateAssessment: what it overrides does not count any more."""
    loop = ask.loop("log")
    said = _said(ask)
    made = feedback(loop, ask.names[0], replace_id(said))
    return answer({"assessment": translate.assessment(_there(lambda: remark(loop, made), made.trace))})


def replace_id(said: wire.Assessment) -> wire.Assessment:
    """Let no client choose the id: it would replace what somebody else has said."""
    said.assessment_id = ""
    return said


def get(ask: Ask) -> Response:
    """GetAssessment."""
    loop = ask.loop("show")
    trace, name = ask.names
    return answer({"assessment": translate.assessment(_there(lambda: word(loop, trace, name), trace))})


def update(ask: Ask) -> Response:
    """UpdateAssessment: say anew what the mask names. Who said it, and about which span, stays."""
    said: wire.UpdateAssessment = ask.body
    loop, given = ask.loop("log"), _said(ask)
    trace, name = ask.names
    old = _there(lambda: word(loop, trace, name), trace)
    new: dict[str, Any] = {"updated_at": loop.clock.now()}
    for path in _paths(said.update_mask):
        match path:
            case "assessment_name" | "assessmentName":
                if not given.assessment_name:
                    raise lacking("assessment.assessment_name")
                limits.value_fits(given.assessment_name, limits.KEY, "assessment_name")
                new["name"] = given.assessment_name
            case "feedback" | "expectation":
                if getattr(given, path) is None:
                    raise lacking(f"assessment.{path}")
                if old.kind != path:
                    raise invalid(f"Cannot update {path} value on an assessment of type {old.kind}.")
                new |= _value(given)
            case "rationale":
                limits.value_fits(given.rationale or "", LONGEST, "rationale")
                new["rationale"] = given.rationale
            case "metadata":
                new["facts"] = {**old.facts, **fitting(given.metadata, "metadata")}
            case "valid":
                new["valid"] = bool(given.valid)
            case _:
                raise unfit("update_mask", path, ": it is no part of an assessment that changes.")
    made = _there(lambda: correct(loop, replace(old, **new)), trace)
    return answer({"assessment": translate.assessment(made)})


def _paths(mask: Any) -> list[str]:
    if isinstance(mask, dict):
        mask = mask.get("paths")
    paths = mask.split(",") if isinstance(mask, str) else mask
    if not isinstance(paths, list) or not all(isinstance(one, str) for one in paths):
        raise unfit("update_mask", mask, ": it is names with commas between.")
    return [one.strip() for one in paths if one.strip()]


def remove(ask: Ask) -> Response:
    """DeleteAssessment: what it had overridden counts again. Taking back what is not there changes nothing."""
    loop = ask.loop("log")
    trace, name = ask.names
    _there(lambda: unsay(loop, trace, name), trace)
    return answer()


def _said(ask: Ask) -> wire.Assessment:
    said: wire.CreateAssessment = ask.body
    if said.assessment is None:
        raise lacking("assessment")
    return said.assessment


def _there(do: Callable[[], Any], trace: str) -> Any:
    try:
        return do()
    except NotFound as error:
        raise _gone(error, trace) from None


def _gone(error: NotFound, trace: str) -> Fault:
    if error.kind == "no-trace":
        return missing(f"Trace with ID '{trace[:100]}' not found.")
    return missing(f"Assessment with ID '{error.facts.get('feedback', '')}' not found for trace '{trace}'")


_P: Final = "/api/3.0/mlflow/traces/{}/assessments"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", _P): sync(create, wire.CreateAssessment),
    ("GET", f"{_P}/{{}}"): sync(get),
    ("PATCH", f"{_P}/{{}}"): sync(update, wire.UpdateAssessment),
    ("DELETE", f"{_P}/{{}}"): sync(remove),
}
