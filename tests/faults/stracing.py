"""Disk calls of a program: listed, and then made to fail or to kill one at a time, by strace's fault injection."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import cannot

NAMES = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "ftruncate", "openat", "mkdir", "mkdirat", "rmdir",
    "rename", "renameat", "renameat2", "link", "linkat", "symlink", "unlink", "unlinkat", "chmod", "fchmod", "fchmodat",
    "utimensat", "sendfile", "copy_file_range", "fallocate", "flock",
)  # fmt: skip
"""Every call that changes what is on a disk or opens it."""
CALL = re.compile(r"^(?:\[pid +)?(?:(\d+)\]? +)?(\w+)\((.*)")
Cut = tuple[str, int]
"""Name of a call, and which of that name in its thread."""


@pytest.fixture
def strace() -> None:
    """Say that a test needs strace."""
    if shutil.which("strace") is None:
        cannot("strace is not installed (Debian: apt-get install strace)")
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True, text=True)
    if tried.returncode:
        cannot(f"strace may not trace here: {tried.stderr.strip()}")


def traced(program: str, *words: str, where: Path, strace: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, in a folder that is its home, under strace where options of it are given."""
    tracer = ["strace", *strace] if strace else []
    return subprocess.run(
        [*tracer, sys.executable, "-I", "-B", "-c", program, *words], check=False, capture_output=True, text=True, timeout=120,
        cwd=where, env={"PATH": os.environ["PATH"], "USER": "ann", "HOME": str(where)},
    )  # fmt: skip


def listing(log: Path) -> list[str]:
    """Give the options that list the disk calls of a program and of all that it starts."""
    return ["-f", "-e", f"trace={','.join(NAMES)}", "-o", str(log)]


def killing(cut: Cut) -> list[str]:
    """Give the options that kill a program at this call."""
    return _injecting(cut, "signal=SIGKILL")


def failing(cut: Cut, error: str) -> list[str]:
    """Give the options that let this call fail once in a thread."""
    return _injecting(cut, f"error={error}")


def _injecting(cut: Cut, what: str) -> list[str]:
    # no --seccomp-bpf, which would be faster: with -f strace then loses count, and the call goes through unharmed
    name, when = cut
    return ["-f", "-e", f"trace={name}", "-e", f"inject={name}:{what}:when={when}", "-o", os.devnull]


def calls_in(log: Path, where: str) -> tuple[Cut, ...]:
    """Read the disk calls between a program's `ready` and its `over`, those that open something only below `where`.

    Only those of the thread that says so: strace counts for each thread, and the third call of another one would also be
    the third of this one, before it is ready.
    """
    counts: Counter[tuple[str, str]] = Counter()
    calls: list[Cut] = []
    main = ""
    ready = False
    for line in log.read_text(errors="replace").splitlines():
        if (match := CALL.match(line)) is None or "resumed>" in line:
            continue
        thread, name, words = match[1] or "", match[2], match[3]
        counts[thread, name] += 1
        if name == "write" and words.startswith("1, "):
            ready, main = True, thread
            if '"over' in words:
                break
        elif ready and thread == main and (name != "openat" or where in words):
            calls.append((name, counts[thread, name]))
    return tuple(dict.fromkeys(calls))


def some(cuts: Sequence[Cut], most: int) -> tuple[Cut, ...]:
    """Give so many, or all where they are fewer: one by chance of each of as many equal parts, by a seed that is printed."""
    seed = int(os.environ.get("LOOPLINE_FAULTS_SEED") or random.SystemRandom().randrange(10**6))
    chance = random.Random(seed)
    parts = min(most, len(cuts))
    edges = [len(cuts) * part // parts for part in range(parts + 1)] if parts else []
    print(f"LOOPLINE_FAULTS_SEED={seed}: {parts} of {len(cuts)} disk calls")  # noqa: T201 - shown where a test fails
    return tuple(cuts[chance.randrange(first, end)] for first, end in pairwise(edges))
