"""A working folder, its index and a store."""

from __future__ import annotations

import os
import time
from pathlib import Path

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
