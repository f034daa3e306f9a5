"""Messages between a front and its model processes."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.serving.frames import HEAD, LARGEST, Frames, frame, receive


@given(st.lists(st.lists(st.one_of(st.integers(-(2**63), 2**63), st.text(), st.binary())), max_size=5), st.data())
def test_messages_survive_any_cut(messages: list[list[object]], data: st.DataObject) -> None:
    """In whatever pieces the bytes arrive, the messages are the ones that were sent, in order."""
    whole = b"".join(frame(one) for one in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    frames = Frames()
    assert [one for piece in pieces for one in frames.take(piece)] == messages


def test_both_sides_speak_the_same() -> None:
    """What one side frames, the other receives; a side that is gone is the end, not a message."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(frame([7, "x", b"y" * 100_000]))
        assert receive(theirs) == [7, "x", b"y" * 100_000]
        ours.sendall(HEAD.pack(10) + b"abc")
        ours.close()
        with pytest.raises(EOFError):
            receive(theirs)


def test_a_length_that_nobody_sends_is_refused() -> None:
    """A message that says it is larger than any is an error at once, not memory."""
    with pytest.raises(ValueError, match="bytes"):
        list(Frames().take(HEAD.pack(LARGEST + 1)))
