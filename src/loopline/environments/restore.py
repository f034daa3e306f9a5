"""restore: a virtual environment out of a lock, by uv.

It is made beside its place and renamed into it when it is whole, so a killed restore leaves nothing that looks finished.
What was installed from a folder of one machine cannot come from a registry: loopline itself is taken over from the
running installation, the project's code comes with its source tree, anything else is named as left out.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Final

from loopline.environments import lock as locks
from loopline.environments.capture import metadata_folder
from loopline.environments.lock import Distribution, Lock
from loopline.environments.registry import variables
from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.nouns.digest import Digest, short
from loopline.nouns.progress import Progress, Report

MARKER: Final = ".loopline-environment"
"""Holds the lock's digest, and what was left out."""
OURSELVES: Final = "loopline"
_STEPS: Final = 3
_ADDRESS: Final = re.compile(r"\b[a-z+]+://\S+|(?<!\S)/\S+")
_MISSING: Final = (
    re.compile(r"Because (\S+) was not found in the (?:package registry|provided package locations|cache)"),
    re.compile(r"there is no version of ([^\s=]+)==(\S+)"),
    re.compile(r"Because (\S+?)==(\S+) has no (?:usable )?wheels"),
    re.compile(r"([^\s=]+)==(\S+) has no wheels? with a matching"),
)
_OFFLINE: Final = re.compile(
    r"Failed to fetch|dns error|error sending request|Connection refused|timed out|network is disabled|offline",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A virtual environment that holds what a lock says."""

    python: Path
    """Its interpreter."""
    digest: Digest
    """Of the lock."""
    made: bool
    """False where it was there already."""
    left_out: tuple[str, ...] = ()
    """Distributions that came from a folder of another place, without the project itself."""


def restore(
    lock: Lock, folder: Path, *, report: Report | None = None, offline: bool = False, any_patch: bool = False
) -> Restored:
    """Make `folder` the virtual environment of `lock`; one that is already there and whole is taken as it is.

    Several processes may restore into one folder: one makes it, the others wait. `offline` uses uv's cache alone;
    `any_patch` takes another patch release of the same Python. Raise NotFound kind="package-missing" or
    "python-missing", Unavailable kind="no-network", Conflict kind="environment-taken" where the folder holds something else.
    """
    folder = Path(folder).absolute()
    wanted = locks.digest(lock)
    with _alone(folder):
        there = _there(folder, wanted)
        if there is not None:
            return there
        fresh = folder.with_name(f".{folder.name}.making")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            left_out = _make(lock, fresh, _Uv(report, offline=offline), any_patch=any_patch)
            fresh.joinpath(MARKER).write_text("\n".join([wanted, *left_out]) + "\n", "utf-8")
            fresh.rename(folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    return Restored(_python(folder), wanted, made=True, left_out=left_out)


def requirements(lock: Lock) -> tuple[list[str], list[Distribution]]:
    """Split a lock into lines of a requirements file and what no registry can give."""
    lines: list[str] = []
    local: list[Distribution] = []
    for one in lock.distributions:
        if one.name == OURSELVES or one.project or one.source in ("editable", "folder"):
            local.append(one)
        elif one.reference:
            lines.append(f"{one.name} @ {one.reference}")
        else:
            lines.append(f"{one.name}=={one.version}")
    return lines, local


def _make(lock: Lock, fresh: Path, uv: _Uv, *, any_patch: bool) -> tuple[str, ...]:
    if lock.implementation != sys.implementation.name or lock.platform != sysconfig.get_platform():
        raise Invalid(
            f"the environment is for {lock.implementation} on {lock.platform}, this is {sys.implementation.name} on "
            f"{sysconfig.get_platform()}",
            kind="other-platform",
            hint=f"restore it on a machine with {lock.platform}",
            wanted=lock.platform,
        )
    uv.tell(0)
    uv.run(
        ["venv", "--quiet", "--relocatable", "--no-project", "--python", _interpreter(lock, any_patch), str(fresh)],
        lock,
    )
    lines, local = requirements(lock)
    uv.tell(1)
    listed = fresh / "requirements.txt"
    listed.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    if lines:
        uv.run(["pip", "sync", "--python", str(_python(fresh)), str(listed)], lock)
    uv.tell(2)
    left_out = [one.name for one in local if not one.project and not (one.name == OURSELVES and _take_over(fresh))]
    uv.tell(_STEPS)
    return tuple(left_out)


def _interpreter(lock: Lock, any_patch: bool) -> str:  # noqa: FBT001 (handed through)
    """Prefer the running interpreter: it is there, and it is the one that most locks were taken from."""
    running = platform.python_version()
    same_minor = running.rpartition(".")[0] == lock.python.rpartition(".")[0]
    return sys.executable if lock.python == running or (any_patch and same_minor) else lock.python


def _take_over(fresh: Path) -> bool:
    """Install the running loopline: its files where they are copies, links to its source where it is editable."""
    site = _site_packages(fresh)
    info = metadata_folder(OURSELVES)
    if info is None:
        source = Path(__file__).parents[2]
        site.joinpath(f"{OURSELVES}.pth").write_text(f"{source}\n", "utf-8")
        return True
    for file in PathDistribution(info).files or ():
        found = info.parent / file
        if ".." in file.parts or not found.is_file():
            continue  # scripts outside site-packages name this environment's interpreter
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, target)
    return True


def _site_packages(fresh: Path) -> Path:
    return next(fresh.joinpath("lib").glob("python*/site-packages"))


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _there(folder: Path, wanted: Digest) -> Restored | None:
    """Give what is there if it is whole; refuse to write over anything else."""
    try:
        found, *left_out = folder.joinpath(MARKER).read_text("utf-8").split("\n")[:-1]
    except (FileNotFoundError, NotADirectoryError, ValueError):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if not folder.exists():
            return None
        found, left_out = "", []
    if found != wanted:
        raise Conflict(
            f"{folder} holds something else than environment {short(wanted)}",
            kind="environment-taken",
            hint="name another folder",
            path=str(folder),
            found=found,
        )
    return Restored(_python(folder), wanted, made=False, left_out=tuple(left_out))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; it ends with the process, however that ends."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        held = folder.with_name(f".{folder.name}.lock").open("w")
    except OSError as error:
        raise Unavailable(
            f"{folder.parent} cannot be written: {error.strerror}",
            kind="not-writable",
            hint="name a folder that you may write",
            path=str(folder.parent),
        ) from error
    with held as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Uv:
    """Runs uv, and turns what it says into progress and errors."""

    def __init__(self, report: Report | None, *, offline: bool) -> None:
        self._report = report
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
            },
            **variables(os.environ),
            "NO_COLOR": "1",
            **({"UV_OFFLINE": "1"} if offline else {}),
        }

    def tell(self, done: int) -> None:
        """Report how many steps are done."""
        if self._report is not None:
            self._report(Progress("restore environment", done, _STEPS, "steps"))

    def run(self, arguments: list[str], lock: Lock) -> None:
        """Run one command to its end; an exception here, Ctrl-C among them, ends it too."""
        try:
            import uv

            command = [uv.find_uv_bin(), *arguments]
        except (ImportError, FileNotFoundError) as error:
            raise Unavailable(
                "uv is not installed", kind="uv-missing", hint="pip install 'loopline[reproduce]'"
            ) from error
        with subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                said = process.communicate()[1]
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if process.returncode:
            raise explain(said, lock, arguments[0])


def explain(said: str, lock: Lock, command: str) -> LooplineError:
    """Turn what uv said into an error with a next step, without addresses."""
    text = " ".join(said.split())
    clean = _ADDRESS.sub("…", text)
    if command == "venv" and re.search(
        r"No interpreter found|No download found|python-build-standalone|No Python", text
    ):
        return NotFound(
            f"Python {lock.python} is not installed here",
            kind="python-missing",
            hint=f"uv python install {lock.python}",
            python=lock.python,
        )
    missing = _first(text)
    if missing is not None and not _OFFLINE.search(text):
        name = locks.normalise(missing.group(1))
        pinned = lock.find(name)
        version = pinned.version if pinned else ""
        return NotFound(
            f"{name} {version} is not on the package index".replace("  ", " "),
            kind="package-missing",
            hint="configure the index that has it (PIP_INDEX_URL or UV_DEFAULT_INDEX), then try again",
            package=name,
            version=version,
        )
    if _OFFLINE.search(text):
        return Unavailable(
            "the package index does not answer",
            kind="no-network",
            hint="connect to the network, or name an index that can be reached with PIP_INDEX_URL",
            said=clean[-500:],
        )
    return Unavailable(
        f"uv could not make the environment: {clean[-500:] or 'it said nothing'}",
        kind="restore-failed",
        hint="run `loopline doctor`",
        said=clean[-500:],
    )


def _first(text: str) -> re.Match[str] | None:
    return next((match for pattern in _MISSING if (match := pattern.search(text))), None)
