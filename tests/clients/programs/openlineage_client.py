"""Runs in the environment of openlineage-python: sends what an integration sends, or reads events from stdin as its own."""

from __future__ import annotations

import json
import sys
from typing import Any

BY = "https://example.org"
RUN, PARENT, FAILED = (f"01941f29-7c00-7aaa-8000-00000000000{number}" for number in (1, 2, 3))


def send(url: str, compression: str) -> None:
    """Tell of a DAG run, a task inside of it that is told of first, one that fails, a dataset and a job."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import (
        Dataset,
        DatasetEvent,
        InputDataset,
        Job,
        JobEvent,
        OutputDataset,
        Run,
        RunEvent,
        RunState,
    )
    from openlineage.client.facet_v2 import (
        dataset_version_dataset,
        error_message_run,
        job_type_job,
        nominal_time_run,
        parent_run,
        processing_engine_run,
        schema_dataset,
        source_code_location_job,
        symlinks_dataset,
        tags_run,
    )
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    more = {"compression": compression} if compression else {}
    transport = HttpTransport(HttpConfig.from_dict({"url": url, "endpoint": "api/v1/lineage?project=flights", **more}))
    client = OpenLineageClient(transport=transport)
    dag, task = Job("airflow", "shop"), Job("airflow", "shop.load", facets={
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "AIRFLOW", "TASK"),
        "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet("git", f"{BY}/x", version="abc"),
    })  # fmt: skip
    facets: dict[str, Any] = {
        "parent": parent_run.ParentRunFacet(run=parent_run.Run(PARENT), job=parent_run.Job("airflow", "shop")),
        "nominalTime": nominal_time_run.NominalTimeRunFacet("2026-06-30T00:00:00Z"),
        "processingEngine": processing_engine_run.ProcessingEngineRunFacet("3.1.0", "Airflow", "2.0.0"),
        "tags": tags_run.TagsRunFacet([tags_run.TagsRunFacetFields("team", "shop", "USER")]),
    }
    read = InputDataset("postgres://db:5432", "raw.orders", facets={
        "schema": schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields("id", "INT")]),
    })  # fmt: skip
    made = OutputDataset("s3://lake", "orders", facets={
        "version": dataset_version_dataset.DatasetVersionDatasetFacet("7"),
        "symlinks": symlinks_dataset.SymlinksDatasetFacet([symlinks_dataset.Identifier("hive://x", "shop.orders", "TABLE")]),
    })  # fmt: skip

    def emit(state: RunState, time: str, run: str, job: Job, **rest: Any) -> None:
        given = rest.pop("facets", {})
        client.emit(
            RunEvent(
                eventType=state,
                eventTime=time,
                run=Run(run, facets=given),
                job=job,
                producer=BY,
                **rest,
            )
        )

    emit(RunState.START, "2026-07-01T10:01:00.000+00:00", RUN, task, facets=facets, inputs=[read])
    emit(RunState.START, "2026-07-01T10:00:00.000+00:00", PARENT, dag)
    emit(RunState.RUNNING, "2026-07-01T10:02:00.000+00:00", RUN, task, facets=facets)
    for _ in range(2):  # a client whose first answer was lost
        emit(
            RunState.COMPLETE, "2026-07-01T10:03:00.000+00:00", RUN, task, facets=facets, inputs=[read], outputs=[made]
        )
    emit(
        RunState.START,
        "2026-07-01T10:04:00Z",
        FAILED,
        Job("airflow", "shop.report"),
        inputs=[InputDataset("s3://lake", "orders")],
    )
    error = error_message_run.ErrorMessageRunFacet("boom", "PYTHON", "Traceback …")
    emit(RunState.FAIL, "2026-07-01T10:05:00Z", FAILED, Job("airflow", "shop.report"), facets={"errorMessage": error})
    emit(RunState.COMPLETE, "2026-07-01T10:06:00Z", PARENT, dag)
    client.emit(DatasetEvent(eventTime="2026-07-01T10:07:00Z", producer=BY, dataset=Dataset("s3://lake", "orders")))
    client.emit(JobEvent(eventTime="2026-07-01T10:08:00Z", producer=BY, job=dag, inputs=[read], outputs=[made]))
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
