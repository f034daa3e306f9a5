from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets import rows
from loopline.datasets.cells import read
from loopline.datasets.rows import diff_rows

if TYPE_CHECKING:
    import pytest


def written(place: Path, *lines: str) -> Path:
    """Write a CSV."""
    place.write_text("\n".join(lines) + "\n")
    return place


def test_what_is_kept_is_what_the_answer_shows(tmp_path: Path) -> None:
    """Read from the file, rows have the places, keys and cells that they had when they were compared; a huge number is a text."""
    huge = 2**100
    old = written(tmp_path / "old.csv", "id,x,gone", f"1,{huge},a", "2,0,a", "3,0,a")
    new = written(tmp_path / "new.csv", "id,x,came", f"1,{huge + 1},b", "2,0,b", "4,5,b")
    place = tmp_path / "rows.parquet"
    told = diff_rows(old, new, key=("id",), place=place)
    changed, added, removed = read(place, told, limit=10)
    assert (changed["seq"], changed["word"], changed["key"]) == (1, "changed", {"id": 1})
    assert list(changed["cells"]) == ["x"]
    assert added["cells"] == {"id": [None, 4], "x": [None, "5"], "came": [None, "b"]}
    assert (removed["word"], removed["key"], removed["cells"]["gone"]) == ("removed", {"id": 3}, ["a", None])
    assert [one["seq"] for one in read(place, told, after=1, limit=1)] == [2]
    assert read(place, told, after=3, limit=1) == []


def test_of_very_many_rows_the_first_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts stay those of all, and each word has its first rows, one behind the other."""
    monkeypatch.setattr(rows, "KEPT", 2)
    old = written(tmp_path / "old.csv", "id,x", *(f"{n},0" for n in range(9)))
    new = written(tmp_path / "new.csv", "id,x", *(f"{n},1" for n in range(5, 14)))
    told = diff_rows(old, new, key=("id",), place=tmp_path / "rows.parquet")
    assert (told["changed"], told["added"], told["removed"]) == (4, 5, 5)
    assert told["kept"] == {"changed": 2, "added": 2, "removed": 2}
    found = read(tmp_path / "rows.parquet", told, limit=10)
    assert [(one["seq"], one["key"]["id"]) for one in found] == [(1, 5), (2, 6), (3, 9), (4, 10), (5, 0), (6, 1)]


def test_rows_without_a_key_are_listed_as_often_as_they_stand(tmp_path: Path) -> None:
    """Two rows that are alike are two rows, also on a page."""
    old, new = written(tmp_path / "old.csv", "a", "1", "1", "2"), written(tmp_path / "new.csv", "a", "2", "3")
    told = diff_rows(old, new, place=tmp_path / "rows.parquet", infers=False)
    found = read(tmp_path / "rows.parquet", told, limit=10)
    assert [(one["word"], one["cells"]["a"]) for one in found] == [
        ("added", [None, 3]),
        ("removed", [1, None]),
        ("removed", [1, None]),
    ]
