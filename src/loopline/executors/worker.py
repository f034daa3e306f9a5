"""worker: the process that runs jobs, one after the other, as started by process.py.

It leads a session of its own, so a Ctrl-C in the terminal does not reach it. A pipe that only the parent holds is its
lifeline: when the parent goes, however it goes, the kernel kills the whole process group, busy or not.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from io import TextIOWrapper
from types import FrameType

from loopline.executors.call import RAISED, flush, headline, perform
from loopline.executors.frames import pack, receive, send

_F_SETSIG = 10
"""Linux, fcntl.h; Python 3.11 has no name for it."""


def main(requests: int, answers: int, lifeline: int) -> None:
    """Answer requests until the pipe closes. The arguments are file descriptors."""
    import faulthandler

    for number in (requests, answers, lifeline):
        os.set_inheritable(number, False)  # noqa: FBT003 - it takes no keyword
    _hang_on(lifeline)
    signal.signal(signal.SIGINT, _ignored)
    signal.signal(signal.SIGTERM, _leave)
    faulthandler.enable()
    home, output = os.getpid(), os.dup(1)
    first, streams = True, [_stream(1), _stream(2)]
    while request := receive(requests):
        call, payload, folder, *rest = request
        count = int(rest[0])
        paths, pairs = [os.fsdecode(path) for path in rest[1 : 1 + count]], rest[1 + count :]
        if first:
            sys.path[:0] = paths
            first = False
        before = dict(os.environb)
        try:
            _prepare(output, folder, pairs, streams)
        except (OSError, ValueError) as caught:  # no such folder, no such name for a variable
            end, value, error, trace = RAISED, b"", headline(caught), ""
        else:
            end, value, error, trace = perform(call.decode(), payload)
        flush()
        if os.getpid() != home:  # the job forked, and its child came back here
            os._exit(0)
        _restore(before)
        texts = (each.encode("utf-8", "backslashreplace") for each in (error, trace))
        send(answers, pack(end.encode(), value, *texts))


def _hang_on(lifeline: int) -> None:
    """Have the kernel kill this process group when the other end of the pipe closes."""
    if sys.platform != "linux":
        return  # then an idle worker sees its request pipe close, and a busy one ends with its job
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _prepare(output: int, folder: bytes, pairs: list[bytes], streams: list[TextIOWrapper]) -> None:
    """Give a job its streams, its folder and its variables, whatever the job before did to them."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    if sys.stdout is not streams[0] or streams[0].closed:
        sys.stdout = streams[0] = _stream(1)
    if sys.stderr is not streams[1] or streams[1].closed:
        sys.stderr = streams[1] = _stream(2)
    os.chdir(folder)
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        os.environb[name] = value


def _stream(number: int) -> TextIOWrapper:
    """Open a standard stream that survives being closed by a job."""
    return open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _restore(before: dict[bytes, bytes]) -> None:
    os.chdir("/")
    if dict(os.environb) != before:
        for name in set(os.environb) - set(before):
            del os.environb[name]
        os.environb.update(before)


def _ignored(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: unlike SIG_IGN, this is not inherited by programs that a job starts."""


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave through the job's `finally` blocks."""
    raise SystemExit(128 + signal.SIGTERM)
