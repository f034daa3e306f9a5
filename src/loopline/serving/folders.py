"""folders: where things of a deployment are on the machine that serves it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote


def folder_of(work: Path, project: str, ref: str) -> Path:
    """Give the folder for logs of a deployment, inside of that for caches."""
    return work / "services" / project / quote(ref, safe="@")


def log_of(work: Path, project: str, ref: str) -> Path:
    """Give the file that holds what the processes of a deployment print."""
    return folder_of(work, project, ref) / "log"
