"""Why a file could not be put where it belongs."""

from __future__ import annotations

import errno
import os

import pytest

from loopline.datasets.unwritable import failed


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EACCES, "folder-unwritable"),
        (errno.EIO, "folder-unwritable"),
    ],
)
def test_a_full_disk_is_told_from_others(number: int, kind: str) -> None:
    """The error names the file, and what to do."""
    told = failed("a/b", OSError(number, os.strerror(number)))
    assert (told.kind, told.facts["path"]) == (kind, "a/b")
    assert told.hint
