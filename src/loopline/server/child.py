"""child: how a process begins that another of ours has started, and how it learns that it is to end.

It holds the reading end of a pipe, its *lifeline*. Nobody writes there: when the parent is gone, however it went, the pipe ends,
and so does the child.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.settings import Settings

LIFELINE: Final = "LOOPLINE_INTERNAL_LIFELINE"
"""Variable that tells a child the number of its lifeline."""


def write_log() -> None:
    """Write warnings and defects of this process to stderr, each with its time."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")


def terminate() -> None:
    """Ask this process to end in order, as SIGTERM does."""
    os.kill(os.getpid(), signal.SIGTERM)


def watch_lifeline(end: Callable[[], None] = terminate) -> None:
    """Call `end`, in a thread of its own, once the parent is gone. Nothing happens in a process that has no such parent."""
    number = os.environ.pop(LIFELINE, "")
    if not number:
        return
    os.set_inheritable(int(number), False)  # noqa: FBT003 (its signature)

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(int(number), 1):
                pass
        end()

    threading.Thread(target=wait, name="loopline-lifeline", daemon=True).start()


def settings_of(asked: Mapping[str, Any]) -> Settings:
    """Load the settings of the home, project and actor that a child is told."""
    from loopline.settings import load_settings

    return load_settings(home=asked["home"], project=asked["project"], actor=asked["actor"])


@contextmanager
def opened(settings: Settings) -> Iterator[Loop]:
    """Open the loop for a block."""
    from loopline.wiring import open_loop

    loop = open_loop(settings)
    try:
        yield loop
    finally:
        loop.ledger.close()


@contextmanager
def heeding(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT, and at the end of the parent, for a block."""

    def handler(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop()

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    watch_lifeline()
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)
