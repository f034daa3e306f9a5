"""processors: how workers share them."""

from __future__ import annotations

import os

from loopline.store.system import processors

VARIABLE = "OMP_NUM_THREADS"
"""What OpenMP, OpenBLAS and MKL read, before they start, for how many threads to use."""


def shared(workers: int) -> dict[str, str]:
    """Say to each of so many workers how many threads its numeric libraries get; nothing where the caller has said it.

    More threads than processors wait for each other by spinning, and a step takes several times as long.
    """
    return {} if VARIABLE in os.environ else {VARIABLE: str(max(1, processors() // workers))}
