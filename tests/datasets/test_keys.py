from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopline.datasets.rows import diff_rows


def both(folder: Path, old: list[str], new: list[str], **asked: Any) -> dict[str, Any]:
    """Compare two CSV files of these lines."""
    for side, lines in (("old", old), ("new", new)):
        (folder / f"{side}.csv").write_text("\n".join(lines) + "\n")
    return diff_rows(folder / "old.csv", folder / "new.csv", **asked)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (
            ["name,flight_id,x", "a,1,1", "b,2,1"],
            ["name,flight_id,x", "a,1,2", "b,2,1"],
            ["flight_id"],
        ),  # called like one
        (["x,name,v", "1,a,1", "1,b,2"], ["x,name,v", "2,a,1", "1,b,3"], ["name"]),  # the only one
        (["id,name,v", ",a,1", "2,b,1"], ["id,name,v", "1,a,1", "2,b,2"], ["name"]),  # an id that is empty somewhere
        (["id,name,v", "1,a,1", "2,b,1"], ["id,name,v", "8,a,1", "9,b,2"], ["name"]),  # given anew each time
        (
            ["at,name", "2013-01-01,a", "2013-01-02,b"],
            ["at,name", "2013-01-01,a", "2013-01-02,c"],
            ["name"],
        ),  # times last
        (["x,v", "1.5,1", "2.5,1"], ["x,v", "1.5,1", "2.5,2"], []),  # a fraction names nothing
        (["a,b,v", "1,x,1", "1,y,1", "2,x,1"], ["a,b,v", "1,x,1", "1,y,2", "2,x,1"], ["a", "b"]),  # two together
        (["a,b", "1,x", "1,y", "2,x"], ["a,b", "1,x", "2,y", "2,x"], []),  # nothing would be left that can differ
        (["a,v", "1,1", "1,1"], ["a,v", "1,2", "1,1"], []),
        (["name,v", "a,1"], ["name,v"], []),  # an empty side proves nothing
    ],
)
def test_a_key_is_found_where_none_is_declared(tmp_path: Path, old: list[str], new: list[str], key: list[str]) -> None:
    """The first columns, by name and order, that are never empty and unique on both sides, and name some of the same rows."""
    found = both(tmp_path, old, new)
    assert (found["key"], found["why"]) == (key, "inferred" if key else "none")


def test_what_is_declared_counts(tmp_path: Path) -> None:
    """A declared key is taken where another column would be found; one that does not fit is not replaced by a guess."""
    old, new = ["id,name,v", "1,a,1", "2,b,1"], ["id,name,v", "2,a,1", "1,b,1"]
    found = both(tmp_path, old, new, key=("name",))
    assert (found["key"], found["why"], found["columns"]) == (["name"], "declared", {"id": 2})
    assert both(tmp_path, old, new)["columns"] == {"name": 2}
    unfit = both(tmp_path, old, new, key=("v",))
    assert (unfit["key"], unfit["why"], len(unfit["notes"])) == ([], "none", 1)
