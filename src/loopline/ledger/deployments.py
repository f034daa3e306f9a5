"""deployments: how the processes behind each ref of a service do, as their host has seen it last (table deployments).

What should run is the ref; this is only what does. It is written without events, by whoever holds the deployment's lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from loopline.nouns.deployment import Deployment
from loopline.store.database import Row, Rows

_SELECT = "SELECT ref, state, serving, url, host, pids, restarts, message, seen_at, grpc, rolls FROM deployments"

Protocol = Literal["http", "grpc"]
_PORTS: Final = {"http": "port", "grpc": "grpc_port"}


class Deployments:
    """The deployments of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def say(self, project: str, one: Deployment) -> None:
        """Write down how one does now. What it should serve is not written: that is its ref's."""
        self._rows.do(
            "INSERT INTO deployments (project, ref, state, serving, url, host, pids, restarts, message, seen_at, grpc, rolls)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, ref) DO UPDATE SET state = excluded.state,"
            " serving = excluded.serving, url = excluded.url, host = excluded.host, pids = excluded.pids,"
            " restarts = excluded.restarts, message = excluded.message, seen_at = excluded.seen_at,"
            " grpc = excluded.grpc, rolls = excluded.rolls",
            project, one.ref, one.state, one.serving, one.url, one.host, " ".join(map(str, one.pids)), one.restarts, one.message,
            self._now, one.grpc, one.rolls,
        )  # fmt: skip

    def find(self, project: str, ref: str) -> Deployment | None:
        """Give what was said last; None where no host ever had it."""
        row = self._rows.one(f"{_SELECT} WHERE project = ? AND ref = ?", project, ref)
        return _deployment(row) if row else None

    def list(self, project: str) -> Sequence[Deployment]:
        """Give what was said last of each deployment of a project, by ref, also of those that are no more."""
        return [_deployment(row) for row in self._rows.all(f"{_SELECT} WHERE project = ? ORDER BY ref", project)]

    def port(self, project: str, ref: str, protocol: Protocol = "http") -> int:
        """Give the port that a deployment keeps; 0 where it has none yet."""
        row = self._rows.one(f"SELECT {_PORTS[protocol]} FROM deployments WHERE project = ? AND ref = ?", project, ref)
        return int(row[0]) if row else 0

    def ports(self) -> set[int]:
        """Give the ports that deployments keep, those of every project."""
        rows = self._rows.all("SELECT port, grpc_port FROM deployments")
        return {int(port) for row in rows for port in row if port}

    def keep_port(self, project: str, ref: str, port: int, protocol: Protocol = "http") -> None:
        """Give a deployment its port from now on."""
        column = _PORTS[protocol]
        self._rows.do(
            f"INSERT INTO deployments (project, ref, state, {column}, seen_at) VALUES (?, ?, 'waiting', ?, ?)"
            f" ON CONFLICT (project, ref) DO UPDATE SET {column} = excluded.{column}",
            project, ref, port, self._now,
        )  # fmt: skip


def _deployment(row: Row) -> Deployment:
    ref, state, serving, url, host, pids, restarts, message, seen_at, grpc, rolls = row
    return Deployment(
        ref=ref, number=None, state=state, serving=serving, url=url, host=host, pids=tuple(map(int, pids.split())),
        restarts=restarts, message=message, seen_at=seen_at, grpc=grpc, rolls=rolls,
    )  # fmt: skip
