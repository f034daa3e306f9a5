"""call: finding and calling a job's function, and saying what came of it in text.

Imported by every worker before it does anything, so it imports next to nothing.
"""

from __future__ import annotations

import importlib
import sys

RETURNED, RAISED = "returned", "raised"
MAX_ERROR = 2_000
MAX_TRACE = 100_000
_PACKAGE = __file__.rpartition("executors")[0]


def perform(call: str, payload: bytes, *, through: tuple[type[BaseException], ...] = ()) -> tuple[str, bytes, str, str]:
    """Call `package.module:function` and give end, value, error and trace.

    Whatever the function raises is its own affair, also SystemExit; only `through` passes.
    """
    try:
        module, _, name = call.partition(":")
        function = importlib.import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        value = function(payload)  # type: ignore[operator]  # checked by calling it
        if not isinstance(value, bytes):
            return RAISED, b"", f"TypeError: {call} gave {type(value).__name__}, not bytes", ""
    except through:
        raise
    except BaseException as caught:  # noqa: BLE001 - also SystemExit and KeyboardInterrupt are only the job's
        return RAISED, b"", headline(caught), trace(caught)
    return RETURNED, value, "", ""


def headline(caught: BaseException) -> str:
    """Say in one line what was raised."""
    try:
        text = str(caught).strip()
    except BaseException:  # noqa: BLE001 - user code runs in __str__
        text = "(its text cannot be shown)"
    line = text.splitlines()[0] if text else ""
    return f"{type(caught).__name__}{': ' if line else ''}{line}"[:MAX_ERROR]


def trace(caught: BaseException) -> str:
    """Write the traceback from the first line that is not ours; the middle of a very long one is left out."""
    from traceback import format_exception

    here = first = caught.__traceback__
    while first is not None and first.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        first = first.tb_next
    while first is None and here is not None and here.tb_frame.f_code.co_filename == __file__:
        here = here.tb_next  # it is ours to the end: then only this file says nothing
    here = first or here
    try:
        text = "".join(format_exception(type(caught), caught, here))
    except BaseException:  # noqa: BLE001 - user code runs in __str__ and __repr__
        return headline(caught)
    if len(text) > MAX_TRACE:
        half = MAX_TRACE // 2
        text = f"{text[:half]}\n[... {len(text) - 2 * half} characters left out here ...]\n{text[-half:]}"
    return text


def flush() -> None:
    """Push out what Python and the C library still hold of what was printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or replaced by the job
            continue
    import ctypes

    ctypes.CDLL(None).fflush(None)
