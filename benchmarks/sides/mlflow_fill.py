"""Fill MLflow's SQLite through its own tables: `mlflow_fill.py URI RUNS POINTS` tells the id of a run with a long series.

Each run has ten params and ten metrics. By its REST API this would take longer than all that is measured.
"""

from __future__ import annotations

import json
import sys
import uuid

from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

BEGAN = 1_700_000_000_000


def main() -> None:
    uri, runs, points = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = SqlAlchemyStore(uri, "mlflow-artifacts:/")
    for start in range(0, runs, 1000):
        write(store, range(start, min(start + 1000, runs)))
    name = begin(store)
    row = {"run_uuid": name, "key": "loss", "is_nan": False}
    with store.ManagedSessionMaker() as session:
        for start in range(0, points, 10_000):
            every = [
                {**row, "value": 1 / (n + 1), "timestamp": BEGAN + n, "step": n}
                for n in range(start, min(start + 10_000, points))
            ]
            session.bulk_insert_mappings(SqlMetric, every)
        session.bulk_insert_mappings(
            SqlLatestMetric, [{**row, "value": 1 / points, "timestamp": BEGAN + points, "step": points - 1}]
        )
    print(json.dumps({"run": name}))


def begin(store: SqlAlchemyStore) -> str:
    """Begin the run that has a long series."""
    name = uuid.uuid4().hex
    with store.ManagedSessionMaker() as session:
        session.bulk_insert_mappings(SqlRun, [run(name, 0)])
    return name


def run(name: str, number: int) -> dict[str, object]:
    """Give a run's row."""
    return {
        "run_uuid": name, "name": f"run {number}", "source_type": "LOCAL", "user_id": "bench", "status": "FINISHED",
        "start_time": BEGAN + number, "end_time": BEGAN + number + 1, "lifecycle_stage": "active", "experiment_id": 0,
        "artifact_uri": f"mlflow-artifacts:/0/{name}/artifacts",
    }  # fmt: skip


def write(store: SqlAlchemyStore, numbers: range) -> None:
    """Write some runs."""
    names = {number: uuid.uuid4().hex for number in numbers}
    metrics = [
        {
            "run_uuid": name,
            "key": f"m{k}",
            "value": ((number * 7919 + k) % 10_007) / 10_007,
            "timestamp": BEGAN,
            "step": 0,
            "is_nan": False,
        }
        for number, name in names.items()
        for k in range(10)
    ]
    params = [
        {"run_uuid": name, "key": f"p{k}", "value": str(number % (k + 2))}
        for number, name in names.items()
        for k in range(10)
    ]
    tags = [{"run_uuid": name, "key": "mlflow.runName", "value": f"run {number}"} for number, name in names.items()]
    with store.ManagedSessionMaker() as session:
        session.bulk_insert_mappings(SqlRun, [run(name, number) for number, name in names.items()])
        for table, rows in ((SqlMetric, metrics), (SqlLatestMetric, metrics), (SqlParam, params), (SqlTag, tags)):
            session.bulk_insert_mappings(table, rows)


if __name__ == "__main__":
    main()
