"""File systems of a test's own: small ones, and ones that nobody may write to."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import cannot


@contextmanager
def mounted(where: Path, *words: str) -> Iterator[None]:
    """Mount something for a while, where that is permitted."""
    where.mkdir(exist_ok=True)
    if shutil.which("mount") is None:
        cannot("there is no mount on this machine")
    done = subprocess.run(["mount", *words, str(where)], check=False, capture_output=True, text=True)
    if done.returncode:
        cannot(f"mounting is not permitted: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)
