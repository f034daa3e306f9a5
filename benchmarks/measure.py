"""measure: CPU and wall time of processes and scripts, in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement, in milliseconds for all `count` operations together."""

    cpu: float
    """User and system time of the process and of every child that it waited for."""
    wall: float
    count: int = 1
    size: float = 0.0
    """Bytes, where the topic is about some: of memory, of a page. Not divided by `count`."""
    p50: float = 0.0
    """Milliseconds that half of the operations took at most, where each was timed by itself."""
    p99: float = 0.0
    inner: float = 0.0
    """Milliseconds of all operations together that were spent on what a topic wants to tell apart."""
    found: Mapping[str, float] = field(default_factory=dict)
    """What is no cost: by name, what came out. Of several rounds the last counts."""


@dataclass(frozen=True, slots=True)
class Case:
    """One contestant doing one thing."""

    what: str
    who: str
    run: Callable[[], Sample]
    note: str = ""
    rounds: int = 0
    """How often, where it differs from the topic's."""


@dataclass(slots=True)
class Measured:
    """The samples of one case, per operation, in milliseconds."""

    what: str
    who: str
    note: str = ""
    count: int = 1
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    size: list[float] = field(default_factory=list)
    """In bytes."""
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    inner: list[float] = field(default_factory=list)
    found: dict[str, float] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        """Keep one sample."""
        self.count = sample.count
        self.cpu.append(sample.cpu / sample.count)
        self.wall.append(sample.wall / sample.count)
        self.size.append(sample.size)
        self.p50.append(sample.p50)
        self.p99.append(sample.p99)
        self.inner.append(sample.inner / sample.count)
        self.found.update(sample.found)

    def median(self, kind: str) -> float:
        """Give the median of one kind of figure, by its name, of one operation."""
        values: list[float] = getattr(self, kind)
        return statistics.median(values)


def in_turns(cases: Sequence[Case], rounds: int, *, say: Callable[[str], None]) -> list[Measured]:
    """Run every case once a round, A B C A B C, after one round that fills the caches and does not count."""
    measured = [Measured(case.what, case.who, case.note) for case in cases]
    for number in range(rounds + 1):
        for case, kept in zip(cases, measured, strict=True):
            if case.rounds and number > case.rounds:
                continue
            began = time.perf_counter()
            sample = case.run()
            if number:
                kept.add(sample)
            spent = time.perf_counter() - began
            say(f"  {number or 'warm-up'}: {case.what}, {case.who}: {sample.cpu:.1f} ms CPU ({spent:.1f} s)")
    return measured


def command(*words: str | Path, cwd: Path, env: dict[str, str]) -> Sample:
    """Run one command and give what it cost. Raise where it fails: a failing contestant is not fast.

    What others have left for the system to write is on the disk before: nobody waits for that.
    """
    os.sync()
    began = time.perf_counter()
    with (cwd / "output.txt").open("wb") as out:
        process = subprocess.Popen([str(w) for w in words], cwd=cwd, env=env, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (cwd / "output.txt").read_text(errors="replace")[-2000:]
        msg = f"{' '.join(map(str, words))} gave {process.returncode}:\n{said}"
        raise RuntimeError(msg)
    return Sample((usage.ru_utime + usage.ru_stime) * 1000, wall * 1000)


def clear(path: Path, old: Path) -> None:
    """Take away what a round has made, by moving it below `old`: it is removed when all has been measured.

    Where many files were removed, ext4 makes new ones slowly for five minutes: it passes over every inode that it has only just
    freed (Linux, fs/ext4/ialloc.c, recently_deleted). Half a millisecond for each file was seen, against 0.06. Its bytes leave
    the system's cache, so that memory is as free for the next one as it was for the first.
    """
    if path.exists():
        old.mkdir(parents=True, exist_ok=True)
        place = path.rename(old / f"{sum(1 for _ in old.iterdir())}-{path.name}")
        for file in place.rglob("*"):
            if file.is_file():
                _forget(file)


def _forget(file: Path) -> None:
    number = os.open(file, os.O_RDONLY)
    try:
        os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(number)


def side(python: Path, script: str, *args: object, cwd: Path, env: dict[str, str]) -> dict[str, Sample]:
    """Run a script of `sides/` with a contestant's own Python; its last line is JSON: name → [cpu ms, wall ms, count]."""
    path = Path(__file__).parent / "sides" / f"{script}.py"
    done = subprocess.run(
        [str(python), str(path), *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"{script} gave {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        raise RuntimeError(msg)
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {name: Sample(*values) for name, values in told.items()}


def one(python: Path, script: str, *args: object, cwd: Path, env: dict[str, str]) -> Sample:
    """Run a script of `sides/` that measures one thing."""
    (sample,) = side(python, script, *args, cwd=cwd, env=env).values()
    return sample


OURS = Path(sys.executable)
"""The Python that Loopline is installed in."""
