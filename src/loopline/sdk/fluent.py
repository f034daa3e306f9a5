"""fluent: what `import loopline` gives: `start`, `log`, `data`, `model`, `connect`."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from loopline.errors import LooplineError, Unavailable
from loopline.nouns.run import RunState
from loopline.sdk import session as sessions
from loopline.sdk.client import Client
from loopline.sdk.journal import Journal
from loopline.sdk.journal import log as warnings
from loopline.sdk.lazy import Files
from loopline.sdk.recording import ActiveRun, flat, outcome_of
from loopline.sdk.session import Session
from loopline.sdk.shipper import Shipper

if TYPE_CHECKING:
    from loopline.pipelines.inputs import Data

_active: list[ActiveRun] = []
"""Runs of this process that have not ended, oldest first."""
_here: ContextVar[ActiveRun | None] = ContextVar("loopline_run", default=None)
"""The run of this thread or task. Threads that were started inside a run fall back to the newest one."""
_told: set[str] = set()


def start(
    name: str,
    *,
    experiment: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> ActiveRun:
    """Begin a run: `with loopline.start("train") as run: run.log(loss=0.3)`. Without `with`, call `run.finish()`.

    Inside another run it becomes a part of that one. Code and environment are captured in the background. This returns at
    once and raises nothing: where nothing can be recorded, a warning says why and the program goes on.
    """
    here = _session()
    outer = current()
    run = here.ids.new()
    head = {
        "run": run, "name": str(name), "project": here.settings.project, "actor": _actor(here), "kind": "run",
        "experiment": experiment or here.settings.experiment, "params": _texts(params), "tags": _texts(tags),
        "parent": outer.id if outer else None, "url": here.settings.url,
    }  # fmt: skip
    active = _record(here, head, capture=outer is None)
    _active.append(active)
    token_before = _here.get()
    _here.set(active)
    active.closing.append(lambda ended: _leave(ended, token_before))
    return active


def current() -> ActiveRun | None:
    """Give the innermost active run, also that of the process which started this one; None outside of runs."""
    here = _here.get()
    if here is not None and not here.over:
        return here
    for one in reversed(_active):
        if not one.over:
            return one
    return _given()


def log(values: Mapping[str, Any] | None = None, /, *, step: SupportsIndex | None = None, **metrics: Any) -> None:
    """Log into the innermost active run, as `run.log` does. Without one, a warning says so once."""
    run = current()
    if run is not None:
        run.log(values, step=step, **metrics)
    elif "log" not in _told:
        _told.add("log")
        warnings.warning("loopline.log: there is no active run; write `with loopline.start(…):` around it")


def data(pointer: str | Data, *, name: str = "") -> Files:
    """Give the files of a version: `loopline.data("flights@2").open("jan.csv")`, or all of them, as a folder: its `path`.

    Nothing is fetched until it is needed; the version stays the same, wherever the ref goes. In a step it also takes the `Data`
    that the step was given. An active run writes it down as its input. Raise NotFound where there is no such version.
    """
    from loopline.sdk.lazy import fetch, pointer_of

    if not isinstance(pointer, str):
        name, pointer = name or pointer.name, pointer.version
    found = fetch(sessions.session().client(), pointer_of(pointer), name=name)
    reads(found)
    return found


def model(pointer: str, *, name: str = "", allow_pickle: bool = False) -> Any:
    """Load a model, or another published value: `loopline.model("model/delay@champion").predict(rows)`.

    An active run writes it down as its input. Raise NotFound where there is no such version, Refused for a pickle unless
    `allow_pickle` says that you trust whoever made it.
    """
    from loopline.sdk.lazy import fetch
    from loopline.sdk.values import load

    found = fetch(sessions.session().client(), pointer, name=name)
    value = load(found, allow_pickle=allow_pickle)
    reads(found)
    return value


def connect(folder: str | Path | None = None, *, project: str | None = None, actor: str | None = None) -> Client:
    """Open the loop of a project folder (the present one) and use it in this process from now on.

    The client's `do` asks any verb: `connect().do("promote", "model/delay@champion", to="7", why="…")`. Raise what is wrong
    with the project file or the ledger.
    """
    where = Path(folder).expanduser() if folder is not None else None
    return sessions.choose(where, project=project, actor=actor).client()


def _session() -> Session:
    """Give the session; a broken project file is told, and what is recorded goes beside it."""
    try:
        return sessions.session()
    except LooplineError as error:
        return sessions.Unsettled(error)
    except OSError as error:  # the folder that we are in was removed
        return sessions.Unsettled(Unavailable(str(error), kind="no-folder", hint="change to a folder that is there"))


def _actor(here: Session) -> str:
    from loopline.nouns.actor import parse_actor

    try:
        return str(parse_actor(here.settings.actor))
    except LooplineError:
        return "person:somebody"


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    try:
        return dict(flat(values or {}))
    except Exception as error:  # noqa: BLE001 (whatever a value's own `__str__` raises)
        warnings.warning("loopline: left out what cannot be written: %s", error)
        return {}


def _record(here: Session, head: Mapping[str, Any], *, capture: bool) -> ActiveRun:
    _at_exit_once()
    journal = Journal(here.journals, head, here.clock.now)

    def first(client: Client, into: Journal) -> None:
        from loopline.sdk.leftovers import adopt

        adopt(client, here.journals, url=here.settings.url)
        if capture:
            into.append("capture", here.captured())

    attached = bool(head.get("attached"))
    shipper = Shipper(journal, here.carrier, first=None if attached else first, remote=bool(here.settings.url))
    return ActiveRun(here, journal, shipper, run=head["run"], name=head["name"], attached=attached)


_attached: dict[str, ActiveRun] = {}


def _given() -> ActiveRun | None:
    """Give the run that the process above named in LOOPLINE_RUN: it began it and will end it."""
    run = os.environ.get("LOOPLINE_RUN", "")
    if not run:
        return None
    known = _attached.get(run)
    if known is None:
        here = _session()
        head = {"run": run, "name": "", "project": here.settings.project, "actor": _actor(here), "attached": True}
        head["url"] = here.settings.url
        known = _attached[run] = _record(here, head, capture=False)
    return known


def reads(found: Files) -> None:
    """Have the active run, if there is one, write down that it reads a version, once."""
    run = current()
    if run is not None:
        run.input(found, name=found.name)


def detach() -> None:
    """Ship what this process has logged into runs that other processes began, and forget them."""
    while _attached:
        _attached.popitem()[1].finish()


def _leave(ended: ActiveRun, before: ActiveRun | None) -> None:
    if ended in _active:
        _active.remove(ended)
    if _here.get() is ended:
        _here.set(before)


def _at_exit_once() -> None:
    if "exit" not in _told:
        _told.add("exit")
        atexit.register(_at_exit)


def _at_exit() -> None:
    """End what nobody ended: failed where an exception ends the program, crashed where it just stops."""
    error = getattr(sys, "last_value", None)
    state, why = outcome_of(error)
    if error is None:
        state, why = RunState.CRASHED, "the program ended without finishing the run; use `with loopline.start(…)`"
    for run in [*reversed(_active), *_attached.values()]:
        run.finish(state, error=why)
