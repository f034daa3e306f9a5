"""What installed packages offer."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from loopline.environments.plugins import attribute, offered
from loopline.errors import Unavailable


def test_it_agrees_with_importlib_on_what_is_installed_here() -> None:
    """Groups, names and values are those of the standard library."""
    ours = offered()
    assert {"loopline.executors", "loopline.codecs", "console_scripts"} <= ours.keys()
    for group, points in ours.items():
        theirs = {
            (one.name, one.value.partition("[")[0].strip()) for one in importlib.metadata.entry_points(group=group)
        }
        assert set(points.items()) <= theirs
        assert points.keys() == {name for name, _ in theirs}


def test_what_stands_first_on_the_path_wins(tmp_path: Path) -> None:
    """Comments, extras and blanks are read as the specification says; a folder that is missing offers nothing."""
    for place, value in (("one", "a.b:C.d [extra]"), ("two", "z:Z")):
        info = tmp_path / place / "thing-1.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(f"# note\n[ loopline.codecs ]\nmine={value}\n\n[empty]\n")
    path = [str(tmp_path / "gone"), str(tmp_path / "one"), str(tmp_path / "two")]
    assert offered(path=path) == {"loopline.codecs": {"mine": "a.b:C.d"}}


def test_an_entry_point_leads_to_what_it_names() -> None:
    """Attributes of attributes are found; a name that leads nowhere is told with the package's way out."""
    assert attribute("pathlib:Path.cwd") == Path.cwd
    assert attribute("pathlib").Path is Path
    with pytest.raises(Unavailable) as caught:
        attribute("pathlib:Path.nowhere")
    assert caught.value.kind == "plugin-broken"
