"""entities: what can be searched for, by what and how, one table for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from loopline.nouns.query import ATTRIBUTE, Operator

NUMBERS: Final[tuple[Operator, ...]] = ("=", "!=", ">", ">=", "<", "<=")
TEXTS: Final[tuple[Operator, ...]] = ("=", "!=", "like", "ilike")
LISTS: Final[tuple[Operator, ...]] = (*TEXTS, "in", "not in")
NULLS: Final[tuple[Operator, ...]] = (*TEXTS, "is null", "is not null")


@dataclass(frozen=True, slots=True)
class Part:
    """Something by which things are found: an attribute, or all tags of a thing, or all its metrics."""

    operators: tuple[Operator, ...] = TEXTS
    kind: Literal["text", "number", "whole", "loose", "either"] = "text"
    """What it is compared with: quoted text, a number, a whole number, text with or without quotes, or what the operator says."""
    keys: tuple[str, ...] = ()
    """The only keys there are; one that ends in a dot is the beginning of many. Empty: any."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of thing."""

    parts: Mapping[str, Part]
    spellings: Mapping[str, str]
    """How a part may be written."""
    attributes: Mapping[str, Part]
    orders: tuple[str, ...]
    """Attributes by which one can order."""
    order_parts: tuple[str, ...] = (ATTRIBUTE,)
    aliases: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Other words for attributes, and attributes that are kept as something else: which part and key they mean."""


_TEXT, _LIST, _NUMBER, _WHOLE = Part(), Part(LISTS), Part(NUMBERS, "number"), Part(NUMBERS, "whole")
_TAGS: Final = {"tag": "tag", "tags": "tag"}
_OWN: Final = {"attribute": ATTRIBUTE, "attributes": ATTRIBUTE, "attr": ATTRIBUTE}
_START: Final = (ATTRIBUTE, "start_time")
_RUN_NAME: Final = (ATTRIBUTE, "run_name")

RUNS: Final = Entity(
    parts={
        "metric": _NUMBER, "param": Part(NULLS), "tag": Part(NULLS), "dataset": Part(LISTS, keys=("name", "digest", "context")),
    },
    spellings={
        "metric": "metric", "metrics": "metric", "parameter": "param", "parameters": "param", "param": "param",
        "params": "param", "dataset": "dataset", "datasets": "dataset", "run": ATTRIBUTE, **_TAGS, **_OWN,
    },
    attributes={
        "run_id": _LIST, "run_name": _TEXT, "user_id": _TEXT, "status": _TEXT, "artifact_uri": _TEXT, "start_time": _NUMBER,
        "end_time": _NUMBER,
    },
    orders=("run_id", "run_name", "user_id", "status", "artifact_uri", "start_time", "end_time"),
    order_parts=(ATTRIBUTE, "metric", "param", "tag"),
    aliases={
        "created": _START, "Created": _START, "run name": _RUN_NAME, "Run name": _RUN_NAME, "Run Name": _RUN_NAME,
    },
)  # fmt: skip
EXPERIMENTS: Final = Entity(
    parts={"tag": Part(NULLS)},
    spellings={**_TAGS, **_OWN},
    attributes={
        "name": _TEXT, "experiment_id": Part(("=", "!=", "in", "not in")), "creation_time": _WHOLE, "last_update_time": _WHOLE,
    },
    orders=("name", "experiment_id", "creation_time", "last_update_time"),
)  # fmt: skip
REGISTERED_MODELS: Final = Entity(
    parts={"tag": _TEXT},
    spellings={**_TAGS, **_OWN},
    attributes={"name": _LIST},
    orders=("name", "creation_timestamp", "last_updated_timestamp"),
)
MODEL_VERSIONS: Final = Entity(
    parts={"tag": _TEXT},
    spellings={**_TAGS, **_OWN},
    attributes={"name": _LIST, "run_id": _LIST, "source_path": _TEXT, "version_number": _WHOLE},
    orders=("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
)
_CREATED: Final = (ATTRIBUTE, "creation_timestamp")
_UPDATED: Final = (ATTRIBUTE, "last_updated_timestamp")
LOGGED_MODELS: Final = Entity(
    parts={"metric": _NUMBER, "param": Part(LISTS, "loose"), "tag": Part(LISTS, "loose")},
    spellings={"metrics": "metric", "params": "param", **_TAGS, **_OWN},
    attributes={
        "name": _LIST, "model_id": _LIST, "model_type": _LIST, "status": _LIST, "source_run_id": _LIST, "experiment_id": _LIST,
        "creation_timestamp": _NUMBER, "last_updated_timestamp": _NUMBER,
    },
    orders=("name", "model_id", "model_type", "status", "source_run_id", "creation_timestamp", "last_updated_timestamp"),
    order_parts=(ATTRIBUTE, "metric"),
    aliases={
        "creation_time": _CREATED, "creation_timestamp_ms": _CREATED, "last_updated_time": _UPDATED,
        "last_updated_timestamp_ms": _UPDATED,
    },
)  # fmt: skip
_SCORE: Final = Part((*NUMBERS, "like", "ilike", "is null", "is not null"), "either")
TRACES: Final = Entity(
    parts={
        "tag": Part((*LISTS, "is null", "is not null")), "metadata": Part((*LISTS, "is null", "is not null")),
        "span": Part(LISTS, keys=("name", "type", "status", "content", "attributes.")), "feedback": _SCORE, "expectation": _SCORE,
    },
    spellings={
        "metadata": "metadata", "request_metadata": "metadata", "span": "span", "feedback": "feedback",
        "expectation": "expectation", "trace": ATTRIBUTE, **_TAGS, **_OWN,
    },
    attributes={
        "request_id": _LIST, "client_request_id": _LIST, "status": _LIST, "timestamp_ms": _NUMBER, "execution_time_ms": _NUMBER,
        "end_time_ms": _NUMBER,
    },
    orders=("request_id", "status", "timestamp_ms", "execution_time_ms", "end_time_ms", "experiment_id"),
    order_parts=(ATTRIBUTE, "tag", "metadata"),
    aliases={
        "trace_id": (ATTRIBUTE, "request_id"), "timestamp": (ATTRIBUTE, "timestamp_ms"),
        "execution_time": (ATTRIBUTE, "execution_time_ms"), "end_time": (ATTRIBUTE, "end_time_ms"),
        "name": ("tag", "mlflow.traceName"), "prompt": ("tag", "mlflow.linkedPrompts"),
        "run_id": ("metadata", "mlflow.sourceRun"), "text": ("span", "content"),
    },
)  # fmt: skip
