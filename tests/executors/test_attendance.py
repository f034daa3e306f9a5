"""Who is at work, and what was left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loopline.executors.attendance import abandoned, attended, forget

WORKER = """
import sys, time
from pathlib import Path
from loopline.executors.attendance import attended
with attended(Path(sys.argv[1]), "theirs"):
    print("at work", flush=True)
    time.sleep(60)
"""


def left(folder: Path) -> list[str]:
    """List what was left behind."""
    with abandoned(folder) as names:
        return names


def test_work_in_progress_is_not_abandoned(tmp_path: Path) -> None:
    """While the block lasts nobody takes the work for left behind, and afterwards nothing is left of it."""
    with attended(tmp_path, "mine"):
        assert left(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_its_work_behind(tmp_path: Path) -> None:
    """SIGKILL cannot be caught, yet the kernel lets go of the lock; forgetting it ends the matter."""
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert left(tmp_path) == []
        os.kill(process.pid, signal.SIGKILL)
    assert left(tmp_path) == ["theirs"]
    forget(tmp_path, "theirs")
    assert left(tmp_path) == []


def test_one_process_alone_sees_to_what_was_left(tmp_path: Path) -> None:
    """While somebody looks after it, another finds nothing."""
    (tmp_path / "old.lock").touch()
    with abandoned(tmp_path) as names:
        assert names == ["old"]
        assert left(tmp_path) == []
    assert left(tmp_path) == ["old"]


def test_work_that_raised_is_left_for_a_look(tmp_path: Path) -> None:
    """Whoever was interrupted may not have come to write down the end: the next one looks, and nobody holds it."""
    with pytest.raises(KeyboardInterrupt), attended(tmp_path, "mine"):
        raise KeyboardInterrupt
    assert left(tmp_path) == ["mine"]


def test_without_a_folder_work_goes_on(tmp_path: Path) -> None:
    """Attendance is a courtesy: where it cannot be written, the work is done all the same."""
    (tmp_path / "file").touch()
    with attended(tmp_path / "file" / "below", "mine"):
        pass
    assert left(tmp_path / "nowhere") == []
