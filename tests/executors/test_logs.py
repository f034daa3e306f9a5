"""What a job prints, in a file that cannot grow without bound."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from loopline.executors.logs import CappedLog

NOTE = re.compile(rb"\n\[\.\.\. +(\d+) bytes left out here \.\.\.\]\n")
CAP = 400


@given(st.lists(st.binary(max_size=300), max_size=40))
def test_beginning_and_end_are_kept_and_the_rest_is_counted(pieces: list[bytes]) -> None:
    """Whatever is written in whatever pieces: head + left out + tail is all of it, and the file is bounded."""
    whole = b"".join(pieces).replace(b"[", b"(")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "log"
        log, at = CappedLog(str(path), CAP), 0
        for piece in pieces:
            log.write(whole[at : at + len(piece)])
            at += len(piece)
            assert path.stat().st_size <= CAP * 3 // 2 + 300
        log.close()
        text = path.read_bytes()
    if len(whole) <= CAP:
        assert text == whole
        return
    (note,) = NOTE.finditer(text)
    head, tail = text[: note.start()], text[note.end() :]
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert len(head) + int(note[1]) + len(tail) == len(whole) == log.total
    assert len(head) == CAP // 2
    assert len(tail) <= CAP // 2


def test_the_tail_begins_with_a_whole_line(tmp_path: Path) -> None:
    """What is left out ends where a line ends."""
    log = CappedLog(str(tmp_path / "log"), CAP)
    for number in range(1000):
        log.write(f"line {number}\n".encode())
    log.close()
    tail = NOTE.split((tmp_path / "log").read_bytes())[-1]
    assert tail.startswith(b"line ")
    assert tail.endswith(b"line 999\n")


def test_a_log_that_cannot_be_written_is_lost_and_says_why(tmp_path: Path) -> None:
    """Neither a folder that is not there nor a full disk raises."""
    log = CappedLog(str(tmp_path / "none" / "log"))
    log.write(b"text")
    log.close()
    assert "No such file" in log.lost
    full = CappedLog("/dev/full")
    full.write(b"text")
    assert "No space" in full.lost
    full.close()
    full.close()
