"""Frames: whatever happens to a file, what is whole is read and the rest is given back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.signals.frames import MARK, framed, frames

CONTENTS = st.lists(st.one_of(st.binary(max_size=40), st.just(MARK), st.just(framed(b"inner"))), max_size=8)


@given(CONTENTS)
def test_what_was_framed_is_read(contents: list[bytes]) -> None:
    """Frames are read as they were written, also where they hold frames."""
    assert list(frames(b"".join(map(framed, contents)))) == [(True, one) for one in contents]


@given(CONTENTS, st.data())
def test_damage_costs_only_what_it_touches(contents: list[bytes], data: st.DataObject) -> None:
    """After a changed byte, and in a torn tail, every untouched frame is found and no byte is lost."""
    whole = b"".join(map(framed, contents))
    cut = data.draw(st.integers(0, len(whole)))
    torn = whole[:cut]
    kept = [one for one in contents if whole.index(framed(one)) + len(framed(one)) <= cut]
    found = list(frames(torn))
    assert b"".join(framed(one) if ok else one for ok, one in found) == torn
    if len(set(contents)) == len(contents) and MARK not in b"".join(contents):
        assert [one for ok, one in found if ok] == kept
    if torn:
        at = data.draw(st.integers(0, len(torn) - 1))
        broken = torn[:at] + bytes([torn[at] ^ 0xFF]) + torn[at + 1 :]
        assert b"".join(framed(one) if ok else one for ok, one in frames(broken)) == broken
