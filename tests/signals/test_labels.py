"""Segments of labels: torn tails cost nothing that was acknowledged, and names never come again."""

from __future__ import annotations

from pathlib import Path

from loopline.signals import labels
from loopline.signals.labels import Label, keys_of, read
from loopline.signals.sealing import seal
from tests.signals.recorded import JULY, flown, tell


def values(folder: Path) -> list[float]:
    """What unsealed segments hold."""
    return [v for path in labels.unsealed(folder) for v in read(path.read_bytes(), [])["number"].to_pylist()]


def test_a_torn_tail_hides_no_later_label(tmp_path: Path) -> None:
    """After somebody was killed while writing, what comes behind is read, and the torn piece is put aside."""
    tell(tmp_path, flown(0, 1.0))
    current = tmp_path / "label-segments" / "current"
    with current.open("ab") as file:
        file.write(current.read_bytes()[:20])
    tell(tmp_path, flown(1, 2.0))
    assert values(tmp_path) == [1.0, 2.0]
    told = seal(tmp_path)
    assert (told.labels, told.damaged) == (2, 1)


def test_the_segment_in_use_can_be_sealed_at_any_time(tmp_path: Path) -> None:
    """Sealing takes what is there, and the next label begins a new segment."""
    for n in range(3):
        tell(tmp_path, flown(n, float(n)))
        assert seal(tmp_path).labels == 1
    assert values(tmp_path) == []
    assert len(list((tmp_path / "labels").glob("*.parquet"))) == 3


def test_what_names_a_prediction_is_written_in_one_way() -> None:
    """The order in which columns are given does not matter."""
    assert keys_of({"b": "1", "a": "2"}) == '["a","b"]' == keys_of({"a": "", "b": ""})
    assert keys_of({}) == ""
    assert Label(1.0, JULY, 0).by == {}
