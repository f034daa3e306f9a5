"""files: which files configure a call, and what they hold."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from loopline.errors import Invalid, Unavailable
from loopline.settings.table import Source, Table

PROJECT_FILE = "loopline.toml"
_PLACE = r"\(at line (\d+), column (\d+)\)"
_SHARED = rb"(?m)^\s*\[\[?\s*tool\s*\.\s*[\"']?loopline[\"']?\s*[.\]]"


def find_project(folder: Path) -> Path | None:
    """Find the nearest `loopline.toml`, or `pyproject.toml` with `[tool.loopline]`, upward to the repository's root.

    Raise Invalid where one folder has both: two files that speak of one project contradict each other sooner or later.
    """
    for here in (folder, *folder.parents):
        own, shared = here / PROJECT_FILE, here / "pyproject.toml"
        both = [path for path in (own, shared) if path.is_file() and (path == own or re.search(_SHARED, _bytes(path)))]
        if len(both) > 1:
            raise Invalid(
                f"{here} has {PROJECT_FILE} and a [tool.loopline] in pyproject.toml",
                kind="two-project-files",
                hint="keep one of them",
                folder=str(here),
            )
        if both:
            return both[0]
        if (here / ".git").exists():
            return None
    return None


def user_file(environ: Mapping[str, str]) -> Path | None:
    """Name the file of the user (XDG base directory specification); None where there is no home."""
    base, home = environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", "")
    if base.startswith("/"):
        return Path(base) / "loopline" / "config.toml"
    return Path(home) / ".config" / "loopline" / "config.toml" if home else None


def read_table(path: Path) -> Table:
    """Read a file; of a `pyproject.toml` the table `[tool.loopline]`. Raise Invalid with file, line and column."""
    data = _bytes(path)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Invalid(
            f"{path}:{line}: this is not UTF-8", kind="bad-encoding", hint="save it as UTF-8", file=str(path), line=line
        ) from error
    text = text.removeprefix("\ufeff")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _refuse(path, text, str(error))
    source = Source(str(path), text)
    if path.name == "pyproject.toml":
        values = values.get("tool", {}).get("loopline", {})
        return Table(source, ("tool", "loopline"), values)
    return Table(source, (), values)


def _refuse(path: Path, text: str, message: str) -> NoReturn:
    match = re.search(_PLACE, message)
    line, column = (int(match[1]), int(match[2])) if match else (text.count("\n") + 1, 1)
    why = message.partition(" (at ")[0]
    raise Invalid(
        f"{path}:{line}:{column}: {why[:1].lower()}{why[1:]}",
        kind="bad-toml",
        hint="mend the TOML there (https://toml.io)",
        file=str(path),
        line=line,
        column=column,
    ) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be read: {error.strerror}",
            kind="file-unreadable",
            hint=f"make it readable: chmod u+r {path}",
            file=str(path),
        ) from error
