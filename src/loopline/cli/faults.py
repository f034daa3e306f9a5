"""faults: what went wrong, said so that the next step is clear, and the exit code for it.

0 fine · 1 the thing asked about failed, or a rule says no · 2 the command or the configuration is wrong · 3 it could not
run · 4 not authenticated · 5 somebody else was faster, or changed the same · 8 not decided yet · 70 a defect of
Loopline · 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.argv import Options
    from loopline.cli.screen import Screen

FINE: Final = 0
FAILED: Final = 1
WRONG: Final = 2
UNABLE: Final = 3
STRANGER: Final = 4
LATE: Final = 5
PENDING: Final = 8
DEFECT: Final = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED: Final = 130
CLOSED: Final = 141
"""128 + SIGPIPE: what a shell reports for a program whose reader went away."""

CODES: Final[dict[type[LooplineError], int]] = {
    Invalid: WRONG,
    NotFound: FAILED,
    Refused: FAILED,
    Unavailable: UNABLE,
    Conflict: LATE,
}
_OTHER_TABLES: Final = ("newer-schema", "older-schema")
"""Refused, but no rule of the project said no: this code and that ledger do not fit."""
_SHOWN: Final = ("file", "line", "column", "ref", "expected", "found", "path", "digest", "run", "change", "parameter")
"""Facts that tell where; all of them with -v."""


def exit_code_of(error: LooplineError) -> int:
    """Map what the caller should do next to a number a script can test."""
    if error.kind.startswith("auth"):
        return STRANGER
    if error.kind in _OTHER_TABLES:
        return UNABLE
    if isinstance(error, Refused) and error.facts.get("pending") is True:
        return PENDING
    return next((code for cls, code in CODES.items() if isinstance(error, cls)), FAILED)


def tell(error: LooplineError, screen: Screen, options: Options) -> None:
    """Write an error to stderr: what, where, why, and one next step. As one line of JSON with --json."""
    if options.json:
        screen.err.write(_as_json(error) + "\n")
    else:
        screen.err.write("\n".join(_lines(error, screen, everything=bool(options.verbose))) + "\n")
    if options.debug:
        from traceback import format_exception

        screen.err.write("".join(format_exception(error)))


def _lines(error: LooplineError, screen: Screen, *, everything: bool) -> Iterator[str]:
    from loopline.cli.text import clean, facts

    where = "" if str(error.facts.get("file", "")) in error.message else _where(error)
    message = "\n  ".join(clean(line) for line in error.message.split("\n"))
    yield f"{screen.paint_err('bad', 'error:')} {where}{message}"
    shown = [
        (name, clean(_fact(value)))
        for name, value in error.facts.items()
        if everything or (name in _SHOWN and name not in ("file", "line", "column"))
    ]
    shown = [(name, text) for name, text in shown if everything or (text and text not in error.message)]
    yield from facts([(screen.paint_err("dim", name), value) for name, value in shown], indent="  ")
    cause = error.__cause__
    if cause is not None and str(cause) and str(cause) not in error.message:
        yield f"  {screen.paint_err('dim', 'because')} {clean(str(cause))}"
    if everything:
        yield f"  {screen.paint_err('dim', 'kind')} {error.kind}"
    if error.hint:
        yield f"{screen.paint_err('name', '→')} {clean(error.hint)}"


def _where(error: LooplineError) -> str:
    """Write `file:line:column: ` where the error is about a place in a file."""
    file = error.facts.get("file")
    if not file:
        return ""
    place = [str(file), *(str(error.facts[one]) for one in ("line", "column") if error.facts.get(one))]
    return ":".join(place) + ": "


def _fact(value: object) -> str:
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(str(one) for one in value)
    return str(value)


def _as_json(error: LooplineError) -> str:
    import json

    body = {
        "class": type(error).__name__,
        "kind": error.kind,
        "message": error.message,
        "hint": error.hint,
        "facts": error.facts,
    }
    return json.dumps({"schema": 1, "error": body}, default=_fact)


def of_system(error: OSError) -> LooplineError | None:
    """Say what the machine refused, where a person can mend that; None: it is a defect of ours."""
    import errno

    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            kind, what, hint = "disk-full", "the disk is full", "free some space, then run it again"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            kind, what, hint = (
                "no-permission",
                f"not permitted: {error.strerror}",
                "make it readable and writable for you",
            )
        case errno.EIO:
            kind, what, hint = "disk-error", "the disk failed", "check the disk, then run it again"
        case _:
            return None
    where = str(error.filename or "")
    return Unavailable(f"{where}: {what}" if where else what, kind=kind, hint=hint, path=where)


def crash(error: BaseException, screen: Screen, options: Options, words: Sequence[str]) -> int:
    """Write a report of a defect to a file and say where it is. Give the exit code."""
    from traceback import format_exception

    trace = "".join(format_exception(error))
    path = _report(trace, options, words)
    name = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    screen.err.write(f"{screen.paint_err('bad', 'defect:')} Loopline stumbled over {name}\n")
    if options.debug:
        screen.err.write(trace)
    if path:
        screen.err.write(f"  a report is in {path}\n")
    screen.err.write(f"{screen.paint_err('name', '→')} {'open an issue with that file' if path else 'use --debug'}\n")
    return DEFECT


def _report(trace: str, options: Options, words: Sequence[str]) -> str:
    """Keep a crash report in the loop's home, or among temporary files. Nothing where neither can be written."""
    import platform
    import time
    from pathlib import Path
    from tempfile import gettempdir

    import loopline

    home = Path(options.home or ".loopline")
    text = "\n".join([
        f"loopline {loopline.__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(['loopline', *words])}",
        "",
        trace,
    ])  # fmt: skip
    name = f"loopline-crash-{time.strftime('%Y%m%d-%H%M%S')}-{_pid()}.txt"
    for folder in (home / "crashes" if home.is_dir() else None, Path(gettempdir())):
        if folder is None:
            continue
        try:
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return str(folder / name)
    return ""


def _pid() -> int:
    import os

    return os.getpid()


def hush() -> int:
    """Close stdout for good after its reader went away, so that the interpreter does not complain at exit."""
    import os

    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
    return CLOSED
