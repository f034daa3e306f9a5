"""files: which file is whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.settings.files import find_project, read_table, user_file


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HOME": "/h"}, "/h/.config/loopline/config.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/loopline/config.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/loopline/config.toml"),
        ({}, None),
    ],
)
def test_the_users_file(environ: dict[str, str], found: str | None) -> None:
    """It stands where the XDG specification says; a relative base is ignored, as it demands."""
    assert user_file(environ) == (Path(found) if found else None)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("[tool.loopline]\n", True),
        ("[tool.loopline.project]\n", True),
        ("[[tool.loopline.policies]]\n", True),
        ('[ tool . "loopline" ]\n', True),
        ("[tool.looplines]\n", False),
        ("# [tool.loopline]\n", False),
        ("[tool.ruff]\n", False),
    ],
)
def test_a_pyproject_counts_when_it_speaks_of_loopline(tmp_path: Path, text: str, *, counts: bool) -> None:
    """Only a pyproject.toml with a table for Loopline is a project's file."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text(text)
    assert (find_project(tmp_path) is not None) is counts


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    """A file saved with a byte order mark is read like any other."""
    (tmp_path / "loopline.toml").write_bytes(b'\xef\xbb\xbf[project]\nname = "a"\n')
    assert list(read_table(tmp_path / "loopline.toml")) == ["project"]
