"""Messages on a pipe."""

from __future__ import annotations

import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from loopline.executors.frames import Frames, pack, receive, send

messages = st.lists(st.lists(st.binary(max_size=50), max_size=5), max_size=5)


@given(messages, st.integers(1, 40))
def test_messages_come_out_however_the_bytes_are_cut(sent: list[list[bytes]], size: int) -> None:
    """Pieces of any size give the same messages in the same order."""
    stream, frames, got = b"".join(pack(*fields) for fields in sent), Frames(), []
    for at in range(0, len(stream), size):
        frames.feed(stream[at : at + size])
        while (message := frames.next()) is not None:
            got.append(message)
    assert got == sent


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.data())
def test_a_message_that_is_cut_off_is_none(fields: list[bytes], data: st.DataObject) -> None:
    """Half a message is never taken for a whole one."""
    whole = pack(*fields)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    frames = Frames()
    frames.feed(part)
    assert frames.next() is None
    reader, writer = os.pipe()
    os.write(writer, part)
    os.close(writer)
    assert receive(reader) is None
    os.close(reader)


def test_more_than_a_pipe_holds_goes_through() -> None:
    """Send and receive move any size."""
    reader, writer = os.pipe()
    payload = os.urandom(5_000_000)
    thread = threading.Thread(target=send, args=(writer, pack(payload, b"")))
    thread.start()
    assert receive(reader) == [payload, b""]
    thread.join()
    os.close(reader)
    os.close(writer)
