"""A model that does what it is asked to do, found by model processes of tests over PYTHONPATH."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

EXIT, HANG, GROW, RAISE, SLOW = 666.0, 1000.0, 2000.0, 3000.0, 50.0


class Naughty:
    """Answers with the first column, plus what it is called by."""

    def __init__(self, add: float = 0.0) -> None:
        self.add = add
        self.held: list[bytes] = []

    def predict(self, rows: Any) -> Any:
        """Exit, hang, grow, raise or be slow where a row says so."""
        first = np.asarray(rows, dtype=float)[:, 0]
        if (first == EXIT).any():
            os._exit(3)
        if (first == HANG).any():
            time.sleep(600)
        if (first == GROW).any():
            self.held.append(b"x" * (200 << 20))
        if (first == RAISE).any():
            message = f"three thousand of {rows}"
            raise ValueError(message)
        if (first == SLOW).any():
            time.sleep(0.05)
        return first + self.add
