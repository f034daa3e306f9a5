from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from loopline.store import behind as module
from loopline.store.behind import AHEAD, PIECE, Behind

if TYPE_CHECKING:
    from pathlib import Path


def full(_: bytes) -> None:
    """Have no room."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("size", [1, PIECE // 3, PIECE, PIECE + 1])
def test_all_is_worked_on_in_order_on_another_thread(size: int) -> None:
    """Whatever the size of the chunks, the last one too."""
    chunks, seen, threads = [bytes([n]) * size for n in range(3 * AHEAD)], list[bytes](), set[int]()

    def work(chunk: bytes) -> None:
        seen.append(chunk)
        threads.add(threading.get_ident())

    with Behind(work) as behind:
        for chunk in chunks:
            behind.take(chunk)
    assert seen == chunks
    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(("size", "count"), [(PIECE, 10 * AHEAD), (1, 1)])
def test_the_caller_is_told_what_goes_wrong_and_nothing_more_is_done(size: int, count: int) -> None:
    """At the next chunk or at the end; and a caller who waits for room is not left waiting."""
    seen = list[bytes]()

    def work(chunk: bytes) -> None:
        seen.append(chunk)
        full(chunk)

    with pytest.raises(OSError, match="No space"), Behind(work) as behind:
        for _ in range(count):
            behind.take(bytes(size))
    assert len(seen) == 1


def test_an_error_of_the_caller_is_the_one_that_is_told() -> None:
    """What is under way has ended by then, and so has the thread."""
    begun, go, seen = threading.Event(), threading.Event(), list[bytes]()

    def work(chunk: bytes) -> None:
        begun.set()
        go.wait(10)
        seen.append(chunk)

    threading.Timer(0.05, go.set).start()
    with pytest.raises(ValueError, match="mine"), Behind(work) as behind:
        behind.take(bytes(PIECE))
        begun.wait(10)
        msg = "mine"
        raise ValueError(msg)
    assert len(seen) == 1
    assert not [one for one in threading.enumerate() if one.name.startswith("loopline-behind")]


def test_what_is_dropped_waits_for_nobody() -> None:
    """It may be dropped by the collector of garbage, and on the very thread that works."""
    go, seen = threading.Event(), list[bytes]()

    def work(chunk: bytes) -> None:
        go.wait(10)
        seen.append(chunk)

    behind = Behind(work)
    for _ in range(3):
        behind.take(bytes(PIECE))
    began = time.monotonic()
    behind.drop()
    assert time.monotonic() - began < 5
    go.set()
    with pytest.raises(RuntimeError):
        behind._pool.submit(print)  # type: ignore[union-attr]


def test_without_threads_it_works_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that ends takes no more of them."""
    monkeypatch.setattr(module, "_pool", lambda: None)
    seen = list[bytes]()
    with Behind(seen.append) as behind:
        behind.take(bytes(PIECE))
        assert len(seen) == 1
        behind.take(b"a")
    assert seen[1:] == [b"a"]
    with pytest.raises(OSError, match="No space"), Behind(full) as behind:
        behind.take(b"a")


FORGOTTEN = """
import sys
from hashlib import sha256
from pathlib import Path
from loopline.store.local import LocalBlobs
from loopline.store.pieces import LARGE

class Writing:
    def __init__(self):
        self.writer, self.print, self.state = LocalBlobs(Path(sys.argv[1])).writer(), print, sha256()
        self.last = bytes(int(sys.argv[2]))
    def write(self, data):
        self.writer.write(data)
        self.state.update(data)
    def __del__(self):
        self.write(self.last)
        digest, _ = self.writer.commit()
        self.print(digest == "sha256:" + self.state.hexdigest())

here = Writing()
here.write(bytes(LARGE + int(sys.argv[3])))
here.write(bytes(3 << 20))
"""


@pytest.mark.parametrize("before", [1, -(1 << 22)])
def test_who_is_collected_as_the_interpreter_ends_commits_what_it_wrote(tmp_path: Path, before: int) -> None:
    """The bytes have their own digest, also where the thread has gone, or where the blob becomes large only then."""
    done = subprocess.run(
        [sys.executable, "-c", FORGOTTEN, str(tmp_path), str(2 << 20), str(before)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True\n", "")
