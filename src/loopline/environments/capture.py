"""capture: the lock of the running interpreter, read off the names of folders.

A distribution's folder is called `name-version.dist-info` (PyPA, recording installed projects), so a listing of
`sys.path` is enough; only what was not installed from a registry has a file that must be read (PEP 610).
"""

from __future__ import annotations

import json
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from loopline.environments.lock import Distribution, Lock, normalise
from loopline.nouns.digest import Digest, digest_of

FILES: Final = (
    "uv.lock",
    "requirements.txt",
    "pylock.toml",
    "poetry.lock",
    "pdm.lock",
    "constraints.txt",
    ".python-version",
)
_seen: dict[str, tuple[int, tuple[Distribution, ...]]] = {}
"""What a folder held when its time was that: an installation changes the time of the folder it goes into."""


def capture(project: Path | None = None, *, path: Iterable[str] | None = None) -> Lock:
    """Write down what this interpreter can import now; `project` adds the digests of its lock files.

    `path` replaces `sys.path`. What stands first on the path wins, as in an import. Folders that cannot be read are passed over.
    """
    here: dict[str, Distribution] = {}
    for folder in sys.path if path is None else path:
        for one in _listed(folder or "."):
            here.setdefault(one.name, one)
    own = _project_name(project) if project else None
    distributions = (
        Distribution(one.name, one.version, one.source, one.reference, project=True) if one.name == own else one
        for one in here.values()
    )
    return Lock(
        python=platform.python_version(),
        implementation=sys.implementation.name,
        platform=sysconfig.get_platform(),
        distributions=tuple(sorted(distributions)),
        files=_files(project) if project else {},
    )


def metadata_folder(name: str, *, path: Iterable[str] | None = None) -> Path | None:
    """Find the `.dist-info` folder of a distribution that can be imported here."""
    for folder in sys.path if path is None else path:
        for entry in _entries(folder or "."):
            if entry.endswith(".dist-info") and normalise(
                entry.removesuffix(".dist-info").rpartition("-")[0]
            ) == normalise(name):
                return Path(folder or ".", entry).absolute()
    return None


def _listed(folder: str) -> tuple[Distribution, ...]:
    try:
        time = Path(folder).stat().st_mtime_ns
    except OSError:
        return ()
    seen = _seen.get(folder)
    if seen is not None and seen[0] == time:
        return seen[1]
    found = tuple(one for entry in _entries(folder) if (one := _distribution(folder, entry)) is not None)
    _seen[folder] = (time, found)
    return found


def _entries(folder: str) -> list[str]:
    try:
        return sorted(entry for entry in os.listdir(folder) if entry.endswith((".dist-info", ".egg-info")))  # noqa: PTH208 (names, not paths)
    except OSError:
        return []


def _distribution(folder: str, entry: str) -> Distribution | None:
    if entry.endswith(".egg-info"):
        return _of_egg(folder, entry)
    name, dash, version = entry.removesuffix(".dist-info").rpartition("-")
    if not dash or not name:
        return None
    source, reference = _direct(f"{folder}/{entry}/direct_url.json")
    return Distribution(normalise(name), version.replace("_", "-"), source, reference)


def _of_egg(folder: str, entry: str) -> Distribution | None:
    """Read the older form, whose folder need not tell a version. Outside site-packages it is a source tree in place."""
    from importlib.metadata import PathDistribution

    metadata = PathDistribution(Path(folder, entry)).metadata
    if not metadata["Name"] or not metadata["Version"]:
        return None
    installed = Path(folder).name in ("site-packages", "dist-packages")
    return Distribution(normalise(metadata["Name"]), metadata["Version"], "registry" if installed else "editable")


def _direct(path: str) -> tuple[Any, str]:
    """Tell where it was installed from (PEP 610), without credentials and without paths of this machine."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (once for each distribution)
            value = json.loads(file.read())
        url = _public(str(value["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "registry", ""
    match value:
        case {"vcs_info": {"vcs": str(vcs), "commit_id": str(commit)}}:
            return "vcs", f"{vcs}+{url}@{commit}" if url else ""
        case {"dir_info": {"editable": True}}:
            return "editable", ""
        case {"dir_info": _}:
            return "folder", ""
        case _:
            return "archive", url


def _public(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((
        parts.scheme,
        host,
        parts.path,
        "",
        parts.fragment if parts.fragment.startswith("sha256=") else "",
    ))


def _project_name(project: Path) -> str | None:
    import tomllib

    try:
        name = tomllib.loads(project.joinpath("pyproject.toml").read_text("utf-8"))["project"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return normalise(name) if isinstance(name, str) else None


def _files(project: Path) -> dict[str, Digest]:
    found: dict[str, Digest] = {}
    for name in FILES:
        try:
            found[name] = digest_of(project.joinpath(name).read_bytes())
        except OSError:
            continue
    return found
