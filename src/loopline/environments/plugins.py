"""plugins: what installed packages offer under a group's name, as `package.module:attribute`.

`importlib.metadata` gives the same, and brings `email`, `socket` and `zipfile` along: a third of what a cached run may take to
start. Format: PyPA's "Entry points specification", one file in each distribution's metadata folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from loopline.errors import Unavailable


def offered(*, path: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
    """Give every group's entry points by name. What stands first on the path wins, as in an import."""
    groups: dict[str, dict[str, str]] = {}
    for folder in sys.path if path is None else path:
        for entry in _entries(folder or "."):
            for group, name, value in _written(f"{folder or '.'}/{entry}/entry_points.txt"):
                groups.setdefault(group, {}).setdefault(name, value)
    return groups


def attribute(value: str) -> Any:
    """Import what an entry point names. Raise Unavailable kind="plugin-broken" where its module has no such thing."""
    from importlib import import_module

    module, _, inside = value.partition(":")
    found: Any = import_module(module)
    for word in inside.split(".") if inside else ():
        try:
            found = getattr(found, word)
        except AttributeError:
            raise Unavailable(
                f"{module} has no {inside}", kind="plugin-broken", hint="install the package again that offers it", value=value
            ) from None  # fmt: skip
    return found


def _entries(folder: str) -> list[str]:
    try:
        return sorted(entry for entry in os.listdir(folder) if entry.endswith((".dist-info", ".egg-info")))  # noqa: PTH208 (names, not paths)
    except OSError:
        return []


def _written(path: str) -> list[tuple[str, str, str]]:
    """Read `[group]` and `name = module:attribute [extras]`; most distributions have no such file."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 (once for each distribution)
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found, group = [], ""
    for line in map(str.strip, lines):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found.append((group, name.strip(), value.partition("[")[0].strip()))
    return found
