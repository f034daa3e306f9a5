"""Opening: both tables are there, what waits is seen, and DuckDB sees nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from loopline.signals import opening
from loopline.signals.opening import equals, opened
from tests.signals.recorded import entry, write


@pytest.mark.parametrize(
    ("kind", "value", "word", "same"),
    [
        ("BIGINT", "5", "5.0", True), ("BIGINT", "5", "5.4", False), ("BIGINT", "9007199254740993", "9007199254740993", True),
        ("BIGINT", "9007199254740993", "9007199254740992", False), ("DOUBLE", "5", "5", True), ("DOUBLE", "5", "x", False),
        ("BOOLEAN", "true", "True", True), ("VARCHAR", "'5'", "5.0", False), ("VARCHAR", "'é'", "é", True),
    ],
)  # fmt: skip
def test_a_text_equals_what_it_says(kind: str, value: str, word: str, same: bool) -> None:  # noqa: FBT001 (a case)
    """5 is 5.0 for a number, not for a text; large whole numbers are exact."""
    column = f"CAST({value} AS {kind})"
    sql = f"SELECT coalesce({equals(column, kind, '$1')}, false)"
    with duckdb.connect() as db:
        assert db.execute(sql, [word]).fetchall() == [(same,)]


def test_nothing_outside_of_the_folder_can_be_read(tmp_path: Path) -> None:
    """A query reaches no other file, and cannot open the door again."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with opened(tmp_path / "here") as here:
        for sql in (f"FROM read_csv('{tmp_path}/secret.csv')", "SET enable_external_access=true"):
            with pytest.raises(duckdb.Error):
                here.rows(sql)


def test_much_that_waits_is_sealed_before_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody seals, a question does it rather than hold everything in memory."""
    monkeypatch.setattr(opening, "LOOK", 1000)
    for n in range(6):
        write(tmp_path, [entry(n * 10 + k) for k in range(10)])
    with opened(tmp_path) as here:
        assert here.rows("SELECT count(*) FROM predictions") == [(60,)]
    assert list((tmp_path / "segments").iterdir()) == []
