"""watching: seals records and has the monitors of every project look, in a process that is there only while they do.

Looking loads numpy, Arrow and DuckDB, which a server that idles must not hold. The ticker's duty starts the process; one that
still looks is left to it.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.nouns.actor import Actor
from loopline.server.child import opened, settings_of, write_log
from loopline.server.children import START

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.settings import Settings

WATCHER: Final = Actor("trigger", "watcher", verified=True)
_log = logging.getLogger("loopline.server")


class Watching:
    """The duty of the ticker. One process at a time of each server; two servers do no harm (`verbs/watching.py`)."""

    module = "server.watching"
    actor = WATCHER
    every = 60_000_000
    """Microseconds between two looks for what is due."""

    def __init__(self, settings: Settings) -> None:
        self._told = {"home": str(settings.home.absolute()), "project": settings.project, "actor": str(self.actor)}
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, loop: Loop) -> bool:
        """Start the process if it is wanted and none runs. Give whether one was started."""
        if (self._process is not None and self._process.poll() is None) or not self.wanted(loop):
            return False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", START.format(self.module), json.dumps(self._told)], stdin=subprocess.DEVNULL
        )
        return True

    def wanted(self, loop: Loop) -> bool:
        """Tell whether any service has a ref."""
        with loop.ledger.read() as tx:
            return tx.refs.any("service")

    def wait(self, seconds: float) -> int | None:
        """Wait for the process that runs. Give its status; None where there is none."""
        return None if self._process is None else self._process.wait(seconds)


def watch(loop: Loop) -> int:
    """Let every project's monitors look at what is due. Give how many looks there were; one project's fault stops no other."""
    from loopline.verbs.watching import watch as look

    with loop.ledger.read() as tx:
        projects = tx.projects.list()
    number = 0
    for project in projects:
        try:
            _seal(replace(loop, project=project))
            number += len(look(replace(loop, project=project, actor=WATCHER)))
        except LooplineError as error:
            _log.warning("monitors of %s: %s", project, error.message)
        except Exception:  # noqa: BLE001 (the others are looked at all the same)
            _log.exception("monitors of %s", project)
    return number


def _seal(loop: Loop) -> None:
    """Seal what fronts of this machine have written down."""
    from loopline.signals.folder import folders
    from loopline.signals.sealing import seal

    for folder in folders(loop.signals, loop.project) if loop.signals else ():
        seal(folder)


def main() -> int:
    """Look once, as the first word (JSON) says where."""
    write_log()
    with opened(settings_of(json.loads(sys.argv[1]))) as loop:
        watch(loop)
    return 0
