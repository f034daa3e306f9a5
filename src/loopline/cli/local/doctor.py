"""doctor: whether this machine is fit for the loop."""

from __future__ import annotations

import time

from loopline.cli.place import Place
from loopline.errors import LooplineError
from loopline.nouns.finding import Finding


def doctor(where: Place) -> tuple[Finding, ...]:
    """Look for what is missing or broken on this machine, and name the cure.

    Nothing is changed. The exit code is 1 where something fails; a warning is none.

    Example:
        loopline doctor --json
    """
    from pathlib import Path

    from loopline.environments.doctor import examine

    try:
        settings = where.settings
    except LooplineError as error:
        broken = Finding("settings", "fail", error.message, error.hint)
        return (broken, *examine(Path(where.options.home or ".loopline"), now=time.time()))
    found = Finding("settings", "ok", str(settings.file or "no loopline.toml here: defaults"))
    machine = examine(settings.home, project=settings.root, now=time.time())
    return (found, *machine, _ledger(where))


def _ledger(where: Place) -> Finding:
    """Try to read the ledger, where there is one; a look never makes one."""
    settings = where.settings
    if not settings.database and not (settings.home / "ledger.db").exists():
        return Finding("ledger", "ok", f"none in {settings.home} yet: the first command that records makes it")
    try:
        with where.loop.ledger.read() as tx:
            projects = tx.projects.list()
    except LooplineError as error:
        return Finding("ledger", "fail", error.message, error.hint)
    word = ", ".join(projects) or "no project yet"
    return Finding("ledger", "ok", f"{settings.database.partition('@')[2] or settings.home / 'ledger.db'}: {word}")
