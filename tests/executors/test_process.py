"""One worker process, as the pool sees it."""

from __future__ import annotations

import select
from pathlib import Path

from loopline.executors.process import Process, describe


def descriptors() -> set[str]:
    """List what this process has open, but for the listing itself."""
    return {path.name for path in Path("/proc/self/fd").iterdir() if path.exists()}


def test_a_process_leaves_no_descriptor_behind() -> None:
    """Starting, retiring and reaping closes every pipe it opened."""
    before = descriptors()
    process = Process()
    process.retire(0)
    select.select([process.sentinel], [], [], 20)
    assert process.reap() == 0
    assert descriptors() == before


def test_an_end_is_described_by_what_happened() -> None:
    """Exit statuses, signals with a name and signals without one all read well."""
    assert "status 3" in describe(3)
    assert "SIGSEGV" in describe(-11)
    assert "out of memory" in describe(-9)
    assert "signal 63" in describe(-63)
