from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from loopline.datasets import profile as module
from loopline.datasets.profile import profile


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A thousand rows of four columns."""
    path = tmp_path / "x.csv"
    lines = (f"{n},{n / 4 if n % 10 else ''},{'abc'[n % 3]},2013-01-{n % 28 + 1:02d}" for n in range(1000))
    path.write_text("id,x,s,d\n" + "\n".join(lines) + "\n")
    return path


def test_a_profile_says_what_a_table_holds(file: Path) -> None:
    """Counts, ends, moments, quantiles and frequent values are those of the rows."""
    found = profile(file)
    ids, x, s, d = found["columns"]
    assert found["rows"] == 1000
    assert [one["name"] for one in found["columns"]] == ["id", "x", "s", "d"]
    assert (ids["type"], ids["nulls"], ids["min"], ids["max"], ids["mean"]) == ("BIGINT", 0, 0, 999, 499.5)
    assert ids["std"] == pytest.approx(288.819, abs=0.001)
    assert ids["quantiles"]["0.5"] == 499.5
    assert abs(ids["distinct"] - 1000) < 100
    assert (x["nulls"], x["min"], x["max"]) == (100, 0.25, 249.75)
    assert "top" not in x
    assert s["top"] == [["a", 334], ["b", 333], ["c", 333]]
    assert "mean" not in s
    assert (d["min"], d["max"]) == ("2013-01-01", "2013-01-28")


def test_a_profile_is_plain_and_repeats(file: Path) -> None:
    """Two profiles of the same rows are equal, also when stored and read between."""
    found = profile(file)
    assert json.loads(json.dumps(found)) == found == profile([file])


def test_texts_that_are_numbers_but_for_a_few_are_summarised_as_numbers(tmp_path: Path) -> None:
    """A column with a few words, or with many `NA`, has a mean and a histogram; a column of texts has neither."""
    path = tmp_path / "x.csv"
    path.write_text(
        "a,b,c\n"
        + "".join(f"{n if n % 20 else 'x'},{'x' if n % 5 else n},{'NA' if n % 5 else n}\n" for n in range(100))
    )
    a, b, c = profile(path)["columns"]
    assert (a["type"], a["odd"], a["min"], a["max"]) == ("VARCHAR", [["x", 5]], 1.0, 99.0)
    assert a["mean"] == pytest.approx(sum(n for n in range(100) if n % 20) / 95)
    assert sum(count for _, _, count in a["histogram"]) == 95
    assert (c["odd"], c["min"], c["max"]) == ([["NA", 80]], 0.0, 95.0)
    assert "odd" not in b
    assert "mean" not in b


def test_codes_with_leading_zeros_stay_texts(tmp_path: Path) -> None:
    """A column of ZIP codes keeps its zeros and has no mean, also with a sign or a few words; 0, 0.5 and -0.5 are numbers."""
    path = tmp_path / "x.parquet"
    rows = "('01234', '-007', '0'), ('99999', '1', '0.5'), ('10115', '2', '-0.5')"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {rows}) AS t(zip, signed, share)) TO '{path}'")
    zips, signed, share = profile(path)["columns"]
    assert (zips["min"], zips["max"], signed["min"]) == ("01234", "99999", "-007")
    assert not {"odd", "mean"} & (set(zips) | set(signed))
    assert (share["min"], share["max"], share["odd"]) == (-0.5, 0.5, [])


def test_a_table_without_rows_has_a_profile(tmp_path: Path) -> None:
    """No rows, and no files, are no error."""
    empty = tmp_path / "x.csv"
    empty.write_text("a,b\n")
    assert profile(empty)["rows"] == 0
    assert [one["name"] for one in profile(empty)["columns"]] == ["a", "b"]
    assert profile([])["columns"] == []


def test_values_without_order_are_counted(tmp_path: Path) -> None:
    """Nested values and numbers that are not finite have a profile too."""
    file = tmp_path / "x.jsonl"
    file.write_text('{"v":{"a":1},"l":[1],"x":1.5}\n{"v":{"a":2},"l":[2]}\n{"v":null}\n')
    v, many, x = profile(file)["columns"]
    assert (v["nulls"], v["distinct"], many["nulls"], many["distinct"]) == (1, 2, 1, 2)
    assert (x["nulls"], x["mean"], x["std"]) == (2, 1.5, None)
    odd = tmp_path / "x.csv"
    odd.write_text("x\nnan\ninf\n1.5\n2.5\n")
    assert profile(odd)["columns"][0]["mean"] == 2.0


def test_a_wide_table_is_summarised_like_another(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column of it by itself, with the same result."""
    found = profile(file, head=3)
    monkeypatch.setattr(module, "WIDE", 1)
    assert profile(file, head=3) == found
