"""progress: how far something is, told to whoever wants to draw it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report about one label. Reports with one label replace each other; `done == total` ends it."""

    label: str
    """What is going on, in a word or three: `hash files`."""
    done: int
    total: int | None = None
    """None: nobody knows how much there is."""
    unit: str = ""
    """`B` is drawn as bytes; anything else is a word behind the number: `files`, `rows`, `steps`."""


Report = Callable[[Progress], None]
"""Takes a report. Cheap enough to be called for every item, and never raises."""
