"""tasks: work that waits for a worker, is under way, or is over (tables tasks, progress, workers).

A worker has a task under a lease with a fence. The lease is held on to by beating; once it has run out it is lost for good, and
whoever had it is refused, be the task taken up by another or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from loopline.errors import Conflict, NotFound
from loopline.nouns.progress import Progress
from loopline.nouns.task import Task, TaskState
from loopline.nouns.token import Scope
from loopline.store.database import Row, Rows

TRIES: Final = 3
"""A task whose worker was lost so often is given up."""
BATCH: Final = 500
"""Values in one `IN (…)`."""
_COLUMNS = (
    "id, project, verb, actor, queue, state, words, created_at, started_at, ended_at, cancelled_at, worker, attempts, fence,"
    " verified, result, error, run"
)
_SELECT = f"SELECT {_COLUMNS} FROM tasks"


@dataclass(frozen=True, slots=True)
class Presence:
    """A worker that says that it is there."""

    name: str
    queue: str
    started_at: int
    seen_at: int
    version: str


class Tasks:
    """The tasks of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def add(self, task: Task, *, scopes: Sequence[Scope] | None = None) -> Task:
        """Put one into its queue. `scopes` are what the asker's token covers; None where nobody was asked for one."""
        self._rows.do(
            "INSERT INTO tasks (id, project, queue, verb, words, actor, verified, state, created_at, run, scopes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            task.id, task.project, task.queue, task.verb, _text(dict(task.words)), task.actor, int(task.verified),
            str(TaskState.QUEUED), self._now, task.run, None if scopes is None else _text([asdict(one) for one in scopes]),
        )  # fmt: skip
        return self.get(task.id)

    def scopes(self, task: str) -> tuple[Scope, ...] | None:
        """Give what the token covered with which it was asked for; None where nobody was asked for one."""
        row = self._rows.one("SELECT scopes FROM tasks WHERE id = ?", task)
        if row is None or row[0] is None:
            return None
        return tuple(Scope(tuple(one["verbs"]), one["project"], one["assets"]) for one in json.loads(row[0]))

    def find(self, task: str) -> Task | None:
        """Look one up with its progress."""
        row = self._rows.one(f"{_SELECT} WHERE id = ?", task)
        return replace(_task(row), progress=self._progress(task).get(task, ())) if row else None

    def get(self, task: str) -> Task:
        """Look one up by its whole id. Raise NotFound."""
        found = self.find(task)
        if found is None:
            raise _absent(task)
        return found

    def resolve(self, project: str, prefix: str) -> Task:
        """Find a project's task by the first digits of its id (4 or more). Raise NotFound, Conflict."""
        low, high = (prefix, prefix + "g") if len(prefix) >= 4 else ("", "")
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND id >= ? AND id < ? ORDER BY id LIMIT 2", project, low, high
        )
        if len(rows) > 1 and rows[0][0] != prefix:
            raise Conflict(
                f"several tasks begin with {prefix}", kind="ambiguous-task", hint="write more digits", prefix=prefix
            )
        if not rows:
            raise _absent(prefix)
        found = rows[0][0]
        return replace(_task(rows[0]), progress=self._progress(found).get(found, ()))

    def list(
        self, project: str, *, open_only: bool = False, limit: int = 50, after: str | None = None
    ) -> Sequence[Task]:
        """Give a project's tasks newest first; `after` an id to go on from."""
        rows = self._rows.all(
            f"{_SELECT} WHERE project = ? AND (? = 0 OR state IN ('queued', 'running')) AND (? = '' OR id < ?)"
            " ORDER BY id DESC LIMIT ?",
            project, int(open_only), after or "", after or "", limit,
        )  # fmt: skip
        progress = self._progress(*(row[0] for row in rows))
        return [replace(_task(row), progress=progress.get(row[0], ())) for row in rows]

    def queued_by(self, actor: str) -> Sequence[Task]:
        """Give the tasks of every project that an actor asked for and no worker has, oldest first."""
        rows = self._rows.all(f"{_SELECT} WHERE state = 'queued' AND actor = ? ORDER BY id", actor)
        return [_task(row) for row in rows]

    def unfinished(self, project: str, verbs: Sequence[str]) -> Sequence[Task]:
        """Give a project's tasks of these verbs that wait or are under way, oldest first, without their progress."""
        marks = ", ".join("?" * len(verbs))
        rows = self._rows.all(
            f"{_SELECT} WHERE state IN ('queued', 'running') AND project = ? AND verb IN ({marks}) ORDER BY id",
            project, *verbs,
        )  # fmt: skip
        return [_task(row) for row in rows]

    def waiting(self, queue: str) -> bool:
        """Tell whether a queue holds anything."""
        return self._rows.one("SELECT 1 FROM tasks WHERE state = 'queued' AND queue = ? LIMIT 1", queue) is not None

    def counts(self) -> dict[tuple[str, str], int]:
        """Count the tasks of every project by queue and state."""
        rows = self._rows.all("SELECT queue, state, COUNT(*) FROM tasks GROUP BY state, queue")
        return {(row[0], row[1]): row[2] for row in rows}

    def oldest(self) -> dict[str, int]:
        """Tell for each queue in which something waits when the oldest of that was asked for."""
        rows = self._rows.all("SELECT queue, MIN(created_at) FROM tasks WHERE state = 'queued' GROUP BY queue")
        return {row[0]: row[1] for row in rows}

    def claim(self, queue: str, worker: str, *, lasting: int) -> Task | None:
        """Take the oldest task of a queue for `lasting` microseconds; None where none waits. Two workers never get the same."""
        skip = "" if self._rows.dialect == "sqlite" else " FOR UPDATE SKIP LOCKED"
        row = self._rows.one(
            "UPDATE tasks SET state = 'running', worker = ?, fence = fence + 1, attempts = attempts + 1, until = ?,"
            " started_at = COALESCE(started_at, ?) WHERE id ="
            f" (SELECT id FROM tasks WHERE state = 'queued' AND queue = ? ORDER BY id LIMIT 1{skip}) RETURNING {_COLUMNS}",
            worker, self._now + lasting, self._now, queue,
        )  # fmt: skip
        return _task(row) if row else None

    def check(self, task: str, fence: int, *, writing: bool = True) -> None:
        """Raise Conflict kind="lease-lost" unless this very taking of the task still holds.

        On PostgreSQL the row stays as it is until a transaction that is `writing` ends: nobody takes the task away in between.
        """
        share = " FOR SHARE" if writing and self._rows.dialect != "sqlite" else ""
        row = self._rows.one(f"SELECT state, fence, until FROM tasks WHERE id = ?{share}", task)
        if row is None or row[0] != "running" or row[1] != fence or row[2] <= self._now:
            raise _lost(task, fence)

    def beat(self, task: str, fence: int, *, lasting: int) -> bool:
        """Hold on to a task, and tell whether somebody has asked for it to stop. Raise Conflict kind="lease-lost"."""
        row = self._rows.one(
            "UPDATE tasks SET until = ? WHERE id = ? AND fence = ? AND state = 'running' AND until > ? RETURNING cancelled_at",
            self._now + lasting, task, fence, self._now,
        )  # fmt: skip
        if row is None:
            raise _lost(task, fence)
        return row[0] is not None

    def asked_to_stop(self, task: str) -> bool:
        """Tell whether somebody has asked for it to stop."""
        return self._rows.one("SELECT 1 FROM tasks WHERE id = ? AND cancelled_at IS NOT NULL", task) is not None

    def report(self, task: str, fence: int, several: Iterable[Progress]) -> None:
        """Write down how far a task is; reports of one label replace each other. Raise Conflict kind="lease-lost"."""
        self.check(task, fence)
        self._rows.many(
            "INSERT INTO progress (task, label, done, total, unit, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (task, label)"
            " DO UPDATE SET done = excluded.done, total = excluded.total, unit = excluded.unit, at = excluded.at",
            [(task, one.label, one.done, one.total, one.unit, self._now) for one in several],
        )  # fmt: skip

    def begin(self, task: str, fence: int, run: str) -> None:
        """Write down which run this taking begins. Raise Conflict kind="lease-lost"."""
        self.check(task, fence)
        self._rows.do("UPDATE tasks SET run = ? WHERE id = ?", run, task)

    def give_back(self, task: str, fence: int) -> None:
        """Let another worker have it; this taking does not count as a try. Nothing happens if it was lost already."""
        self._rows.do(
            "UPDATE tasks SET state = 'queued', worker = NULL, until = 0, attempts = attempts - 1"
            " WHERE id = ? AND fence = ? AND state = 'running'",
            task, fence,
        )  # fmt: skip

    def end(
        self, task: str, fence: int, state: TaskState, *, result: Any = None, error: dict[str, Any] | None = None
    ) -> Task:
        """Write down how a task ended. Raise Conflict kind="lease-lost" for whoever does not have it."""
        self.check(task, fence)
        return self._end(task, state, result=result, error=error)

    def cancel(self, task: str) -> Task:
        """Ask a task to stop: one that waits is over at once, one that runs is told so. One that is over stays as it is."""
        here = self.get(task)
        if here.state is TaskState.QUEUED:
            self._rows.do("UPDATE tasks SET cancelled_at = ? WHERE id = ?", self._now, task)
            return self._end(task, TaskState.CANCELLED)
        if here.state is TaskState.RUNNING and here.cancelled_at is None:
            self._rows.do("UPDATE tasks SET cancelled_at = ? WHERE id = ?", self._now, task)
        return self.get(task)

    def lost(self, *, limit: int = 100) -> Sequence[Task]:
        """Give the tasks whose worker has not been heard of for too long, oldest first."""
        rows = self._rows.all(f"{_SELECT} WHERE state = 'running' AND until <= ? ORDER BY id LIMIT ?", self._now, limit)
        return [_task(row) for row in rows]

    def lose(self, task: str, fence: int) -> Task:
        """Take a task away from a worker that is gone.

        It waits again; or is over, as cancelled where somebody had asked for that, as failed after TRIES. Raise Conflict
        kind="lease-lost" where it was not that worker's any more.
        """
        lock = "" if self._rows.dialect == "sqlite" else " FOR UPDATE"
        row = self._rows.one(f"{_SELECT} WHERE id = ? AND fence = ? AND state = 'running'{lock}", task, fence)
        if row is None:
            raise _lost(task, fence)
        here = _task(row)
        if here.cancelled_at is not None:
            return self._end(task, TaskState.CANCELLED)
        if here.attempts >= TRIES:
            return self._end(task, TaskState.FAILED, error=_worker_lost(here))
        self._rows.do("UPDATE tasks SET state = 'queued', worker = NULL, until = 0 WHERE id = ?", task)
        return self.get(task)

    def holds(self, task: str, fence: int) -> bool:
        """Tell whether a taking of a task still lasts."""
        row = self._rows.one(
            "SELECT 1 FROM tasks WHERE id = ? AND fence = ? AND state = 'running' AND until > ?", task, fence, self._now
        )
        return row is not None

    def present(self, name: str, queue: str, *, started_at: int, version: str) -> None:
        """Say that a worker is there."""
        self._rows.do(
            "INSERT INTO workers (name, queue, started_at, seen_at, version) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET seen_at = excluded.seen_at",
            name, queue, started_at, self._now, version,
        )  # fmt: skip

    def absent(self, name: str) -> None:
        """Say that a worker has gone."""
        self._rows.do("DELETE FROM workers WHERE name = ?", name)

    def forget(self, *, before: int) -> int:
        """Strike workers off that were last seen before a time. Give how many."""
        return self._rows.do("DELETE FROM workers WHERE seen_at < ?", before)

    def workers(self) -> Sequence[Presence]:
        """Give the workers that have not said goodbye."""
        rows = self._rows.all("SELECT name, queue, started_at, seen_at, version FROM workers ORDER BY name")
        return [Presence(*row) for row in rows]

    def _end(self, task: str, state: TaskState, *, result: Any = None, error: dict[str, Any] | None = None) -> Task:
        self._rows.do(
            "UPDATE tasks SET state = ?, ended_at = ?, until = 0, result = ?, error = ? WHERE id = ?",
            str(state), self._now, None if result is None else _text(result), _text(error) if error else None, task,
        )  # fmt: skip
        return self.get(task)

    def _progress(self, *tasks: str) -> dict[str, tuple[Progress, ...]]:
        found: dict[str, tuple[Progress, ...]] = {}
        for start in range(0, len(tasks), BATCH):
            chunk = tasks[start : start + BATCH]
            marks = ", ".join("?" * len(chunk))
            for task, *told in self._rows.all(
                f"SELECT task, label, done, total, unit FROM progress WHERE task IN ({marks}) ORDER BY at, label",
                *chunk,
            ):
                found[task] = (*found.get(task, ()), Progress(*told))
        return found


def _worker_lost(task: Task) -> dict[str, Any]:
    return {
        "class": "Unavailable",
        "kind": "worker-lost",
        "message": f"its worker was lost {task.attempts} times",
        "hint": "see what ends the worker (memory?), then ask again",
        "facts": {"worker": task.worker, "attempts": task.attempts},
    }


def _lost(task: str, fence: int) -> Conflict:
    return Conflict(
        f"task {task} is no longer this worker's", kind="lease-lost", hint="stop: another worker has it, or it is over",
        task=task, fence=fence,
    )  # fmt: skip


def _absent(task: str) -> NotFound:
    return NotFound(f"there is no task {task}", kind="no-task", hint="loopline find tasks", task=task)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _task(row: Row) -> Task:
    return Task(
        id=row[0], project=row[1], verb=row[2], actor=row[3], queue=row[4], state=TaskState(row[5]), words=json.loads(row[6]),
        created_at=row[7], started_at=row[8], ended_at=row[9], cancelled_at=row[10], worker=row[11], attempts=row[12],
        fence=row[13], verified=bool(row[14]), result=None if row[15] is None else json.loads(row[15]),
        error=None if row[16] is None else json.loads(row[16]), run=row[17],
    )  # fmt: skip
