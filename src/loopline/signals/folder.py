"""folder: where the signals of a deployment are on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 200
"""Bytes of one name; file systems take 255."""


def folder_of(root: Path, project: str, service: str, ref: str) -> Path:
    """Name the folder of `service/NAME@REF`: `ROOT/PROJECT/NAME/REF`, each word in a form that any file system takes.

    `service` is the name without its kind. Two deployments never share a folder.
    """
    return root / _word(project) / _word(service) / _word(ref)


def folders(root: Path, project: str) -> list[Path]:
    """Give the folders of all deployments of a project that have one."""
    here = root / _word(project)
    return sorted(one for name in here.iterdir() for one in name.iterdir()) if here.is_dir() else []


def _word(name: str) -> str:
    """Percent-encode all that is not plain, also `.` in front; cut what is too long, and add its digest."""
    told = quote(name, safe="")
    if told.startswith("."):
        told = "%2E" + told[1:]
    if len(told) > _LONGEST:
        told = f"{told[: _LONGEST - 40]}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    return told
