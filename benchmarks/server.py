"""server: what a request costs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, Measured
from benchmarks.peers import environment
from benchmarks.serving import Server, floor, load, loopline, mlflow, scaled

TITLE = "Requests to a server"
CPU = "Server's CPU"
WALL = "Elapsed"
ROUNDS = 5
CONNECTIONS = (1, 16, 64)
COUNTS = {"starlette": 6000, "loopline": 2000, "mlflow": 300}
ABOUT = """
Figures per request: the CPU of all processes of the server, and the time that passed (that of all requests divided by
their number: 1,000 ÷ milliseconds is requests a second). A process of its own sends requests over kept connections,
the next one when the last is answered; both share the machine. Floor: bare Starlette that reads the body and answers
a small JSON, on the same uvicorn with the same settings; it keeps nothing. Read: one run by its id (`show`; MLflow:
`runs/get`). Write: begin a run (`start`, durable, with its event and a reply that is kept for retries; MLflow:
`runs/create`). Log: ten metrics of one run (MLflow: `runs/log-batch`). Loopline and MLflow are on SQLite, one process
that answers each (`mlflow server --workers 1`, and a pool of 128 database connections: with its usual 15 it refuses
requests of 64 clients).
"""


def cases(place: Path) -> list[Case]:
    """Three servers, three requests, three numbers of connections."""
    env = environment(place / "home")
    servers = {
        "starlette": floor(place / "floor", env),
        "loopline": loopline(place / "ours", env, "--no-worker"),
        "mlflow": mlflow(place / "mlflow", env, "--workers", "1"),
    }
    for server in servers.values():
        server.ready()
    asked = {
        "starlette": _floor(),
        "loopline": _loopline(servers["loopline"]),
        "mlflow": _mlflow(servers["mlflow"]),
    }
    notes = {"starlette": "floor"}
    return [
        Case(
            f"{what}, {connections} connection{'s' if connections > 1 else ''}", who,
            partial(load, servers[who], connections, max(scaled(COUNTS[who]), connections), [asked[who][what]]),
            notes.get(who, ""),
        )
        for what in ("read", "write", "log 10 metrics")
        for connections in CONNECTIONS
        for who in servers
    ]  # fmt: skip


def _floor() -> dict[str, dict[str, Any]]:
    points = {"run": "0" * 32, "points": [{"key": f"m{i}", "value": 0.5, "step": 1} for i in range(10)]}
    return {
        "read": {"method": "GET", "path": "/"},
        "write": {"method": "POST", "path": "/", "body": {"name": "train", "params": {"depth": "8"}}},
        "log 10 metrics": {"method": "POST", "path": "/", "body": points},
    }


def _loopline(server: Server) -> dict[str, dict[str, Any]]:
    run = server.ask("POST", "/api/v1/start?project=bench", {"name": "train", "params": {"depth": "8"}})["result"]["id"]
    points = [{"key": f"m{i}", "value": 0.5, "step": 1} for i in range(10)]
    return {
        "read": {"method": "GET", "path": f"/api/v1/show?project=bench&what={run}"},
        "write": {
            "method": "POST", "path": "/api/v1/start?project=bench", "headers": {"Idempotency-Key": "bench-@N@-@CHANCE@"},
            "body": {"name": "train", "params": {"depth": "8"}},
        },
        "log 10 metrics": {
            "method": "POST", "path": "/api/v1/log?project=bench", "body": {"run": run, "points": points},
        },
    }  # fmt: skip


def _mlflow(server: Server) -> dict[str, dict[str, Any]]:
    begun = {"experiment_id": "0", "start_time": 1, "run_name": "train", "tags": [{"key": "depth", "value": "8"}]}
    run = server.ask("POST", "/api/2.0/mlflow/runs/create", begun)["run"]["info"]["run_id"]
    metrics = [{"key": f"m{i}", "value": 0.5, "timestamp": 1, "step": 1} for i in range(10)]
    return {
        "read": {"method": "GET", "path": f"/api/2.0/mlflow/runs/get?run_id={run}"},
        "write": {"method": "POST", "path": "/api/2.0/mlflow/runs/create", "body": begun},
        "log 10 metrics": {
            "method": "POST", "path": "/api/2.0/mlflow/runs/log-batch", "body": {"run_id": run, "metrics": metrics},
        },
    }  # fmt: skip


def notes(measured: list[Measured]) -> str:
    """Say it in requests a second, at the most connections."""
    most = f", {CONNECTIONS[-1]} connections"
    rates = {(one.what, one.who): 1000 / one.median("wall") for one in measured if one.what.endswith(most)}
    said = [
        f"{what}: "
        + ", ".join(f"{who} {rates[what + most, who]:,.0f}" for who in COUNTS if (what + most, who) in rates)
        for what in ("read", "write", "log 10 metrics")
    ]
    return f"Requests a second at {CONNECTIONS[-1]} connections: {'; '.join(said)}."
