"""doctor: whether this machine is fit for Loopline, as findings with a remedy each. Nothing is changed but a probe file.

The checks are independent: one that cannot be made is a finding too, never an end of the others.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from loopline.nouns.finding import Finding

PYTHON: Final = (3, 11)
SQLITE: Final = (3, 51, 3)
"""The first with the fix of the WAL-reset bug: older ones can lose committed rows of several processes."""
GIT: Final = (2, 20)
FREE_WARN: Final = 2 << 30
FREE_FAIL: Final = 100 << 20
SKEW: Final = 5.0
"""Seconds by which a file system's clock may differ from ours before times of files mislead."""
ENGINE: Final = 5.0
"""Seconds for a container engine to answer."""
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "sklearn": ("sklearn", "skops", "numpy"),
    "tables": ("duckdb", "pyarrow"),
    "postgres": ("psycopg",),
    "s3": ("obstore",),
    "mcp": ("mcp",),
}
_FICLONE: Final = 0x40049409
_SECRETS: Final = (".env", ".env.local", ".netrc", ".pgpass", "credentials.json")


def examine(folder: Path, *, project: Path | None = None, now: float | None = None) -> tuple[Finding, ...]:
    """Look at this machine for a Loopline that keeps its state in `folder`, which need not exist.

    `now` is the wall clock in seconds since the epoch: without it, the file system's clock is not looked at.
    """
    place = _existing(Path(folder).absolute())
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("python", lambda: check_python(sys.version_info[:3])),
        ("sqlite", check_sqlite),
        ("git", check_git),
        ("uv", check_uv),
        ("folder", lambda: check_folder(place)),
        ("disk", lambda: check_disk(place)),
        ("file system", lambda: check_file_system(place)),
        ("copies", lambda: check_reflink(place)),
        ("secrets", lambda: check_secrets(project or place)),
        ("containers", check_containers),
        ("gpu", check_gpu),
        *((f"extra {name}", lambda name=name: check_extra(name)) for name in EXTRAS),
    ]
    if now is not None:
        checks.insert(7, ("clock", lambda: check_clock(place, now)))
    return tuple(_safely(name, check) for name, check in checks)


def check_python(version: tuple[int, ...]) -> Finding:
    """Compare the interpreter with the oldest that is supported."""
    text = f"{platform.python_implementation()} {'.'.join(map(str, version))}"
    if tuple(version[:2]) < PYTHON:
        return Finding("python", "fail", f"{text}: at least 3.11 is needed", "uv python install 3.11")
    return Finding("python", "ok", text)


def check_sqlite(version: str | None = None) -> Finding:
    """Compare the SQLite of pysqlite3, which is the one that the ledger uses, with the oldest that is safe."""
    if version is None:
        # Asked in a process of its own: a library that does not load, or crashes, is a finding and not our end.
        command = [sys.executable, "-c", "from pysqlite3 import dbapi2; print(dbapi2.sqlite_version)"]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        if asked.returncode:
            return Finding("sqlite", "fail", "pysqlite3 cannot be loaded", "pip install 'pysqlite3>=0.6.1'")
        version = asked.stdout.strip()
    if _numbers(version) < SQLITE:
        text = f"SQLite {version} can lose rows when several processes write: at least 3.51.3 is needed"
        return Finding("sqlite", "fail", text, "pip install --upgrade 'pysqlite3>=0.6.1'")
    return Finding("sqlite", "ok", f"SQLite {version}, by pysqlite3")


def check_git(said: str | None = None) -> Finding:
    """Find git: without it, code is recorded without its commit."""
    if said is None:
        found = shutil.which("git")
        if found is None:
            text = "git is not installed: code is recorded, but without its commit"
            return Finding("git", "warn", text, "install git, for example: apt-get install git")
        said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    version = said.strip().removeprefix("git version ").split(" ")[0]
    if _numbers(version)[:2] < GIT:
        return Finding("git", "warn", f"git {version} is old", "install git 2.20 or newer")
    return Finding("git", "ok", f"git {version}")


def check_uv() -> Finding:
    """Find the uv that restores environments."""
    try:
        import uv

        binary = uv.find_uv_bin()
    except (ImportError, FileNotFoundError):
        return Finding(
            "uv",
            "ok",
            "not installed; needed only to restore environments (loopline reproduce)",
            "pip install 'loopline[reproduce]'",
        )
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    return Finding("uv", "ok", " ".join(said.split()[:2]))


def check_folder(folder: Path) -> Finding:
    """Write a file and remove it."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".loopline-doctor-"):
            pass
    except OSError as error:
        return Finding("folder", "fail", f"{folder} cannot be written: {error.strerror}", f"chmod u+w '{folder}'")
    return Finding("folder", "ok", f"{folder} can be written")


def check_disk(folder: Path, *, free: int | None = None) -> Finding:
    """Compare free space with what a few models and snapshots take."""
    free = shutil.disk_usage(folder).free if free is None else free
    text = f"{free / (1 << 30):.1f} GB free"
    if free < FREE_FAIL:
        return Finding(
            "disk", "fail", f"{text}: the ledger may not be able to write", "free some space, or move LOOPLINE_HOME"
        )
    if free < FREE_WARN:
        return Finding("disk", "warn", f"{text}: little for data and models", "free some space, or move LOOPLINE_HOME")
    return Finding("disk", "ok", text)


def check_file_system(folder: Path) -> Finding:
    """Try what durability rests on: sync a file, rename it over another, sync the folder, lock a file."""
    import fcntl

    with tempfile.TemporaryDirectory(dir=folder, prefix=".loopline-doctor-") as name:
        old, new = Path(name, "old"), Path(name, "new")
        old.write_bytes(b"old")
        try:
            with new.open("wb") as file:
                file.write(b"new")
                file.flush()
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.fsync(file.fileno())
            new.replace(old)
            descriptor = os.open(name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            text = f"no atomic rename, sync or lock here ({error.strerror}): a crash could lose what was acknowledged"
            return Finding("file system", "fail", text, "set LOOPLINE_HOME to a folder on a local disk")
        if old.read_bytes() != b"new":
            text = "a renamed file does not show what was written"
            return Finding("file system", "fail", text, "set LOOPLINE_HOME to a folder on a local disk")
    return Finding("file system", "ok", "rename is atomic, files and folders sync, locks hold")


def check_reflink(folder: Path) -> Finding:
    """Try to share bytes between two files: checkouts then cost no space. Not having it is no fault."""
    import fcntl

    with tempfile.TemporaryDirectory(dir=folder, prefix=".loopline-doctor-") as name:
        source = Path(name, "a")
        source.write_bytes(bytes(4096))
        try:
            with source.open("rb") as one, Path(name, "b").open("wb") as other:
                fcntl.ioctl(other.fileno(), _FICLONE, one.fileno())
        except OSError:
            return Finding("copies", "ok", "checkouts copy bytes (this file system has no reflinks)")
    return Finding("copies", "ok", "checkouts share bytes (reflinks)")


def check_clock(folder: Path, now: float) -> Finding:
    """Compare the wall clock with the one that dates files, and both with the clock that never jumps."""
    started = time.monotonic()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".loopline-doctor-") as file:
        file.write(b"x")
        file.flush()
        dated = os.fstat(file.fileno()).st_mtime
    skew = dated - (now + time.monotonic() - started)
    if abs(skew) > SKEW:
        text = f"the file system's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
        return Finding("clock", "warn", text, "synchronise the clocks, for example: timedatectl set-ntp true")
    return Finding("clock", "ok", "the clocks agree")


def check_secrets(project: Path) -> Finding:
    """Look for files that usually hold secrets and that others may read."""
    open_ones = [
        name
        for name in _SECRETS
        if (path := project / name).is_file() and stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH)
    ]
    if open_ones:
        files = " ".join(f"'{project / name}'" for name in open_ones)
        return Finding("secrets", "warn", f"others can read {', '.join(open_ones)}", f"chmod 600 {files}")
    return Finding("secrets", "ok", "no file with secrets is readable by others")


def check_port(host: str, port: int) -> Finding:
    """Try to listen where `loopline up` would. That somebody does so already is a warning: it may be a server of ours."""
    import socket

    if port == 0:
        return Finding("port", "ok", "the server takes any that is free")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as the server: what just ended is no hindrance
            listener.bind(address)
    except OSError as error:
        text = f"{host}:{port} cannot be served: {error.strerror or error}"
        return Finding("port", "warn", text, "loopline up --port 0, or end what listens there")
    return Finding("port", "ok", f"{host}:{port} is free for loopline up")


def check_containers() -> Finding:
    """Find a container engine and ask whether it answers. Not having one is no fault."""
    found = next((name for name in ("docker", "podman") if shutil.which(name)), None)
    if found is None:
        return Finding("containers", "ok", "no docker or podman here; nothing but the compose file needs one")
    fix = f"start it, or get the right to use it: {found} info tells why"
    try:
        asked = subprocess.run(
            [found, "info"], check=False, capture_output=True, timeout=ENGINE, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return Finding("containers", "warn", f"{found} does not answer within {ENGINE:.0f} s", fix)
    except OSError as error:
        return Finding("containers", "warn", f"{found} cannot be run: {error.strerror}", fix)
    if asked.returncode:
        return Finding("containers", "warn", f"{found} is here, but its engine does not answer", fix)
    return Finding("containers", "ok", f"{found} answers")


def check_gpu(devices: Path = Path("/dev")) -> Finding:
    """Count what drivers offer, without asking them: that may take seconds. Not having one is no fault."""
    nvidia = len([*devices.glob("nvidia[0-9]*")])
    amd = len([*devices.glob("dri/renderD*")]) if (devices / "kfd").exists() else 0
    found = [f"{count} of {maker}" for count, maker in ((nvidia, "NVIDIA"), (amd, "AMD")) if count]
    return Finding("gpu", "ok", ", ".join(found) or "none here")


def check_extra(name: str) -> Finding:
    """Tell whether an extra is installed, without importing it. Not having one is no fault."""
    missing = [module for module in EXTRAS[name] if find_spec(module) is None]
    if missing:
        text = f"not installed ({', '.join(missing)} missing); needed only where it is used"
        return Finding(f"extra {name}", "ok", text, f"pip install 'loopline[{name}]'")
    return Finding(f"extra {name}", "ok", "installed")


def _safely(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 (one check that breaks is a finding, the others go on)
        return Finding(
            name,
            "warn",
            f"could not be looked at: {type(error).__name__}: {error}",
            "run it again; if it stays, report it",
        )


def _existing(folder: Path) -> Path:
    """Go up to the nearest folder that exists: that is where things would be made."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _numbers(version: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in version.split("."):
        digits = "".join(c for c in part if c.isdigit())
        if not digits:
            break
        found.append(int(digits))
    return tuple(found)
