"""progress: how far long work has come, drawn on stderr.

Nothing for the first 300 ms; then one line that redraws itself on a terminal, or one new line every ten seconds elsewhere.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopline.cli.screen import Screen
    from loopline.nouns.progress import Progress

PATIENCE = 0.3
REDRAW = 0.1
ELSEWHERE = 10.0
_BAR = 20


class Meter:
    """A Report that draws. Calls between two drawings cost a look at the clock."""

    def __init__(self, screen: Screen, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._terminal = screen.err.isatty() and screen.environ.get("TERM") != "dumb"
        self._began: dict[str, tuple[float, int]] = {}
        self._next = 0.0
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Take a report, and draw it when it is time."""
        if self._screen.quiet:
            return
        now = self._clock()
        began = self._began.get(progress.label)
        if began is None:
            began = self._began[progress.label] = (now, progress.done)
            if len(self._began) == 1:
                self._next = now + (PATIENCE if self._terminal else ELSEWHERE)
        if progress.total is not None and progress.done >= progress.total:
            del self._began[progress.label]
            if not self._began:
                self.close()
            return
        if now >= self._next:
            self._draw(progress, now - began[0], progress.done - began[1])
            self._next = now + (REDRAW if self._terminal else ELSEWHERE)

    def close(self) -> None:
        """Wipe the line away."""
        if self._drawn:
            self._screen.err.write("\r\x1b[K")
            self._screen.err.flush()
            self._drawn = False

    def _draw(self, progress: Progress, elapsed: float, done: int) -> None:
        line = line_of(progress, elapsed, done)
        if not self._terminal:
            self._screen.err.write(line + "\n")
        else:
            from shutil import get_terminal_size

            from loopline.cli.text import cut

            self._screen.err.write("\r" + cut(line, get_terminal_size().columns - 1) + "\x1b[K")
            self._drawn = True
        self._screen.err.flush()


def line_of(progress: Progress, elapsed: float, done: int) -> str:
    """Write one report: label, bar, count, rate and the time that is left. `done` of it took `elapsed` seconds."""
    from loopline.cli.text import clean, size, span

    def count(value: float) -> str:
        return size(int(value)) if progress.unit == "B" else f"{value:,.0f}".replace(",", " ")

    word = "" if progress.unit in ("", "B") else f" {progress.unit}"
    rate = done / elapsed if elapsed > 0 else 0.0
    speed = f"{count(rate)}{word}/s" if rate >= 10 or progress.unit == "B" else f"{rate:.1f}{word}/s"
    parts = [clean(progress.label)]
    if progress.total:
        full = min(_BAR * progress.done // progress.total, _BAR)
        parts.append("█" * full + "░" * (_BAR - full))
        parts.append(
            f"{100 * progress.done // progress.total:3d} %  {count(progress.done)} of {count(progress.total)}{word}"
        )
    else:
        parts.append(f"{count(progress.done)}{word}")
    if rate > 0:
        parts.append(speed)
        if progress.total:
            parts.append(f"{span((progress.total - progress.done) / rate * 1e6)} left")
    return "  ".join(parts)
