"""A server in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .serving import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a fresh ledger on loopback, where nobody has a token yet."""
    made = Served(tmp_path)
    yield made
    made.close()
