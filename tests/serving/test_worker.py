"""The loop of a model process."""

from __future__ import annotations

import socket
import threading

import numpy as np
from sklearn.linear_model import LinearRegression

from loopline.models.signature import describe
from loopline.serving.frames import frame, receive
from loopline.serving.predictor import Predictor
from loopline.serving.worker import READY, answer, say_ready, say_unfit


def test_batches_are_answered_until_the_front_is_gone() -> None:
    """Each batch is answered under its number, and the end of the connection is the end of the loop."""
    model = LinearRegression().fit(np.arange(8.0).reshape(4, 2), np.arange(4.0))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop = threading.Thread(target=answer, args=(theirs, Predictor(model, describe(model))))
        loop.start()
        for number in (1, 2):
            ours.sendall(
                frame([number, [[1, [["x", "FP64", 2, [2.0, 3.0]]], []], [1, [["x", "FP64", 2, ["?", 3.0]]], []]]])
            )
            told, took, said = receive(ours)
            assert (told, took >= 0, [one[0] for one in said]) == (number, True, ["", "bad-type"])
        ours.close()
        loop.join(10)
        assert not loop.is_alive()


def test_a_process_says_what_it_is_before_it_is_asked() -> None:
    """Ready and unfit are the first message, each in the form of an answer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        say_ready(theirs, {"pid": 7})
        assert receive(ours) == [READY, 0, [["", "", [{"pid": 7}], []]]]
        say_unfit(theirs, "pickle-refused", "no")
        assert receive(ours)[2][0][:2] == ["pickle-refused", "no"]
