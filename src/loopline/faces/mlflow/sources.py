"""sources: from what a version is registered, read from what a client wrote. Nothing but this server's own store is ever meant.

What is read is one of five things, by their whole form; anything else, however it is spelled, is no source, and is not opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from loopline.faces.mlflow.errors import invalid
from loopline.faces.mlflow.limits import KEY

PLACEHOLDERS: Final = ("prompt-template", "dummy-source")
"""What clients write as the source of a prompt: it has none."""
_LONGEST: Final = 4_000
_RUN: Final = r"[a-zA-Z0-9][\w-]{0,255}"
_MODEL: Final = r"m-[0-9a-f]{32}"
_FORMS: Final = {
    "logged": re.compile(rf"models:/({_MODEL})\Z|mlflow-artifacts:/[0-9]{{1,18}}/models/({_MODEL})/artifacts/?\Z", re.ASCII),
    "run": re.compile(rf"runs:/({_RUN})(?:/(.*))?\Z|mlflow-artifacts:/[0-9]{{1,18}}/({_RUN})/artifacts(?:/(.*))?\Z", re.ASCII),
    "version": re.compile(r"models:/([^/]+)/([^/]+)\Z"),
    "alias": re.compile(r"models:/([^/]+)@([^/@]+)\Z"),
    "kept": re.compile(r"mlflow-artifacts:/versions/([0-9]{1,18})/([0-9]{1,18})/?\Z", re.ASCII),
}  # fmt: skip
_ODD: Final = re.compile(r"[\x00-\x1f\x7f\\#?;]")
"""What stands in no source: some reader ends an address there."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A model that a run has logged."""

    id: str


@dataclass(frozen=True, slots=True)
class OfRun:
    """A folder or a file among the files of a run."""

    run: str
    path: str


@dataclass(frozen=True, slots=True)
class OfVersion:
    """Another version: by number, stage, or `latest`."""

    name: str
    what: str


@dataclass(frozen=True, slots=True)
class OfAlias:
    """Another version, by its alias."""

    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Another version, by the address of its files."""

    asset: int
    number: int


Source = Logged | OfRun | OfVersion | OfAlias | Kept


def source_of(text: str) -> Source:
    """Read a source. Raise Fault 400 for any other address than those of this server's own store."""
    if len(text) > _LONGEST or not _plain(text):
        raise no_source(text)
    for kind, form in _FORMS.items():
        found = form.match(text)
        if found is None:
            continue
        parts = [part for part in found.groups() if part is not None]
        if kind == "logged":
            return Logged(parts[0])
        if kind == "run":
            return OfRun(parts[0], _path(text, parts[1] if len(parts) > 1 else ""))
        if kind == "version":
            return OfVersion(*parts)
        return OfAlias(*parts) if kind == "alias" else Kept(*map(int, parts))
    raise no_source(text)


def no_source(text: str, why: str = "") -> Exception:
    """Say that something is no source."""
    more = why or (
        "A source is a logged model (models:/m-…), another version (models:/NAME/3), or files of a run in this server's store"
        " (runs:/RUN/PATH), without relative parts"
    )
    return invalid(f"Invalid model version source: '{text[:KEY]}'. {more}.")


def _plain(text: str) -> bool:
    """Tell whether an address says the same to every reader: no part of it leads up or away, not even when decoded again."""
    while True:
        parts = text.replace("\\", "/").split("/")
        if _ODD.search(text) or any(part.strip() in (".", "..") for part in parts):
            return False
        again = unquote(text)
        if again == text:
            return True
        text = again


def _path(text: str, path: str) -> str:
    path = path.removesuffix("/")
    if path.startswith("/") or "//" in path:
        raise no_source(text)
    return path
