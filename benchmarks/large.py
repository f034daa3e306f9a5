"""large: one large file: adding it, checking it out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.folders import Dvc, Loopline
from benchmarks.measure import Case, Sample, command
from benchmarks.peers import environment
from benchmarks.serving import SCALE

TITLE = "One large file"
ROUNDS = 5
PIECE = 64 << 20
SIZE_BYTES = max(PIECE, int((4 << 30) * SCALE) // PIECE * PIECE)
ABOUT = f"""
One file of {SIZE_BYTES / (1 << 30):g} GiB of random bytes, whole commands in new processes, the file in the system's cache as
far as it fits. `add` begins with an empty store, a checkout fills a folder that is not there. Loopline syncs what it keeps before
it says so and notes a sum for each MiB, by which a checkout is verified; DVC and `cp` leave writing to the system, and DVC's
checkout reads nothing of the file but to copy it. Nobody shares blocks between files here. `cp` and `sync` is what nobody gets
below who says that the disk has it.
"""


def cases(place: Path) -> list[Case]:
    """The same file for both."""
    ours, theirs = Loopline(place / "ours", removes=True), Dvc(place / "theirs", removes=True)
    for one in (ours, theirs):
        one.data.mkdir(parents=True)
        with (one.data / "large.bin").open("wb") as file:
            for _ in range(SIZE_BYTES // PIECE):
                file.write(os.urandom(PIECE))
    env = environment(place / "home")

    def copied() -> Sample:
        shutil.rmtree(place / "copy", ignore_errors=True)
        return command("cp", "-r", ours.data, place / "copy", cwd=place, env=env)

    def synced() -> Sample:
        shutil.rmtree(place / "copy", ignore_errors=True)
        return command("sh", "-c", 'cp -r "$0" "$1" && sync', ours.data, place / "copy", cwd=place, env=env)

    return [
        Case("add", "loopline", ours.add),
        Case("add", "dvc", theirs.add),
        Case("add", "cp", copied, "`cp`"),
        Case("add", "cp and sync", synced, "`cp`, `sync`"),
        Case("checkout", "loopline", ours.checkout),
        Case("checkout", "dvc", theirs.checkout),
        Case("checkout", "cp", copied, "`cp`"),
    ]
