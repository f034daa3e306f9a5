from __future__ import annotations

from pathlib import Path

from loopline.datasets.rows import diff_rows


def test_a_column_that_was_renamed_is_the_same_column(tmp_path: Path) -> None:
    """Where nearly all rows say the same, its cells are compared; a constant, or one that says other things, came anew."""
    old = ["id,delay,one,gone", *(f"{n},{n * n},1,x{n}" for n in range(20))]
    new = ["id,arr_delay,two,came", *(f"{n},{n * n + (n == 7)},1,y{n}" for n in range(20))]
    for side, lines in (("old", old), ("new", new)):
        (tmp_path / f"{side}.csv").write_text("\n".join(lines) + "\n")
    found = diff_rows(tmp_path / "old.csv", tmp_path / "new.csv")
    assert found["schema"]["renamed"] == [{"old": "delay", "new": "arr_delay"}]
    assert [one["name"] for one in found["schema"]["removed"]] == ["one", "gone"]
    assert [one["name"] for one in found["schema"]["added"]] == ["two", "came"]
    assert found["samples"]["changed"] == [{"key": {"id": 7}, "cells": {"arr_delay": [49, 50]}}]
