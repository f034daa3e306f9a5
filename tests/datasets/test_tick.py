from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.datasets.tick import DOUBT_NS, tick

if TYPE_CHECKING:
    import pytest


def test_the_clock_is_that_of_the_file_system(tmp_path: Path) -> None:
    """What is written after asking is stamped no earlier than the answer, and asking leaves nothing behind."""
    now = tick(str(tmp_path), tmp_path / "near")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x").write_text("x")
    assert (tmp_path / "x").stat().st_mtime_ns >= now


def test_a_system_without_files_that_have_no_name_is_asked_by_one_that_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named file is gone again."""
    monkeypatch.setattr("loopline.datasets.tick._unnamed", refuse)
    now = tick(str(tmp_path), tmp_path / "near")
    assert list(tmp_path.iterdir()) == []
    assert abs(time.time_ns() - now) < 60 * 10**9


def test_a_folder_that_cannot_be_written_to_is_asked_by_ours_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of ours on the same file system tells its time; on another one, only what is an hour old counts as known."""
    real = os.open

    def refused(path: Any, *more: Any, **named: Any) -> int:
        if str(path).startswith(str(tmp_path / "data")):
            raise PermissionError(13, "Permission denied")
        return real(path, *more, **named)

    (tmp_path / "data").mkdir()
    monkeypatch.setattr(os, "open", refused)
    assert abs(time.time_ns() - tick(str(tmp_path / "data"), tmp_path / "near")) < 60 * 10**9
    assert list((tmp_path / "near").iterdir()) == []
    assert tick(str(tmp_path / "data"), Path("/proc/self")) <= time.time_ns() - DOUBT_NS


def refuse(folder: str) -> int:
    """Be a file system that cannot do that."""
    raise OSError(95, "Operation not supported", folder)


def test_macos_is_asked_by_a_named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not know such files at all is one without them."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    assert abs(time.time_ns() - tick(str(tmp_path), tmp_path / "near")) < 60 * 10**9
