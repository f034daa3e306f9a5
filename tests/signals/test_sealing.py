"""Sealing: segments become Parquet once, whatever they hold and whoever is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from loopline.signals import sealing
from loopline.signals.opening import opened
from loopline.signals.queries import Filter, find
from loopline.signals.sealing import day_of, seal
from loopline.signals.switching import alone
from tests.mounting import mounted
from tests.signals.recorded import DAY, JULY, columns, entry, flown, tell, write


def ids(folder: Path) -> list[str]:
    """Every prediction that a question sees."""
    with opened(folder) as here:
        return sorted(row[0] for row in here.rows("SELECT id FROM predictions"))


def parts(folder: Path) -> list[str]:
    """Days of parts."""
    return [path.parent.name for path in sorted((folder / "predictions").rglob("*.parquet"))]


def test_a_segment_becomes_a_part_for_each_day(tmp_path: Path) -> None:
    """One row a prediction, in the folder of the day that it is about, and the segment is gone."""
    write(tmp_path, [entry(n, event_times=JULY + n * DAY // 2) for n in range(4)])
    assert seal(tmp_path) == sealing.Sealed(1, 4, 0, 0)
    assert parts(tmp_path) == ["2013-07-01", "2013-07-02"]
    assert list((tmp_path / "segments").iterdir()) == []
    (first,) = (tmp_path / "predictions" / "2013-07-01").iterdir()
    row = pq.read_table(first).to_pylist()[0]
    assert row["in.carrier"] == "UA"
    assert row["out.predict_proba[1]"] == pytest.approx(0.7)
    assert seal(tmp_path) == sealing.Sealed()


def test_several_rows_of_one_request_are_told_apart(tmp_path: Path) -> None:
    """Each row has its own id, unit and time; what was said once is said of all."""
    inputs = columns(carrier=["UA", "AA"], distance=[1, None])
    write(
        tmp_path,
        [
            entry(
                1,
                rows=2,
                inputs=inputs,
                outputs=columns(predict=[0.5, 1]),
                units=["u1", None],
                event_times=[JULY, None],
            )
        ],
    )
    seal(tmp_path)
    newest, oldest = find(tmp_path, "service/delay@prod", Filter(), limit=10)
    assert (oldest.id[-2:], oldest.unit, oldest.event_time, oldest.inputs) == (
        ":0",
        "u1",
        JULY,
        {"carrier": "UA", "distance": 1},
    )
    assert (newest.id[-2:], newest.unit, newest.event_time, newest.inputs) == (":1", "", JULY + 1, {"carrier": "AA"})


def test_damage_is_put_aside_and_counted(tmp_path: Path) -> None:
    """A torn tail and entries that say nothing cost themselves only, and are kept as they were."""
    path = write(tmp_path, [entry(0), entry(1, inputs=columns(carrier=["UA", "AA"], x=[1, 2, 3], y="no")), entry(2)])
    with path.open("ab") as file:
        file.write(path.read_bytes()[:50])
    assert seal(tmp_path) == sealing.Sealed(1, 2, 0, 2)
    (kept,) = (tmp_path / "damaged").iterdir()
    assert kept.stat().st_size > 50
    assert len(ids(tmp_path)) == 2


def test_a_segment_of_nothing_but_damage_is_kept(tmp_path: Path) -> None:
    """What cannot be read at all is there to be looked at."""
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "1.ready").write_bytes(b"\0" * 100)
    assert seal(tmp_path).damaged == 1
    assert (tmp_path / "damaged" / "1.damaged").read_bytes() == b"\0" * 100
    assert ids(tmp_path) == []


def test_times_may_jump(tmp_path: Path) -> None:
    """Years apart are two parts, no time at all is when it was recorded, and a clock gone mad makes one part."""
    strange = [JULY - 100 * 365 * DAY, 2**62, -(2**62), None]
    write(tmp_path, [entry(n, event_times=when, recorded_at=JULY) for n, when in enumerate(strange)])
    seal(tmp_path)
    assert parts(tmp_path) == ["1913-07-26", "2013-07-01"]
    write(tmp_path, [entry(10 + n, event_times=JULY + n * 10 * DAY) for n in range(100)])
    seal(tmp_path)
    assert parts(tmp_path) == ["1913-07-26", "2013-07-01", "mixed"]
    assert len(find(tmp_path, "s", Filter(start=JULY + DAY), limit=1000)) == 99


def test_a_column_may_change_its_type(tmp_path: Path) -> None:
    """Within a segment and between segments, a column that is not all of one kind is read as text, numbers as doubles."""
    write(tmp_path, [entry(0, carrier=1), entry(1, carrier=2.5)])
    seal(tmp_path)
    write(
        tmp_path,
        [entry(2, carrier="UA"), entry(3, carrier=2**64 - 1), entry(4, carrier={"a": [1]}), entry(5, carrier=None)],
    )
    seal(tmp_path)
    write(tmp_path, [entry(6, carrier=True)])
    told = [one.inputs.get("carrier") for one in find(tmp_path, "s", Filter(), limit=10)]
    assert [str(one).lower() for one in told] == ["true", "none", '{"a": [1]}', str(2**64 - 1), "ua", "2.5", "1.0"]
    assert len(find(tmp_path, "s", Filter(where={"carrier": "UA"}), limit=10)) == 1


def test_many_small_parts_are_put_together(tmp_path: Path) -> None:
    """A day of many segments becomes few files, with every prediction once."""
    for n in range(20):
        write(tmp_path, [entry(n, carrier=n if n % 2 else "UA")])
        seal(tmp_path)
    assert len(parts(tmp_path)) < 16
    assert ids(tmp_path) == [f"{n:032x}:0" for n in range(20)]


class Killed(BaseException):
    """Ends a sealing where it stands, as a kill does: no code of ours catches it."""


def test_whoever_is_killed_sealing_leaves_every_prediction_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended before any step that changes the folder, a question and the next sealing find each prediction exactly once."""
    expected = [f"{n:032x}:0" for n in range(4)]
    for step in range(80):
        folder = tmp_path / str(step)
        write(folder, [entry(n, event_times=JULY + n % 2 * DAY) for n in range(4)])
        tell(folder, flown(0, 1.0))
        with monkeypatch.context() as patched:
            left = iter(range(step))
            for owner, call in ((Path, "rename"), (Path, "unlink"), (os, "fsync")):
                patched.setattr(owner, call, dying(getattr(owner, call), left))
            try:
                seal(folder)
            except Killed:
                over = False
            else:
                over = True
        if step % 3 == 0 or over:
            assert ids(folder) == expected
        seal(folder)
        assert ids(folder) == expected
        assert not list(folder.rglob("*.tmp"))
        if over:
            return
    pytest.fail("sealing takes more steps than were tried")


def dying(call: Callable[..., Any], left: Iterator[int]) -> Callable[..., Any]:
    """Do what `call` does for as long as there are steps left."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return call(*args, **kwargs)

    return wrapped


def test_a_full_disk_leaves_the_segment(tmp_path: Path) -> None:
    """Where parts do not fit nothing is lost, and sealing works once there is room."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=300k", "loopline-test"):
        write(home, [entry(n, carrier=f"{n * 7919**9}") for n in range(500)])
        (home / "ballast").write_bytes(b"x" * 190_000)
        with pytest.raises(OSError, match="space"):
            seal(home)
        (home / "ballast").unlink()
        assert len(ids(home)) == 500
        assert seal(home).rows == 500
        assert len(ids(home)) == 500


def test_only_one_seals(tmp_path: Path) -> None:
    """Whoever comes second does nothing."""
    write(tmp_path, [entry(0)])
    with alone(tmp_path) as mine:
        assert mine
        code = f"from pathlib import Path; from loopline.signals.sealing import seal; print(seal(Path({str(tmp_path)!r})).rows)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
    assert seal(tmp_path).rows == 1


@pytest.mark.parametrize(("time", "day"), [(JULY, "2013-07-01"), (JULY - 1, "2013-06-30"), (-1, "1969-12-31")])
def test_days_are_of_utc(time: int, day: str) -> None:
    """A day begins at midnight in UTC, also before 1970."""
    assert day_of(time) == day
