"""spanning: what attributes of spans mean: those that clients of MLflow write, and those of OpenTelemetry's conventions.

Clients write a value as it is, or, where their spans go out by an exporter of OpenTelemetry, as JSON in a text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loopline.faces.mlflow import limits
from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.nested import nested
from loopline.faces.mlflow.previewing import preview
from loopline.verbs.tracing import Arrival

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.faces.otlp.spans import Received
    from loopline.nouns.trace import Span

N = TypeVar("N", int, float)
PREFIX: Final = "tr-"
USER: Final = "mlflow.trace.user"
_REQUEST: Final = "mlflow.traceRequestId"
_TAG: Final = "mlflow.traceTag."
_NAME: Final = "mlflow.traceName"
_KIND: Final = ("mlflow.spanType", "openinference.span.kind", "traceloop.span.kind")
_OPERATION: Final = {
    "chat": "CHAT_MODEL", "text_completion": "LLM", "generate_content": "LLM", "embeddings": "EMBEDDING", "execute_tool": "TOOL",
    "invoke_agent": "AGENT", "create_agent": "AGENT",
}  # fmt: skip
_INPUTS: Final = ("mlflow.spanInputs", "gen_ai.input.messages", "input.value", "traceloop.entity.input")
_OUTPUTS: Final = ("mlflow.spanOutputs", "gen_ai.output.messages", "output.value", "traceloop.entity.output")
_SESSION: Final = ("session.id", "gen_ai.conversation.id")
_MODEL: Final = ("mlflow.llm.model", "gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_USAGE: Final = "mlflow.chat.tokenUsage"
_COST: Final = "mlflow.llm.cost"
_COUNTS: Final = {
    "input_tokens": ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
    "output_tokens": ("gen_ai.usage.output_tokens", "llm.token_count.completion"),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.token_count.total"),
}
UNKNOWN: Final = "UNKNOWN"
"""The type of a span that says none."""


def arrivals(received: Sequence[Received], run: str = "") -> list[Arrival]:
    """Put what came in together by trace, with what it says of the whole; `run` is one that each whole trace belongs to."""
    grouped: dict[str, list[Received]] = {}
    for one in received:
        grouped.setdefault(f"{PREFIX}{one.trace}", []).append(one)
    return [_arrival(name, group, run) for name, group in grouped.items()]


def _arrival(name: str, group: list[Received], run: str) -> Arrival:
    spans = tuple(_read(one.span, name) for one in group)
    root = next((span for span in spans if span.parent is None), None)
    attributes = root.attributes if root else {}
    user = next((said for span in spans if (said := _text(span.attributes, "user.id"))), None)
    tags = {key: value for one in group[:1] for key, value in one.resource.items() if not _own(key)}
    told = {key.removeprefix(_TAG): plain(value) for key, value in attributes.items() if key.startswith(_TAG)}
    called = told.pop(_NAME, None) or (root.name if root else None)
    return Arrival(
        name,
        spans,
        name=str(called)[: limits.TAG] if called else None,
        request=preview(_first(attributes, _INPUTS), "user"),
        response=preview(_first(attributes, _OUTPUTS), "assistant"),
        session=next((said for span in spans if (said := _text(span.attributes, *_SESSION))), None),
        facts={USER: user} if user else {},
        tags=_fitting({**tags, **told}),
        runs=(run,) if run and root else (),
    )


def _own(key: str) -> bool:
    return key.startswith(("telemetry.sdk.", "mlflow."))


def _fitting(tags: Mapping[str, Any]) -> dict[str, str]:
    """Give those that can be tags. What cannot is left out: no program is told of it, so none must lose its spans by it."""
    found = {}
    for key, value in tags.items():
        try:
            limits.key_fits(key)
        except Fault:
            continue
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        found[key] = said[: limits.TAG]
    return found


def _read(span: Span, trace: str) -> Span:
    said = span.attributes
    kind = next((text for key in _KIND if (text := _text(said, key))), None)
    kind = kind or _OPERATION.get(_text(said, "gen_ai.operation.name") or "", UNKNOWN)
    return replace(
        span,
        kind=kind.upper() if "mlflow.spanType" not in said else kind,
        tokens=_tokens(said),
        cost=_numbers(said.get(_COST), _amount),
        model=(_text(said, *_MODEL) or "")[: limits.KEY],
        attributes={**said, _REQUEST: trace} if _REQUEST in said else said,
    )


def plain(value: Any) -> Any:
    """Give a value that may be JSON in a text."""
    if isinstance(value, str) and value[:1] in ('"', "{", "["):
        try:
            return nested(value)
        except ValueError:
            return value
    return value


def _text(said: Mapping[str, Any], *keys: str) -> str | None:
    """Give the first of some attributes that is a text."""
    for key in keys:
        value = plain(said.get(key))
        if isinstance(value, str) and value:
            return value[: limits.TAG]
    return None


def _first(said: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((said[key] for key in keys if said.get(key) is not None), None)


def _tokens(said: Mapping[str, Any]) -> dict[str, int] | None:
    found = _numbers(said.get(_USAGE), _count)
    if found is None:
        counted = {name: _count(_first(said, keys)) for name, keys in _COUNTS.items()}
        found = {name: count for name, count in counted.items() if count is not None}
        if found and "total_tokens" not in found:
            found["total_tokens"] = sum(found.values())
    return found or None


def _numbers(value: Any, read: Callable[[Any], N | None]) -> dict[str, N] | None:
    said = plain(value)
    if not isinstance(said, Mapping):
        return None
    return {str(key): number for key, one in said.items() if (number := read(one)) is not None}


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _amount(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < 2**53 and math.isfinite(value) else None
