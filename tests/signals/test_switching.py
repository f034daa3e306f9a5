"""Switching: new for old at one moment."""

from __future__ import annotations

import json
from pathlib import Path

from loopline.signals.switching import JOURNAL, held, switch


def test_old_goes_and_new_comes(tmp_path: Path) -> None:
    """After a switch the new files are in place and nothing else is left."""
    (tmp_path / "old").write_text("1")
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "new.tmp").write_text("2")
    switch(tmp_path, new=[tmp_path / "day" / "new"], old=[tmp_path / "old"])
    assert (tmp_path / "day" / "new").read_text() == "2"
    assert not (tmp_path / "old").exists()
    assert not (tmp_path / JOURNAL).exists()


def test_a_reader_finishes_what_was_begun(tmp_path: Path) -> None:
    """Whoever reads after a kill sees the folder as if the switch had been whole."""
    (tmp_path / "old").write_text("1")
    (tmp_path / "new.tmp").write_text("2")
    (tmp_path / JOURNAL).write_text(json.dumps({"new": ["new"], "old": ["old"]}))
    with held(tmp_path):
        assert {one.name for one in tmp_path.iterdir()} == {"new", "switch.lock"}


def test_a_folder_that_is_not_there_can_be_read(tmp_path: Path) -> None:
    """Nothing is made by asking."""
    with held(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()
