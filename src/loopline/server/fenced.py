"""fenced: a ledger as the worker of one task sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from loopline.ledger.ledger import Ledger, Tables, Writing
from loopline.verbs.burying import FENCE

if TYPE_CHECKING:
    from loopline.nouns.actor import Actor
    from loopline.nouns.clock import Clock
    from loopline.nouns.run import Run
    from loopline.nouns.task import Task


class Fenced(Ledger):
    """Refuses to write once the task is no longer this worker's, and marks the runs that come of it.

    The lease is looked at inside of each transaction: who was paused past its end finds out before anything is changed. `fits`
    is asked about each run that is started, and raises where it may not be recorded like that.
    """

    def __init__(self, inner: Ledger, task: Task, *, clock: Clock, fits: Callable[[Run], None]) -> None:
        super().__init__(inner.database, clock=clock)
        self._task = task
        self._fits = fits

    @contextmanager
    def write(self, project: str, actor: Actor) -> Iterator[Writing]:
        """Change rows and add one event, if the task is still ours. Raise Conflict kind="lease-lost"."""
        with super().write(project, actor) as tx:
            self._hold(tx)
            tx.runs.marks = {"task": self._task.id, FENCE: str(self._task.fence)}
            tx.runs.accepts = self._fits
            yield tx

    @contextmanager
    def telemetry(self) -> Iterator[Tables]:
        """Change rows that are no history, if the task is still ours. Raise Conflict kind="lease-lost"."""
        with super().telemetry() as tables:
            self._hold(tables)
            yield tables

    def _hold(self, tables: Tables) -> None:
        tables.tasks.check(self._task.id, self._task.fence)
