"""doctor: whether this machine is fit for the loop."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing

from loopline.cli.place import Place
from loopline.errors import LooplineError
from loopline.nouns.finding import Finding

LOOK_S = 3.0
"""How long the database is looked at: a ledger of a gigabyte takes about this long."""


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
        from loopline.environments.doctor import check_port

        return (_ledger(where), *_database(where), *_store(where), check_port(*_served(where)))
    from loopline.sdk.checkup import examine as examine_server

    try:
        return tuple(examine_server(open_remote(where.settings)))
    except LooplineError as error:  # an address that is none
        return (Finding("server", "fail", error.message, error.hint),)


def _served(where: Place) -> tuple[str, int]:
    return where.settings.server.host, where.settings.server.port


def _database(where: Place) -> Iterable[Finding]:
    """Look for damage in the file of the ledger, where it is one: for a few seconds at most."""
    from loopline.wiring import open_rows

    settings = where.settings
    file = settings.home / "ledger.db"
    if settings.database or not file.exists():
        return ()
    try:
        with closing(open_rows(settings)) as database:
            look = getattr(database, "examine", None)
            broken = look(LOOK_S) if look else ()
    except LooplineError as error:
        return (Finding("database", "fail", error.message, error.hint),)
    if broken is None:
        text = f"{file}: nothing was found in {LOOK_S:.0f} s, and not all was looked at"
        return (Finding("database", "ok", text, f"sqlite3 '{file}' 'PRAGMA integrity_check'"),)
    if broken:
        text = f"{file} is damaged: {'; '.join(broken)}"
        return (Finding("database", "fail", text, "loopline restore BACKUP --home ANOTHER_FOLDER"),)
    return (Finding("database", "ok", "no damage in the ledger's file"),)


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
