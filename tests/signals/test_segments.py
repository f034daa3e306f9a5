"""Segments: no request waits, nothing that was written is lost, a bad disk costs counted records."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopline.signals.entry import encode, head_of, unbatched
from loopline.signals.frames import frames
from loopline.signals.segments import Recorder, Segment, ready, unfinished
from tests.mounting import mounted

WRITER = """
import sys
from pathlib import Path
from loopline.signals.segments import Recorder
one = Recorder(Path(sys.argv[1]), flush_s=0.001, roll_bytes=20000)
n = 0
while True:
    if one.offer(b"%d" % n): n += 1
    if n % 1000 == 0: print(n, flush=True)
"""


def contents(folder: Path) -> list[bytes]:
    """Everything in finished segments, in order."""
    return [data for path in ready(folder) for whole, data in frames(path.read_bytes()) if whole]


def test_what_is_offered_is_in_a_finished_segment_after_closing(tmp_path: Path) -> None:
    """Every entry that was taken is there once, in order, in segments no larger than they may be."""
    one = Recorder(tmp_path, flush_s=0.001, roll_bytes=5000)
    given = [b"entry %d" % n for n in range(2000)]
    assert all(one.offer(data) for data in given)
    assert one.close(10)
    assert contents(tmp_path) == given
    assert (one.dropped, unfinished(tmp_path)) == (0, [])


def test_writing_goes_on_while_more_is_offered(tmp_path: Path) -> None:
    """However fast entries come, the thread that writes them keeps up or drops them, and every one is accounted for."""
    one = Recorder(tmp_path, flush_s=0.0001, limit_bytes=1 << 20)
    given = [b"%d" % n for n in range(100_000)]
    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taken = [data for data in given if one.offer(data)]
    finally:
        sys.setswitchinterval(often)
    assert one.close(20)
    assert contents(tmp_path) == taken
    assert one.dropped == len(given) - len(taken)


def test_what_does_not_fit_is_dropped_and_counted(tmp_path: Path) -> None:
    """An entry for which there is no room is refused at once."""
    one = Recorder(tmp_path, limit_bytes=10, flush_s=60)
    assert [one.offer(b"123456"), one.offer(b"123456"), one.offer(b"1234")] == [True, False, True]
    assert one.dropped == 1
    assert one.close(10)
    assert not one.offer(b"late")
    assert contents(tmp_path) == [b"123456", b"1234"]


def test_entries_of_one_head_are_written_as_batches(tmp_path: Path) -> None:
    """In the order in which they came, few enough together that a frame which is lost costs little; without a head each alone."""
    one = Recorder(tmp_path, flush_s=60)
    heads = {name: head_of((name, "y")) if name else b"" for name in ("a", "b", "")}
    given = [("a" if n < 40 else "b" if n < 45 else "" if n < 47 else "a", encode(n)) for n in range(50)]
    assert all(one.offer(data, heads[name]) for name, data in given)
    assert one.close(10)
    found = [unbatched(content) for content in contents(tmp_path)]
    assert [(names[0] if names else "", data) for names, entries in found for data in entries] == given
    assert [len(entries) for _, entries in found] == [16, 16, 8, 5, 1, 1, 3]


def test_what_is_lost_is_counted_by_entries(tmp_path: Path) -> None:
    """Not by batches: of those that found no room, and of those that could not be written before the end."""
    (tmp_path / "segments").write_text("a file where the folder should be")
    one = Recorder(tmp_path, limit_bytes=40, flush_s=0.001)
    head = head_of(("x", "y"))
    assert [one.offer(encode(n), head) for n in range(45)] == [True] * 40 + [False] * 5
    assert one.dropped == 5
    assert not one.close(2)
    assert one.dropped == 45


def test_a_segment_is_finished_after_its_time(tmp_path: Path) -> None:
    """Where little happens, records do not stay in an open segment for long."""
    one = Recorder(tmp_path, flush_s=0.001, roll_s=0.05)
    one.offer(b"alone")
    until = time.monotonic() + 10
    while not ready(tmp_path) and time.monotonic() < until:
        time.sleep(0.01)
    assert contents(tmp_path) == [b"alone"]
    one.close()


def test_a_killed_writer_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """After kill -9 the open segment is taken over, and holds a beginning of what was offered without a gap."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert writer.stdout
    for _ in range(5):
        writer.stdout.readline()
    until = time.monotonic() + 10
    while len(ready(tmp_path)) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(unfinished(tmp_path)) <= 1
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    found = contents(tmp_path)
    assert found == [b"%d" % n for n in range(len(found))]
    assert len(found) > 2000
    assert unfinished(tmp_path) == []


def test_a_segment_in_use_is_left_alone(tmp_path: Path) -> None:
    """Nobody takes over what a living process writes to."""
    one = Segment(tmp_path / "segments")
    assert ready(tmp_path) == []
    assert unfinished(tmp_path) == [one.path]
    one.finish()
    assert len(ready(tmp_path)) == 1


def test_a_full_disk_costs_counted_records_and_heals(tmp_path: Path) -> None:
    """While nothing can be written entries are refused; when there is room again writing goes on by itself."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=256k", "loopline-test"):
        one = Recorder(home, limit_bytes=100_000, flush_s=0.001, roll_bytes=1 << 20)
        ballast = home / "ballast"
        ballast.write_bytes(b"x" * 150_000)
        taken: list[bytes] = []
        until = time.monotonic() + 20
        while not one.dropped and time.monotonic() < until:
            data = b"%06d" % len(taken) + b"x" * 2000
            if one.offer(data):
                taken.append(data)
            time.sleep(0.0005)
        assert one.dropped
        assert one.trouble == os.strerror(28)
        ballast.unlink()
        until = time.monotonic() + 20
        while one.trouble and time.monotonic() < until:
            time.sleep(0.01)
        assert one.offer(b"after")
        assert one.close(10)
        assert contents(home) == [*taken, b"after"]


def test_closing_does_not_wait_for_a_disk_that_never_comes_back(tmp_path: Path) -> None:
    """What could not be written by then is counted as dropped."""
    (tmp_path / "segments").write_text("a file where the folder should be")
    one = Recorder(tmp_path, flush_s=0.001)
    one.offer(b"lost")
    began = time.monotonic()
    assert not one.close(2)
    assert time.monotonic() - began < 3
    assert one.dropped == 1


@pytest.mark.parametrize("name", [".new-1-1"])
def test_what_was_begun_by_a_dead_process_is_removed(tmp_path: Path, name: str) -> None:
    """A file that its writer did not live to name is no segment."""
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / name).touch()
    assert ready(tmp_path) == []
    assert list((tmp_path / "segments").iterdir()) == []
