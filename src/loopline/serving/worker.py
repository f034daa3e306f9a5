"""worker: the loop of a model process: one batch in, one batch out.

A message to it is `[number, [[rows, columns, outputs], …]]`, its answer `[number, microseconds, [[kind, message, outputs,
warnings], …]]`. The first thing it says, unasked, is `[-1, 0, [[kind, message, facts, []]]]`: that it is ready, or why it
never will be.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from loopline.serving.frames import frame, receive
from loopline.serving.question import Given
from loopline.serving.table import Part

if TYPE_CHECKING:
    import socket

    from loopline.serving.predictor import Predictor

READY: Final = -1
"""The number of the first message."""


def say_ready(sock: socket.socket, facts: dict[str, Any]) -> None:
    """Tell the front that batches may come."""
    sock.sendall(frame([READY, 0, [["", "", [facts], []]]]))


def say_unfit(sock: socket.socket, kind: str, message: str) -> None:
    """Tell the front that no batch can ever be answered."""
    sock.sendall(frame([READY, 0, [[kind, message, [], []]]]))


def answer(sock: socket.socket, predictor: Predictor) -> None:
    """Answer batches until the front is gone."""
    while True:
        try:
            number, parts = receive(sock)
        except (EOFError, ConnectionError):
            return
        began = time.perf_counter_ns()
        said = predictor.answer([
            Part(rows, [Given(*one) for one in columns], tuple(outputs)) for rows, columns, outputs in parts
        ])
        took = (time.perf_counter_ns() - began) // 1000
        try:
            sock.sendall(frame([number, took, said]))
        except ConnectionError:
            return
