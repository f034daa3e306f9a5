"""sweeping: the duties of the ticker, one function each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.loop import Loop

SECOND: Final = 1_000_000
DAY: Final = 24 * 3600 * SECOND
SILENT: Final = 3600 * SECOND
"""A worker that was not heard of for so long is struck off the list."""


def requeue_lost_tasks(loop: Loop) -> int:
    """Take tasks away from workers that are gone. Give how many."""
    from loopline.verbs.asking import lose

    with loop.ledger.read() as tx:
        lost = tx.tasks.lost()
    number = 0
    for task in lost:
        with suppress(Conflict):  # its worker came to an end in this very moment
            lose(loop, task)
            number += 1
    return number


def bury_dead_runs(loop: Loop) -> int:
    """Mark runs whose process is gone as crashed, in every project. Give how many.

    One project's fault is raised when all have had their turn.
    """
    from loopline.verbs.burying import bury

    return _in_each(loop, lambda there: len(bury(there)))


def tick_triggers(loop: Loop) -> int:
    """Let the triggers of every project look. Give how many were fired or have gone on."""
    from loopline.verbs.ticking import tick

    return _in_each(loop, lambda there: len(tick(there)))


def _in_each(loop: Loop, do: Callable[[Loop], int]) -> int:
    """Add up what a duty does in every project. One project's fault is raised when all have had their turn."""
    with loop.ledger.read() as tx:
        projects = tx.projects.list()
    number, wrong = 0, list[Exception]()
    for project in projects:
        try:
            number += do(replace(loop, project=project))
        except Exception as error:  # noqa: BLE001 - told below, when the others had their turn
            wrong.append(error)
    if wrong:
        raise wrong[0]
    return number


def forget_silent_workers(loop: Loop) -> int:
    """Strike off workers that ended without a word. Give how many."""
    with loop.ledger.telemetry() as tables:
        return tables.tasks.forget(before=tables.now - SILENT)


def sweep_replies(loop: Loop) -> int:
    """Forget answers that nobody may ask for again. Give how many."""
    with loop.ledger.telemetry() as tables:
        return tables.replies.sweep()


def sweep_sessions(loop: Loop) -> int:
    """Forget sessions and logins that are over. Give how many."""
    with loop.ledger.telemetry() as tables:
        return tables.sessions.sweep()


def sweep_uploads(loop: Loop) -> int:
    """Remove uploads that nobody has gone on with for a day. Give how many."""
    from loopline.faces.native.uploads import sweep

    return sweep(loop.work)


def sweep_parts(loop: Loop) -> int:
    """Forget files that were begun in parts a week ago. Give how many; their bytes go when space is reclaimed."""
    with loop.ledger.telemetry() as tables:
        return tables.multiparts.sweep()


def sweep_folders(loop: Loop) -> int:
    """Remove scratch folders and logs that dead runs have left on this machine. Give how many."""
    started = [int(one.name[:12], 16) * 1000 for one in (loop.work / "running").glob("[0-9a-f]*.lock")]
    before = min([loop.clock.now() - DAY, *started])  # what is at work may sit still for days
    return sum(_sweep(loop.work / name, before=before) for name in ("scratch", "logs"))


def _sweep(folder: Path, *, before: int) -> int:
    """Remove what nothing has touched since a time."""
    number = 0
    try:
        entries = list(folder.iterdir())
    except OSError:
        return 0
    for entry in entries:
        try:
            newest = max(one.stat().st_mtime_ns for one in (entry, *(entry.rglob("*") if entry.is_dir() else ())))
        except OSError:
            continue  # it goes while we look
        if newest // 1000 >= before:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        number += 1
    return number
