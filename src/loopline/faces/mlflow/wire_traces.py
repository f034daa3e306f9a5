"""wire_traces: the documents that clients send about traces. Times are RFC 3339, durations seconds with an `s` behind."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import field

from loopline.faces.mlflow.asking import Document
from loopline.faces.mlflow.wire import Tag


class ExperimentPlace(Document):
    """An experiment in which traces lie."""

    experiment_id: str = ""


class Place(Document):
    """Where traces lie."""

    type: str | int = ""
    mlflow_experiment: ExperimentPlace | None = None


class Source(Document):
    """Who says something about a trace."""

    source_type: str | int = ""
    source_id: str = ""


class Error(Document):
    """Why there is no value."""

    error_code: str = ""
    error_message: str = ""
    stack_trace: str = ""


class Feedback(Document):
    """How good it was."""

    value: Any = None
    error: Error | None = None


class Serialized(Document):
    """A value, as text."""

    serialization_format: str = ""
    value: str = ""


class Expectation(Document):
    """How it should have been."""

    value: Any = None
    serialized_value: Serialized | None = None


class Issue(Document):
    """Which known trouble it shows."""

    issue_name: str = ""


class Assessment(Document):
    """What is said about a trace."""

    assessment_id: str = ""
    assessment_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    source: Source | None = None
    create_time: str | None = None
    last_update_time: str | None = None
    feedback: Feedback | None = None
    expectation: Expectation | None = None
    issue: Issue | None = None
    rationale: str | None = None
    error: Error | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    overrides: str = ""
    valid: bool | None = None


class TraceTold(Document):
    """A trace, without its spans."""

    trace_id: str = ""
    client_request_id: str | None = None
    trace_location: Place | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    request_time: str | None = None
    execution_duration: str | None = None
    state: str | int = ""
    trace_metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    assessments: tuple[Assessment, ...] = ()


class WholeTrace(Document):
    """A trace; its spans come by themselves."""

    trace_info: TraceTold | None = None


class StartTrace(Document):
    """A trace that is told whole."""

    trace: WholeTrace | None = None
    needs: ClassVar[tuple[str, ...]] = ("trace",)


class OneTrace(Document):
    """A trace, by its id."""

    trace_id: str | None = None
    allow_partial: bool = False
    needs: ClassVar[tuple[str, ...]] = ("trace_id",)


class ManyTraces(Document):
    """Traces, by their ids."""

    trace_ids: list[str] | None = None
    experiment_ids: list[str] | None = None
    needs: ClassVar[tuple[str, ...]] = ("trace_ids",)


class SearchTraces(Document):
    """What traces are looked for."""

    locations: tuple[Place, ...] | None = None
    filter: str = ""
    max_results: int = 100
    order_by: tuple[str, ...] = ()
    page_token: str = ""
    needs: ClassVar[tuple[str, ...]] = ("locations",)


class OldSearchTraces(Document):
    """The same, as clients of 2.x ask."""

    experiment_ids: list[str] | None = None
    filter: str = ""
    max_results: int = 100
    order_by: list[str] = field(default_factory=list)
    page_token: str = ""
    needs: ClassVar[tuple[str, ...]] = ("experiment_ids",)


class DeleteTraces(Document):
    """Traces that shall go."""

    experiment_id: str | None = None
    max_timestamp_millis: int | None = None
    max_traces: int | None = None
    request_ids: tuple[str, ...] = ()
    needs: ClassVar[tuple[str, ...]] = ("experiment_id",)


class SetTraceTag(Document):
    """A tag of a trace."""

    key: str | None = None
    value: str = ""
    needs: ClassVar[tuple[str, ...]] = ("key",)


class LinkToRun(Document):
    """Traces that belong to a run."""

    trace_ids: tuple[str, ...] | None = None
    run_id: str | None = None
    needs: ClassVar[tuple[str, ...]] = ("trace_ids", "run_id")


class PromptVersion(Document):
    """A version of a prompt."""

    name: str = ""
    version: str = ""


class LinkPrompts(Document):
    """Prompts that a trace has used."""

    trace_id: str | None = None
    prompt_versions: tuple[PromptVersion, ...] | None = None
    needs: ClassVar[tuple[str, ...]] = ("trace_id", "prompt_versions")


class CreateAssessment(Document):
    """Something that is said."""

    assessment: Assessment | None = None
    needs: ClassVar[tuple[str, ...]] = ("assessment",)


class UpdateAssessment(CreateAssessment):
    """Something that is said anew: what of it, with commas between."""

    update_mask: str | dict[str, Any] | None = None
    needs: ClassVar[tuple[str, ...]] = ("assessment", "update_mask")


class OldTrace(Document):
    """A trace that begins, or that has ended, as clients of 2.x tell it."""

    experiment_id: str = ""
    timestamp_ms: int = 0
    status: str | int = ""
    request_metadata: tuple[Tag, ...] = ()
    tags: tuple[Tag, ...] = ()
