"""assistant: how an assistant's tools reach the loop from a terminal's machine: embedded, or at a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import NotFound
from loopline.faces.mcp.asking import Answer, Worked
from loopline.sdk.client import Local, function_of, usage_for
from loopline.sdk.opening import open_client
from loopline.verbs.paging import next_of
from loopline.verbs.plain import plain
from loopline.verbs.usage import read

if TYPE_CHECKING:
    from loopline.sdk.client import Client
    from loopline.settings import Settings

PATIENCE_S: Final = 45.0
"""How long a call waits for work: clients give up after a minute."""


class Here:
    """Asks the loop that the settings name, as their actor. Any thread may use it."""

    def __init__(self, settings: Settings, *, patience: float = PATIENCE_S) -> None:
        self._settings = settings
        self._patience = patience
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="loopline-work")
        self._opening = Lock()
        self.client = open_client(settings)
        self._rehearsing: Client | None = None

    @property
    def project(self) -> str:
        """The project that is asked."""
        return self._settings.project

    def read(self, verb: str, words: Mapping[str, Any]) -> Answer:
        """Ask a read."""
        typed, result = self._ask(self.client, verb, words)
        return Answer(plain(result, project=self.project), next_of(verb, typed, result), type(result).__name__.lower())

    def write(self, verb: str, words: Mapping[str, Any], *, dry: bool = False) -> Answer:
        """Ask a write; with `dry` every rule is applied and nothing is kept."""
        _, result = self._ask(self._dry() if dry else self.client, verb, words)
        return Answer(plain(result, project=self.project), None, type(result).__name__.lower())

    def work(self, verb: str, words: Mapping[str, Any]) -> Worked:
        """Do work, or have the server do it. Where it takes long it goes on, and the answer says so."""
        asked = self._threads.submit(self._ask, self.client, verb, words)
        try:
            _, result = asked.result(self._patience)
        except Late:
            if asked.done():
                raise
            return Worked("running")
        return Worked("done", plain(result, project=self.project))

    def task(self, name: str) -> Answer:
        """Tell of a task of this project: the server's, or one that waits in this ledger for a worker."""
        found = self._task(name)
        if found is None or found["project"] != self.project:
            raise NotFound(
                f"nothing is called {name[:100]}", kind="no-such-thing", hint="loopline_find_records", name=name[:100]
            )
        return Answer(found, None, "task")

    def _task(self, name: str) -> Any:
        """Give a task in plain form."""
        from loopline.sdk.remote import Remote

        if isinstance(self.client, Remote):
            answer = self.client.wire.ask("GET", f"/api/v1/tasks/{name}", headers=self.client.headers())
            return self.client.member(answer, "result")
        if isinstance(self.client, Local):
            with self.client.loop.ledger.read() as tx:
                task = tx.tasks.find(name)
            return task and plain(task, project=self.project)
        return None

    def source(self) -> Mapping[str, Any] | None:
        """Give the code of this folder with what is installed, as `loopline run` does."""
        if not self._settings.modules:
            return None
        from loopline.sdk.capture import capture

        settings = self._settings
        found = capture(self.client.blobs, settings)
        return {
            **found, "modules": settings.modules, "experiment": settings.experiment, "executor": settings.executor,
            "workers": settings.workers,
        }  # fmt: skip

    def close(self) -> None:
        """Let go of what is open, once the work that is under way has come to its end. What has not begun is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.client.close()
        if self._rehearsing is not None:
            self._rehearsing.close()

    def _dry(self) -> Client:
        """Give the loop that forgets what it is told, opened when it is first needed."""
        with self._opening:
            if self._rehearsing is None:
                self._rehearsing = open_client(self._settings, dry=True)
            return self._rehearsing

    def _ask(self, client: Client, verb: str, words: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        function: Callable[..., Any] = function_of(verb)
        typed = read(usage_for(function), words, project=self.project)
        return typed, client.do(function, **typed)
