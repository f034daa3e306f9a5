"""calls: what a training loop pays for a metric."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import OURS, Case, Sample, side
from benchmarks.peers import environment, peer

TITLE = "Logging from a training loop"
ROUNDS = 7
COUNT = 10_000
MLFLOW_COUNT = 500
ABOUT = f"""
One metric a call, {COUNT:,} calls for Loopline and {MLFLOW_COUNT} for MLflow on SQLite, figures per call. "Log one
metric" is what the loop waits for (CPU of its own thread); "until durable" adds the end of the run, when everything
is in the ledger (CPU of the whole process). MLflow is measured with its blocking call and with `synchronous=False`,
which queues.
"""


def cases(place: Path) -> list[Case]:
    """The call and the whole, for each way of logging."""
    mlflow = peer("mlflow")
    env = environment(place / "home") | {"MLFLOW_TRACKING_URI": f"sqlite:///{place / 'mlflow.db'}"}
    project = place / "project"
    project.mkdir()
    (project / "loopline.toml").write_text('[project]\nname = "bench"\n')
    last: dict[str, dict[str, Sample]] = {}

    def ours() -> Sample:
        last["ours"] = side(OURS, "loopline_calls", COUNT, cwd=project, env=env)
        return last["ours"]["log"]

    def theirs(way: str) -> Sample:
        last[way] = side(mlflow.python, "mlflow_calls", MLFLOW_COUNT, way, cwd=place, env=env)
        return last[way]["log"]

    return [
        Case("log one metric", "loopline", ours),
        Case("log one metric", "mlflow", lambda: theirs("sync"), "blocking"),
        Case("log one metric", "mlflow", lambda: theirs("async"), "`synchronous=False`"),
        Case("log one metric, until durable", "loopline", lambda: last["ours"]["durable"]),
        Case("log one metric, until durable", "mlflow", lambda: last["sync"]["durable"], "blocking"),
        Case("log one metric, until durable", "mlflow", lambda: last["async"]["durable"], "`synchronous=False`"),
    ]
