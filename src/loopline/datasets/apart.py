"""apart: files of strangers are opened as tables in a process of its own, with little time and memory, which may end any time.

A server reads what anybody may have put there. What DuckDB makes of a file that was written to harm it stays in that process: it
is told paths and gives plain values as JSON, it has none of our variables, and it is killed when its time is over.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from loopline import errors
from loopline.errors import LooplineError, Unavailable
from loopline.store.system import processors

SECONDS: Final = 60.0
"""How long one answer may take."""
MEMORY: Final = "1GB"
"""What DuckDB may hold; the rest goes to the scratch folder."""
_ADDRESSES: Final = 6 << 30
"""Bytes of addresses of the process: DuckDB, its threads, and Arrow."""
_FILE: Final = 16 << 30
_ANSWER: Final = 128 << 20
"""Bytes of an answer, which whoever asked holds in memory."""
_PATIENCE: Final = 10.0
"""Seconds for which a question waits for its turn: its thread is one of few."""
_AT_ONCE: Final = threading.BoundedSemaphore(2)
_KEPT: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "SYSTEMROOT")
_START: Final = "from loopline.datasets.apart import main; main()"


def apart(call: str, told: Mapping[str, Any], *, scratch: Path, seconds: float = SECONDS) -> Any:
    """Give the answer of `diff_rows`, `profile`, `merge_tables`, `observe` or `shape` from a process of its own.

    `told` are its arguments. Raise what the call raises, Unavailable kind="tables-too-slow", "tables-died", "server-busy".
    """
    if not _AT_ONCE.acquire(timeout=min(seconds, _PATIENCE)):
        raise Unavailable("other tables are being read", kind="server-busy", hint="wait a moment, then try again")
    asked = {"call": call, "told": dict(told), "scratch": str(scratch), "seconds": seconds}
    try:
        with subprocess.Popen(
            [sys.executable, "-P", "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name in _KEPT}, start_new_session=True,
        ) as process:  # fmt: skip
            try:
                said, _ = process.communicate(json.dumps(asked).encode(), timeout=seconds)
            except subprocess.TimeoutExpired:
                raise _slow(seconds) from None
            finally:
                process.kill()
    finally:
        _AT_ONCE.release()
    if process.returncode == -signal.SIGXCPU:
        raise _slow(seconds)
    try:
        answer = json.loads(said)
    except ValueError:
        raise Unavailable(
            f"the process that read these tables ended with {process.returncode}", kind="tables-died",
            hint="they need more memory than a server gives them: check them out and compare them there",
            status=process.returncode,
        ) from None  # fmt: skip
    if "error" in answer:
        told = answer["error"]
        kind = getattr(errors, told["class"], LooplineError)
        raise kind(told["message"], kind=told["kind"], hint=told["hint"], **told["facts"])
    return answer["answer"]


def _slow(seconds: float) -> Unavailable:
    return Unavailable(
        f"these tables were not read within {seconds:g} s", kind="tables-too-slow",
        hint="check them out and compare them there", seconds=seconds,
    )  # fmt: skip


def main() -> None:
    """Answer the one question on the standard input."""
    asked = json.loads(sys.stdin.buffer.read())
    _limit(asked["seconds"])
    try:
        said = {"answer": _CALLS[asked["call"]](Path(asked["scratch"]), asked["told"])}
    except LooplineError as error:
        said = {
            "error": {
                "class": type(error).__name__,
                "message": error.message,
                "kind": error.kind,
                "hint": error.hint,
                "facts": error.facts,
            }
        }
    text = json.dumps(said)
    if len(text) > _ANSWER:
        raise SystemExit(f"an answer of {len(text)} bytes is no answer")
    sys.stdout.write(text)


def _limit(seconds: float) -> None:
    """Bound what this process may take, for good."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, int(seconds * processors()) + 1),
        (resource.RLIMIT_AS, _ADDRESSES),
        (resource.RLIMIT_FSIZE, _FILE),
    ):
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def _diff(scratch: Path, told: dict[str, Any]) -> Any:
    from loopline.datasets.rows import diff_rows

    old, new = ([Path(one) for one in told.pop(side)] for side in ("old", "new"))
    return diff_rows(old, new, place=Path(told.pop("place")), scratch=scratch, memory=MEMORY, **told)


def _profile(scratch: Path, told: dict[str, Any]) -> Any:
    from loopline.datasets.profile import profile

    return profile([Path(one) for one in told.pop("paths")], scratch=scratch, memory=MEMORY, **told)


def _merge(_: Path, told: dict[str, Any]) -> Any:
    from loopline.datasets.tablemerge import merge_tables
    from loopline.datasets.tables import plain

    *base, ours, theirs = (Path(one).read_bytes() for one in told["files"])
    found = merge_tables(told["path"], base[0] if base else None, ours, theirs, told["key"])
    if found.body is not None:
        Path(told["target"]).write_bytes(found.body)
    conflicts = [
        {"key": plain(one.key), "cells": [one.column, *map(plain, (one.base, one.ours, one.theirs))]}
        for one in found.conflicts
    ]
    return {"merged": found.body is not None, "conflicts": conflicts, "count": found.count, "why": found.why}


def _observe(scratch: Path, told: dict[str, Any]) -> Any:
    from dataclasses import asdict

    from loopline.datasets.expectations import Asked, Shape, observe
    from loopline.nouns.expectation import read_expectation

    files = {path: Path(place) for path, place in told.pop("files").items()}
    expectations = [read_expectation(one) for one in told.pop("expectations")]
    base = told.pop("base")
    others = {pointer: [Path(one) for one in paths] for pointer, paths in told.pop("others").items()}
    asked = Asked(**told, base=Shape(**base) if base else None, others=others, scratch=scratch, memory=MEMORY)
    return [asdict(one) for one in observe(files, expectations, asked)]


def _shape(scratch: Path, told: dict[str, Any]) -> Any:
    from loopline.datasets.expectations import shape

    found = shape([Path(one) for one in told["paths"]], missing=told["missing"], scratch=scratch, memory=MEMORY)
    return {"rows": found.rows, "columns": dict(found.columns)}


_CALLS: Final = {
    "diff_rows": _diff, "profile": _profile, "merge_tables": _merge, "observe": _observe, "shape": _shape,
}  # fmt: skip
