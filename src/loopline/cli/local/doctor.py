"""doctor: whether this machine is fit for the loop."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing

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
    return (found, *machine, *_loop(where))


def _loop(where: Place) -> Iterable[Finding]:
    """Look at what keeps the records: the server that the settings name, or the ledger here."""
    from loopline.sdk.opening import open_remote

    if not where.settings.url:
        return (_ledger(where), *_store(where))
    from loopline.sdk.checkup import examine as examine_server

    try:
        return tuple(examine_server(open_remote(where.settings)))
    except LooplineError as error:  # an address that is none
        return (Finding("server", "fail", error.message, error.hint),)


def _store(where: Place) -> Iterable[Finding]:
    """Ask an object store for a blob that nobody has: it shows address, credentials, bucket and network."""
    settings = where.settings
    if "://" not in settings.store:
        return ()
    from loopline.nouns.digest import digest_of
    from loopline.wiring import open_blobs

    try:
        open_blobs(settings).size(digest_of(b"a question"))
    except LooplineError as error:
        return (Finding("store", "fail", error.message, error.hint),)
    return (Finding("store", "ok", f"{settings.store} answers"),)


def _ledger(where: Place) -> Finding:
    """Try to read the ledger, where there is one; a look never makes one."""
    from loopline.wiring import open_loop

    settings = where.settings
    if not settings.database and not (settings.home / "ledger.db").exists():
        return Finding("ledger", "ok", f"none in {settings.home} yet: the first command that records makes it")
    try:
        ledger = open_loop(settings).ledger
        with closing(ledger), ledger.read() as tx:
            projects = tx.projects.list()
    except LooplineError as error:
        return Finding("ledger", "fail", error.message, error.hint)
    word = ", ".join(projects) or "no project yet"
    place = settings.database.partition("@")[2] or settings.database or settings.home / "ledger.db"
    return Finding("ledger", "ok", f"{place}: {word}")
