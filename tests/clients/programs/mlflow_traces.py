"""Trace functions with mlflow, find the traces, judge them; keep prompts and sets of examples. Prints what it got back."""

from __future__ import annotations

import sys
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow_parts import TWO, play, refused, said


@mlflow.trace(span_type="RETRIEVER", attributes={"k": 2})
def look_up(city: str) -> list[str]:
    """Be a span within another."""
    return [city, city.upper()]


@mlflow.trace
def answer(city: str) -> str:
    """Be the outermost span."""
    if city == "nowhere":
        raise ValueError(city)
    return " ".join(look_up(city))


def traced() -> None:
    """Functions that call each other, one that breaks, and a span by hand."""
    made = mlflow.set_experiment("traces")
    said["experiment"] = made.experiment_id
    with mlflow.start_run(run_name="asking") as run:
        said["run"] = run.info.run_id
        answer("oslo")
        said["trace"] = last()
        try:
            answer("nowhere")
        except ValueError:
            said["broken"] = last()
    with mlflow.start_span(name="by hand") as span:
        span.set_inputs({"q": "é"})
        span.set_attribute("depth", 3)
        span.set_outputs({"a": [1, 2]})
    said["hand"] = last()
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()


def last() -> str:
    """Give the id of the trace that was made last."""
    return str(mlflow.get_last_active_trace_id())


def read_back() -> None:
    """Traces with their spans, one by one."""
    found = mlflow.get_trace(said["trace"]) if not TWO else MlflowClient().get_trace(said["trace"])
    spans = sorted(found.data.spans, key=lambda one: one.name)
    said["spans"] = [(one.name, one.span_type, one.inputs, one.outputs) for one in spans]
    said["parents"] = [one.parent_id == spans[0].span_id for one in spans]
    client = MlflowClient()
    broken, hand = client.get_trace(said["broken"]), client.get_trace(said["hand"])
    said["states"] = [str(one.info.status).rpartition(".")[2] for one in (found, broken, hand)]
    said["error"] = [event.name for event in broken.data.spans[0].events]
    said["attributes"] = [hand.data.spans[0].inputs, hand.data.spans[0].outputs, hand.data.spans[0].attributes["depth"]]


def found() -> None:
    """Search traces, tag them, delete one."""
    client, here = MlflowClient(), [said["experiment"]]
    client.set_trace_tag(said["trace"], "looked", "yes")
    tagged = client.search_traces(experiment_ids=here, filter_string="tags.looked = 'yes'")
    said["tagged"] = [ident(one) == said["trace"] for one in tagged]
    wrong = client.search_traces(experiment_ids=here, filter_string="attributes.status = 'ERROR'")
    said["wrong"] = [ident(one) == said["broken"] for one in wrong]
    said["frame"] = len(mlflow.search_traces(experiment_ids=here))
    client.delete_trace_tag(said["trace"], "looked")
    said["untagged"] = len(client.search_traces(experiment_ids=here, filter_string="tags.looked = 'yes'"))
    ids = {"trace_ids": [said["hand"]]} if not TWO else {"request_ids": [said["hand"]]}
    said["deleted"] = client.delete_traces(said["experiment"], **ids)
    said["gone"] = refused(client.get_trace, said["hand"])


def ident(trace: Any) -> str:
    """Give a trace's id."""
    return str(trace.info.request_id if TWO else trace.info.trace_id)


def judged() -> None:
    """Feedback and expectations about a trace."""
    from mlflow.entities import AssessmentSource

    source = AssessmentSource(source_type="HUMAN", source_id="ann")
    feedback = mlflow.log_feedback(trace_id=said["trace"], name="good", value=True, source=source, rationale="short")
    mlflow.log_expectation(trace_id=said["trace"], name="wanted", value={"city": "Oslo"}, source=source)
    kept = {one.name: one for one in mlflow.get_trace(said["trace"]).info.assessments}
    said["judged"] = [kept["good"].value, kept["good"].rationale, kept["wanted"].value, kept["good"].source.source_id]
    mlflow.delete_assessment(trace_id=said["trace"], assessment_id=feedback.assessment_id)
    said["left"] = [one.name for one in mlflow.get_trace(said["trace"]).info.assessments]


def prompts() -> None:
    """Prompts ride on the registry."""
    first = mlflow.genai.register_prompt(name="greet", template="Hello {{name}}", commit_message="first")
    second = mlflow.genai.register_prompt(name="greet", template="Hi {{name}}", tags={"tone": "short"})
    mlflow.genai.set_prompt_alias("greet", alias="live", version=first.version)
    live = mlflow.genai.load_prompt("prompts:/greet@live")
    said["prompts"] = [first.version, second.version, live.format(name="Ada"), live.commit_message]
    said["newest"] = mlflow.genai.load_prompt("greet", version=second.version).template


mlflow.set_tracking_uri(sys.argv[1])
play(traced, read_back, found, *([] if TWO else [judged, prompts]))
