"""files: YAML and small texts of a tracking store in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from loopline.errors import Invalid, Unavailable

META: Final = "meta.yaml"
LARGEST: Final = 4 << 20
"""Bytes of a file that is YAML."""


def folders(at: Path) -> Iterator[Path]:
    """Give the folders in a folder, by name, without links; none where it is not there."""
    try:
        with os.scandir(at) as found:
            names = sorted(one.name for one in found if one.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield at / name


def meta_of(at: Path) -> dict[str, Any] | None:
    """Read what a folder says of itself; None where it says nothing. Raise Invalid kind="bad-source"."""
    file = at / META
    try:
        if file.stat().st_size > LARGEST:
            raise Invalid(f"{file} is too long", kind="bad-source", hint="look what it is", source=str(file))
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    yaml, reader, _ = _yaml()
    try:
        found = yaml.load(text, Loader=reader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid(
            f"{file} cannot be read: {str(error).partition(chr(10))[0]}", kind="bad-source", hint="mend it, or take it away",
            source=str(file),
        ) from None  # fmt: skip
    return found if isinstance(found, dict) else None


def write_meta(at: Path, said: Mapping[str, Any]) -> None:
    """Write what a folder says of itself."""
    yaml, _, writer = _yaml()
    at.mkdir(parents=True, exist_ok=True)
    (at / META).write_text(
        yaml.dump(dict(said), Dumper=writer, allow_unicode=True, default_flow_style=False), encoding="utf-8"
    )


def pairs_of(at: Path) -> dict[str, str]:
    """Read the files below a folder: a key with slashes lies in folders."""
    found: dict[str, str] = {}
    for folder, names, files in os.walk(at):
        names.sort()
        for name in sorted(files):
            path = Path(folder, name)
            if not path.is_symlink():
                found[path.relative_to(at).as_posix()] = path.read_bytes().decode(errors="replace")
    return found


@cache
def _yaml() -> tuple[Any, Any, Any]:
    try:
        import yaml
    except ImportError:
        raise Unavailable(
            "a folder of MLflow needs the extra 'mlruns'", kind="extra-missing", hint="pip install 'loopline[mlruns]'",
            extra="mlruns",
        ) from None  # fmt: skip
    return yaml, getattr(yaml, "CSafeLoader", yaml.SafeLoader), getattr(yaml, "CSafeDumper", yaml.SafeDumper)
