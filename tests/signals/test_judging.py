"""What happened to each unit while a change rolled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loopline.signals.judging import Between, pack, told, unpack
from loopline.signals.sealing import seal
from tests.signals.recorded import DAY, JULY, columns, entry, flown, tell, write

PROBA = "predict_proba[1]"
BETWEEN = Between("old", "new", JULY, PROBA, maturity=DAY)


def test_units_of_both_changes_are_told(tmp_path: Path) -> None:
    """Equal units have equal numbers, other changes and what lies before are left out, and who answered is known."""
    write(
        tmp_path,
        [
            entry(0, units=["a"], change="old"),
            entry(1, units=["a"], change="new", event_times=JULY + 5),
            entry(2, units=["b"], change="new", event_times=JULY + 6),
            entry(3, units=["b"], change="older", event_times=JULY + 7),
            entry(4, units=["b"], change="old", recorded_at=JULY - 1),
            entry(5, units=["b"], change="old", event_times=JULY + 8, shadow=True),
        ],
    )
    seal(tmp_path)
    found = told(tmp_path, BETWEEN)
    assert found.new.tolist() == [False, True, True]
    assert found.at.tolist() == [JULY, JULY + 5, JULY + 6]
    assert found.unit[0] == found.unit[1] != found.unit[2]
    assert np.isnan(found.truth).all()
    assert found.seen.tolist() == [JULY, JULY + 1, JULY + 2]


def test_requests_without_a_unit_are_units_of_their_own(tmp_path: Path) -> None:
    """Two requests that name nobody are two units, and each is one whenever it is asked about."""
    named = entry(2, units=[f"{0:032x}"], change="old")
    write(tmp_path, [entry(0, units=[""], change="old"), entry(1, units=None, change="old"), named])
    first, second, third = told(tmp_path, BETWEEN).unit
    assert len({first, second, third}) == 3  # a name that looks like an id is a name
    seal(tmp_path)
    assert told(tmp_path, BETWEEN).unit.tolist() == [first, second, third]


def test_a_label_counts_at_its_age_and_a_failure_counts(tmp_path: Path) -> None:
    """A label that came later than allowed is none; what was refused, or not answered, failed."""
    write(
        tmp_path,
        [
            entry(0, change="old"),
            entry(1, change="new", event_times=JULY + 1),
            entry(2, change="new", event_times=JULY + 2, status=503),
            entry(3, change="new", event_times=JULY + 3, status=400),
        ],
    )
    tell(tmp_path, flown(0, 1.0, at=10), flown(1, 1.0, at=2 * DAY))
    found = told(tmp_path, BETWEEN)
    assert np.nan_to_num(found.truth, nan=-1).tolist() == [1, -1, -1, -1]
    assert found.failed.tolist() == [False, False, True, True]
    assert np.isnan(found.score[2])


def test_a_slice_is_told_from_when_on_its_members_count(tmp_path: Path) -> None:
    """Of a rollout by slice only rows of the members in force are told, and a member that is added counts from then on."""
    write(
        tmp_path,
        [
            entry(0, carrier="UA", change="old"),
            entry(1, carrier="AA", change="old"),
            entry(2, carrier="AA", change="new", recorded_at=JULY + 100),
            entry(3, carrier="DL", change="old", recorded_at=JULY + 100),
        ],
    )
    stretches = ((JULY, ("UA",)), (JULY + 50, ("UA", "AA")))
    found = told(tmp_path, Between("old", "new", JULY, column="carrier", members=stretches))
    assert found.at.tolist() == [JULY, JULY + 2]


def test_a_class_is_right_or_wrong(tmp_path: Path) -> None:
    """Where the output is a class the score says whether it is the label."""
    write(
        tmp_path,
        [
            entry(0, change="old", outputs=columns(predict=["late"])),
            entry(1, change="new", outputs=columns(predict=["early"])),
        ],
    )
    tell(tmp_path, flown(0, "late"), flown(1, "late"))
    found = told(tmp_path, Between("old", "new", JULY, "predict", classes=True))
    assert found.score.tolist() == [1, 0]
    assert found.truth.tolist() == [1, 1]


def test_what_was_told_can_be_kept(tmp_path: Path) -> None:
    """Packed and unpacked it is the same, missing values included."""
    write(tmp_path, [entry(0, change="old"), entry(1, change="new")])
    found = told(tmp_path, BETWEEN)
    again = unpack(pack(found), found.labelled_until)
    for name in ("unit", "new", "seen", "at", "failed", "latency_us", "score", "truth"):
        assert np.array_equal(
            getattr(found, name), getattr(again, name), equal_nan=getattr(found, name).dtype.kind == "f"
        )
        assert getattr(found, name).dtype == getattr(again, name).dtype
