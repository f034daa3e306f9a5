"""steering: brings rollouts on, in a process that is there only while something rolls.

Judging loads numpy, Arrow and DuckDB, which a server that idles must not hold. The ticker's duty starts the process; one that
still steers is left to it. It ends by itself after a while, or when nothing rolls any more, and is started again.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.nouns.actor import Actor
from loopline.server.child import heeding, opened, settings_of, write_log
from loopline.server.watching import Watching

if TYPE_CHECKING:
    from loopline.loop import Loop

CONTROLLER: Final = Actor("trigger", "rollouts", verified=True)
PAUSE_S: Final = 2.0
"""Between two looks at what rolls."""
LONGEST_S: Final = 300.0
"""How long one process steers."""
_log = logging.getLogger("loopline.server")


class Steering(Watching):
    """The duty of the ticker."""

    module = "server.steering"
    actor = CONTROLLER
    every = 2_000_000

    def wanted(self, loop: Loop) -> bool:
        """Tell whether anything rolls."""
        with loop.ledger.read() as tx:
            return bool(tx.rollouts.open())


def steer(loop: Loop, holder: str) -> int:
    """Look once at every rollout of every project. Give how many went on; one project's fault stops no other."""
    from loopline.verbs.steering import steer as look

    with loop.ledger.read() as tx:
        projects = sorted({one.project for one in tx.rollouts.open()})
    number = 0
    for project in projects:
        try:
            number += len(look(replace(loop, project=project, actor=CONTROLLER), holder))
        except LooplineError as error:
            _log.warning("rollouts of %s: %s", project, error.message)
        except Exception:  # noqa: BLE001 (the others are looked at all the same)
            _log.exception("rollouts of %s", project)
    return number


def main() -> int:
    """Steer, as the first word (JSON) says where, for as long as something rolls."""
    write_log()
    stop, parent = threading.Event(), os.getppid()
    holder = f"{socket.gethostname()}:{os.getpid()}"
    until = time.monotonic() + LONGEST_S
    with opened(settings_of(json.loads(sys.argv[1]))) as loop, heeding(stop.set):
        while time.monotonic() < until and not stop.is_set() and os.getppid() == parent:
            with loop.ledger.read() as tx:
                if not tx.rollouts.open():
                    break
            steer(loop, holder)
            stop.wait(PAUSE_S)
    return 0
