"""A working folder, its index and a store."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from loopline.datasets.index import Index
from loopline.store.memory import MemoryBlobs


@pytest.fixture
def blobs() -> MemoryBlobs:
    """An empty store."""
    return MemoryBlobs()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty files in four folders, written long ago."""
    root = tmp_path / "data"
    for number in range(20):
        file = root / f"{number % 4}" / f"{number:02d}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"n\n{number}\n")
        os.utime(file, (10**9, 10**9))
    time.sleep(0.01)  # the clock of the file system has gone on since
    return root


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """An index beside the folder."""
    return Index(tmp_path / "index")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder for files that are being written."""
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """List the processes that are started from now on."""
    found: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def start(*words: Any, **options: Any) -> subprocess.Popen[bytes]:
        found.append(real(*words, **options))
        return found[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return found
