"""push: what it costs to bring many small files into another folder, and to find that they are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measure import Case, Sample, clear, command
from benchmarks.peers import environment, peer
from benchmarks.projects import LOOPLINE
from benchmarks.serving import SCALE

TITLE = "Push to a folder"
ROUNDS = 5
FOLDERS = max(1, round(100 * SCALE))
FILES = 1000 * FOLDERS
ABOUT = f"""
{FILES:,} files of 4 KiB of random bytes, added before. A push brings all of them into an empty folder on the same disk; a push
again finds that nothing is lacking. Loopline syncs what it wrote (a pack of 64 MiB at a time), then says that it is there; DVC
3.67 and `cp -r` leave that to the system. `cp -r` of the same files is the limit of whoever makes a file of each.
"""


def cases(place: Path) -> list[Case]:
    """Each pushes its own copy of the same files."""
    env = environment(place / "home")
    dvc = peer("dvc").command
    ours, theirs = place / "ours", place / "theirs"
    _write(ours / "data" / "files")
    (ours / "loopline.toml").write_text('[project]\nname = "bench"\n')
    command(LOOPLINE, "add", "data/files", cwd=ours, env=env)
    theirs.mkdir()
    shutil.copytree(ours / "data", theirs / "data")
    command("git", "init", "-q", cwd=theirs, env=env)
    command(dvc, "init", "-q", cwd=theirs, env=env)
    command(dvc, "remote", "add", "-q", "-d", "other", place / "dvc-store", cwd=theirs, env=env)
    command(dvc, "add", "-q", "data/files", cwd=theirs, env=env)
    push = partial(command, LOOPLINE, "push", "-q", "data/files", place / "store", cwd=ours, env=env)
    push_theirs = partial(command, dvc, "push", "-q", cwd=theirs, env=env)
    copy = partial(command, "cp", "-r", ours / "data" / "files", place / "copy", cwd=place, env=env)
    return [
        Case("push", "loopline", lambda: _fresh(place / "store", push)),
        Case("push", "dvc", lambda: _fresh(place / "dvc-store", push_theirs)),
        Case("push", "cp -r", lambda: _fresh(place / "copy", copy)),
        Case("push again", "loopline", push),
        Case("push again", "dvc", push_theirs),
    ]


def _fresh(folder: Path, run: Callable[[], Sample]) -> Sample:
    clear(folder, folder.parent / "old")
    return run()


def _write(folder: Path) -> None:
    for number in range(FOLDERS):
        (folder / f"d{number:04}").mkdir(parents=True)
        for file in range(1000):
            (folder / f"d{number:04}" / f"f{file:04}.bin").write_bytes(os.urandom(4096))
