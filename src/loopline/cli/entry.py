"""entry: where the installed command begins. Ctrl-C is taken care of before anything that takes time is imported.

While nothing was done yet, and when all is done, an interrupt ends the process at once, without a word. In between it is an
exception: what is under way is closed, and main says what happened.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from sys import UnraisableHookArgs
    from types import FrameType
else:
    import _signal as signal  # what signal wraps; the wrapping takes longer to import than Python to start

INTERRUPTED = 130
_MANY = 250
"""Modules from which on something large was loaded, which may want to clean up behind itself (DuckDB's bindings do)."""
_MOMENT = 0.001
"""Seconds until an interrupt that was dropped is tried again: longer than a callback of the import system takes."""


def main() -> int:
    """Run one command and give its exit code. What every `loopline …` does.

    Nearly everything that a short command makes lives as long as its process, so garbage is not looked for until the work may be
    long, and never at the end. That is a sixth of a read command's time.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # under nohup it is ignored, and stays so
        signal.signal(signal.SIGINT, _leave)
    import gc

    gc.disable()
    try:
        if sys.argv[1:2] == ["--complete"]:  # asked at every press of Tab: main takes half of the time that there is
            from loopline.cli.complete import answer

            return answer(sys.argv[2:])
        from loopline.cli.main import main as run

        return run(sys.argv[1:])
    finally:
        if len(sys.modules) < _MANY:
            gc.freeze()


def careful() -> bool:
    """Make an interrupt an exception from here on. False: Ctrl-C is not ours, and nothing has changed."""
    ours = signal.getsignal(signal.SIGINT) is _leave
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = _swallowed
    return ours


def careless() -> None:
    """Let an interrupt end the process at once again: nothing is under way any more."""
    signal.signal(signal.SIGINT, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _swallowed(lost: UnraisableHookArgs) -> None:
    """Interrupt again in a moment where Python had to drop an interrupt: it fell into a callback, which can raise nothing."""
    if lost.exc_type is KeyboardInterrupt:
        signal.signal(signal.SIGALRM, _again)
        signal.setitimer(signal.ITIMER_REAL, _MOMENT)
    else:
        sys.__unraisablehook__(lost)


def _again(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)
