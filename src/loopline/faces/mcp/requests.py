"""requests: how tools reach verbs on a server, for the caller of one request: by the same door as the API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loopline.errors import NotFound, Refused
from loopline.faces.admit import admit
from loopline.faces.mcp.asking import Answer, Worked
from loopline.faces.native.door import admitted
from loopline.faces.native.tasks import TASKS, queued
from loopline.faces.native.wire import object_of, usage_for
from loopline.ledger.ledger import Ledger
from loopline.verbs import BY_NAME
from loopline.verbs.asking import DEFAULT
from loopline.verbs.holding import claimed
from loopline.verbs.lacking import telling
from loopline.verbs.paging import next_of
from loopline.verbs.plain import plain
from loopline.verbs.usage import read

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.loop import Loop


class Requested:
    """Asks for the caller of a request. Everything here runs on one of the desk's threads."""

    def __init__(self, request: Request, project: str) -> None:
        self._request = request
        self._project = project

    @property
    def project(self) -> str:
        """The project that is asked."""
        return self._project

    def read(self, verb: str, words: Mapping[str, Any]) -> Answer:
        """Ask a read."""
        loop, typed = self._let_in(verb, words)
        with telling(loop):
            result = usage_for(verb).function(loop, **typed)
        return Answer(plain(result, project=self._project), next_of(verb, typed, result), type(result).__name__.lower())

    def write(self, verb: str, words: Mapping[str, Any], *, dry: bool = False) -> Answer:
        """Ask a write, one transaction."""
        loop, typed = self._let_in(verb, words)
        if dry:
            loop = replace(loop, ledger=Ledger(loop.ledger.database, clock=loop.clock, dry=True))
        result = usage_for(verb).function(loop, **typed)
        desk: Desk = self._request.app.state.desk
        desk.bell.ring()
        return Answer(plain(result, project=self._project), None, type(result).__name__.lower())

    def work(self, verb: str, words: Mapping[str, Any]) -> Worked:
        """Put work into the queue of the usual workers: no request waits for it."""
        loop, typed = self._let_in(verb, words)
        said = object_of(queued(loop, BY_NAME[verb], typed, queue=DEFAULT).body.encode())
        desk: Desk = self._request.app.state.desk
        desk.bell.ring()
        return Worked("queued", task=said["task"]["id"], run=said["run"])

    def task(self, name: str) -> Answer:
        """Tell of a task of this project. Of another project's there is nothing to be told."""
        desk: Desk = self._request.app.state.desk
        with desk.loop.ledger.read() as tx:
            task = tx.tasks.find(name)
        if task is not None and task.project == self._project:
            with suppress(Refused):
                admit(self._request, TASKS, project=self._project, assets=("*",))
                return Answer(plain(task, project=self._project), None, "task")
        raise NotFound(
            f"nothing is called {name[:100]}", kind="no-such-thing", hint="loopline_find_records", name=name[:100]
        )

    def source(self) -> None:
        """Give nothing: a server has no folder that somebody works in."""

    def _let_in(self, verb: str, words: Mapping[str, Any]) -> tuple[Loop, dict[str, Any]]:
        typed = read(usage_for(verb), words, project=self._project)
        loop = admitted(self._request, BY_NAME[verb], self._project, typed)
        claimed(loop, typed)
        return loop, typed
