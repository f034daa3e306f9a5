"""Folders of deployments: any name has one, and no two share one."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.signals.folder import folder_of


@pytest.mark.parametrize("name", ["..", ".", "a/b", "delay", "é" * 500, "a%2Fb", "*", "x" * 500])
def test_every_name_has_a_folder_inside(tmp_path: Path, name: str) -> None:
    """No name leads out of the folder, holds a pattern, or is too long for a file system."""
    folder = folder_of(tmp_path, "flights", name, "prod")
    folder.mkdir(parents=True)
    assert folder.resolve().parent.parent == (tmp_path / "flights").resolve()
    assert not set("*?[]") & set(str(folder.relative_to(tmp_path)))


def test_no_two_deployments_share_a_folder(tmp_path: Path) -> None:
    """Names that look alike are told apart."""
    names = ["a/b", "a%2Fb", ".", "%2E", "x" * 500, "x" * 501]
    assert len({folder_of(tmp_path, "p", name, "r") for name in names}) == len(names)
