"""The clock and the ids of this machine."""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.store.system import SystemClock, SystemIds, kept_key


def test_the_clock_tells_the_time() -> None:
    """now() is the wall clock in microseconds."""
    before = time.time_ns() // 1000
    assert before <= SystemClock().now() <= time.time_ns() // 1000


def test_the_clock_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock jumps back an hour does not take the loop with it."""
    clock = SystemClock()
    first = clock.now()
    monkeypatch.setattr(time, "time_ns", lambda: (first - 3_600_000_000) * 1000)
    assert clock.now() == first


def test_ids_are_version_7_and_carry_the_time() -> None:
    """An id has the version and variant of RFC 9562 and begins with the milliseconds of its making."""
    before = time.time_ns() // 1_000_000
    made = SystemIds().new()
    assert re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", made)
    assert before <= int(made[:12], 16) <= time.time_ns() // 1_000_000


def test_ids_only_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids sort as they were made, even 10,000 in one millisecond and when the clock jumps back."""
    ids, still = SystemIds(), time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: still)
    made = [ids.new() for _ in range(10_000)]
    monkeypatch.setattr(time, "time_ns", lambda: still - 10**12)
    made.append(ids.new())
    assert made == sorted(set(made))


def test_threads_get_different_ids() -> None:
    """No two threads are given one id."""
    ids, made = SystemIds(), list[str]()
    threads = [threading.Thread(target=lambda: made.extend(ids.new() for _ in range(500))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4000


def test_a_forked_process_does_not_repeat_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parent and child of a fork make different ids in the same millisecond."""
    ids, still = SystemIds(), time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: still)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, ids.new().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 32).decode()
    os.close(reader)
    os.close(writer)
    assert ids.new() != theirs


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """However many ask for it first, all get one, which only its owner can read, and which stays."""
    file = tmp_path / "home" / "s3.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(kept_key, [file] * 16))
    assert keys == {file.read_bytes().strip()}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["s3.key"]
    assert kept_key(tmp_path / "other.key") not in keys


def test_a_key_that_everybody_can_read_is_not_used(tmp_path: Path) -> None:
    """Nor is one that is too short, or a folder; the words name the file and no key."""
    file = tmp_path / "s3.key"
    file.write_bytes(b"k" * 64)
    file.chmod(0o604)
    (tmp_path / "short").write_bytes(b"k")
    (tmp_path / "short").chmod(0o600)
    for path in (file, tmp_path / "short", tmp_path):
        with pytest.raises(Unavailable) as caught:
            kept_key(path)
        assert (caught.value.kind, "kkk" in str(caught.value)) == ("key-unreadable", False)
