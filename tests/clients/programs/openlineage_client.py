"""Runs in the environment of openlineage-python: sends what an integration sends, or reads events from stdin as its own."""

from __future__ import annotations

import json
import sys
from typing import Any

BY = "https://example.org"
RUN, PARENT, FAILED = (f"01941f29-7c00-7aaa-8000-00000000000{number}" for number in (1, 2, 3))


def connected(url: str, compression: str) -> Any:
    """Make a client as an integration's configuration does."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    more = {"compression": compression} if compression else {}
    config = HttpConfig.from_dict({"url": url, "endpoint": "api/v1/lineage?project=flights", **more})
    return OpenLineageClient(transport=HttpTransport(config))


def facets() -> dict[str, Any]:
    """Give the facets of a task's run."""
    from openlineage.client.facet_v2 import nominal_time_run, parent_run, processing_engine_run, tags_run

    around = parent_run.Run(PARENT), parent_run.Job("airflow", "shop")
    return {
        "parent": parent_run.ParentRunFacet(*around),
        "nominalTime": nominal_time_run.NominalTimeRunFacet("2026-06-30T00:00:00Z"),
        "processingEngine": processing_engine_run.ProcessingEngineRunFacet("3.1.0", "Airflow", "2.0.0"),
        "tags": tags_run.TagsRunFacet([tags_run.TagsRunFacetFields("team", "shop", "USER")]),
    }


def datasets() -> tuple[Any, Any]:
    """Give what the task reads and makes."""
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import dataset_version_dataset, schema_dataset, symlinks_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields("id", "INT")]
    other = symlinks_dataset.Identifier("hive://x", "shop.orders", "TABLE")
    about = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet("7"),
        "symlinks": symlinks_dataset.SymlinksDatasetFacet([other]),
    }
    read = InputDataset(
        "postgres://db:5432", "raw.orders", facets={"schema": schema_dataset.SchemaDatasetFacet(fields)}
    )
    return read, OutputDataset("s3://lake", "orders", facets=about)


def send(url: str, compression: str) -> None:
    """Tell of a DAG run, a task inside of it that is told of first, one that fails, a dataset and a job."""
    from openlineage.client.event_v2 import Dataset, DatasetEvent, InputDataset, Job, JobEvent, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run, job_type_job, source_code_location_job

    client = connected(url, compression)
    read, made = datasets()
    about = {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "AIRFLOW", "TASK"),
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet("git", f"{BY}/x", version="abc"),
    }
    dag, task, report = Job("airflow", "shop"), Job("airflow", "shop.load", facets=about), Job("airflow", "shop.report")

    def emit(state: RunState, minute: int, run: str, job: Job, **rest: Any) -> None:
        time = f"2026-07-01T10:{minute:02}:00.000+00:00"
        told = Run(run, facets=rest.pop("facets", {}))
        client.emit(RunEvent(eventType=state, eventTime=time, run=told, job=job, producer=BY, **rest))

    emit(RunState.START, 1, RUN, task, facets=facets(), inputs=[read])
    emit(RunState.START, 0, PARENT, dag)
    emit(RunState.RUNNING, 2, RUN, task, facets=facets())
    for _ in range(2):  # a client whose first answer was lost
        emit(RunState.COMPLETE, 3, RUN, task, facets=facets(), inputs=[read], outputs=[made])
    emit(RunState.START, 4, FAILED, report, inputs=[InputDataset("s3://lake", "orders")])
    error = error_message_run.ErrorMessageRunFacet("boom", "PYTHON", "Traceback …")
    emit(RunState.FAIL, 5, FAILED, report, facets={"errorMessage": error})
    emit(RunState.COMPLETE, 6, PARENT, dag)
    time = "2026-07-01T10:07:00Z"
    client.emit(DatasetEvent(eventTime=time, producer=BY, dataset=Dataset("s3://lake", "orders")))
    client.emit(JobEvent(eventTime=time, producer=BY, job=dag, inputs=[read], outputs=[made]))
    print("sent")


def read() -> None:
    """Build the client's own objects from events on stdin; whatever its classes do not take is an error."""
    from openlineage.client import event_v2, facet_v2
    from openlineage.client.serde import Serde

    classes = {}
    for name in dir(facet_v2):
        module = getattr(facet_v2, name)
        for cls in vars(module).values() if hasattr(module, "__name__") else ():
            if isinstance(cls, type) and hasattr(cls, "_get_schema"):
                classes[cls.__name__] = cls
    count = 0
    for event in json.load(sys.stdin):
        for owner in (
            event.get("run"),
            event.get("job"),
            event.get("dataset"),
            *event.get("inputs", ()),
            *event.get("outputs", ()),
        ):
            for name, facet in (owner or {}).get("facets", {}).items():
                if name.startswith("loopline_"):
                    continue
                cls = classes[facet["_schemaURL"].rpartition("/")[2]]
                made = cls(**{key: value for key, value in facet.items() if not key.startswith("_")})
                assert made._schemaURL == facet["_schemaURL"], (made._schemaURL, facet["_schemaURL"])
                count += 1
        kind = event["schemaURL"].rpartition("/")[2]
        fields = {
            key: value for key, value in event.items() if key not in ("schemaURL", "run", "job", "dataset", "eventType")
        }
        if kind == "RunEvent":
            fields |= {"run": event_v2.Run(event["run"]["runId"]), "eventType": event_v2.RunState[event["eventType"]]}
            fields["job"] = event_v2.Job(event["job"]["namespace"], event["job"]["name"])
        else:
            fields["dataset"] = event_v2.Dataset(event["dataset"]["namespace"], event["dataset"]["name"])
        made_event = getattr(event_v2, kind)(**fields)
        assert made_event.schemaURL == event["schemaURL"]
        Serde.to_json(made_event)
    print(count)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
    else:
        read()
