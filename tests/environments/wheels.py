"""Wheels that a test makes, so that an environment is restored from a folder and no index is asked."""

from __future__ import annotations

import os
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def only(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have uv know of wheels in a folder alone; its cache lies beside it."""
    for variable in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        patch.delenv(variable)
    index = folder.with_name("index")
    index.mkdir()
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("PIP_INDEX_URL", index.as_uri())
    patch.setenv("PIP_FIND_LINKS", str(folder))
    patch.setenv("UV_CACHE_DIR", str(folder.with_name("cache")))


def small(folder: Path, name: str, source: str) -> None:
    """Make a wheel of one module."""
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", source)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


def installed(folder: Path, name: str) -> None:
    """Make a wheel of what is installed here, file by file."""
    found = distribution(name)
    lines = (found.read_text("WHEEL") or "").splitlines()
    tag = next(line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: "))
    with zipfile.ZipFile(folder / f"{name}-{found.version}-{tag}.whl", "w") as wheel:
        for file in found.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                wheel.write(str(file.locate()), file.as_posix())
