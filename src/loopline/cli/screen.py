"""screen: the terminal, or what stands in for it: colours, width, times, the pager.

Colour is off for NO_COLOR, TERM=dumb, anything that is no terminal and `--color never`; on for FORCE_COLOR and
`--color always`.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cached_property
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo

    from loopline.cli.argv import Options

TONES: Final = {
    "good": "32",
    "bad": "31",
    "wait": "33",
    "dim": "2",
    "name": "36",
    "head": "1",
    "more": "32",
    "less": "31",
}
"""What a colour means → SGR parameters (ECMA-48 §8.3.117)."""

MARKS: Final = {"good": "✓", "bad": "✗", "wait": "…", "dim": "–"}
"""What stands beside the word of a status, so that colour is never alone."""

REHEARSED: Final = "dry run │ "
"""What every line begins with that tells of something which only would have happened."""


class Screen:
    """Where output goes and how it looks there."""

    def __init__(
        self, out: IO[str] | None = None, err: IO[str] | None = None, *, environ: Mapping[str, str] | None = None
    ) -> None:
        self.out = sys.stdout if out is None else out
        self.err = sys.stderr if err is None else err
        self.environ = os.environ if environ is None else environ
        self.quiet = False
        self.verbose = 0
        self.project = ""
        """Names of this project are written without it."""
        self.find_zone: Callable[[], tzinfo | None] = lambda: None
        """Asked when the first time of day is drawn: many commands draw none."""
        self.rehearsed = False
        """Whether what is shown did not happen: then every line of it says so."""
        self.live = _is_terminal(self.out)
        self.out_color = _wants_color("auto", self.out, self.environ)
        self.err_color = _wants_color("auto", self.err, self.environ)
        self._width: int | None = None
        self._now: int | None = None

    @property
    def width(self) -> int:
        """Columns: of the terminal; plenty where there is none, so that nothing is cut off in a file."""
        if self._width is None:
            self._width = _size(self.environ)[0] if self.live else 10_000
        return self._width - (len(REHEARSED) if self.rehearsed else 0)

    @cached_property
    def zone(self) -> tzinfo | None:
        """The zone of the reader; None: UTC."""
        return self.find_zone()

    @property
    def now(self) -> int:
        """Microseconds since the epoch, one answer for the whole command, so that ages agree."""
        if self._now is None:
            self._now = time.time_ns() // 1000
        return self._now

    def adopt(self, options: Options) -> None:
        """Take over what the flags of the command say about output."""
        self.quiet, self.verbose = options.quiet, options.verbose
        self.out_color = _wants_color(options.color, self.out, self.environ)
        self.err_color = _wants_color(options.color, self.err, self.environ)

    def flush(self) -> None:
        """Put out what was written, so that an error does not overtake it."""
        try:
            self.out.flush()
        except (OSError, ValueError):
            self.quiet = True

    def paint(self, tone: str, text: str) -> str:
        """Colour a text that goes to stdout."""
        return f"\x1b[{TONES[tone]}m{text}\x1b[0m" if self.out_color and text else text

    def paint_err(self, tone: str, text: str) -> str:
        """Colour a text that goes to stderr."""
        return f"\x1b[{TONES[tone]}m{text}\x1b[0m" if self.err_color and text else text

    def mark(self, tone: str, word: str) -> str:
        """Write a status: a sign, a word, a colour."""
        return self.paint(tone, f"{MARKS.get(tone, '·')} {word}")

    def say(self, text: str) -> None:
        """Tell people something that is no data."""
        if not self.quiet:
            self.err.write(text + "\n")
            self.err.flush()

    def write(self, text: str) -> None:
        """Put data on stdout."""
        self.out.write(text)

    def show(self, lines: Iterable[str]) -> None:
        """Put lines on stdout, through the pager where they are more than the terminal holds."""
        front = self.paint("wait", REHEARSED) if self.rehearsed else ""
        text = "\n".join(front + part for line in lines for part in (line.split("\n") if front else (line,)))
        if not text:
            return
        if self.live and self._page(text + "\n"):
            return
        self.write(text + "\n")

    def _page(self, text: str) -> bool:
        """Hand a long text to the pager. False: it is short, or there is no pager."""
        if text.count("\n") < _size(self.environ)[1] or self.environ.get("TERM") == "dumb":
            return False
        pager = self.environ.get("PAGER", "less")
        from shutil import which

        if pager in ("", "cat") or not which(pager.split()[0]):
            return False
        import subprocess

        settings = {"LESS": "FRX", "LV": "-c", **self.environ}
        try:
            done = subprocess.run(  # noqa: S602 - $PAGER is a shell command by convention, and the user's own
                pager, shell=True, input=text.encode(errors="backslashreplace"), env=settings, check=False
            )
        except OSError:
            return False
        return done.returncode not in (126, 127)


def _size(environ: Mapping[str, str]) -> tuple[int, int]:
    """Give columns and lines of the terminal, as shutil does, whose import would cost a command more than drawing does."""
    told = [int(text) if (text := environ.get(name, "")).isdecimal() else 0 for name in ("COLUMNS", "LINES")]
    try:
        here = tuple(os.get_terminal_size(sys.__stdout__.fileno())) if sys.__stdout__ and not all(told) else (0, 0)
    except (OSError, ValueError):
        here = (0, 0)
    return told[0] or here[0] or 80, told[1] or here[1] or 24


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except ValueError:
        return False


def _wants_color(color: str, stream: IO[str], environ: Mapping[str, str]) -> bool:
    if color != "auto":
        return color == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and _is_terminal(stream)
