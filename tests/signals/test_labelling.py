"""Labels: kept before they are acknowledged; twice, contradicting, early and never are all defined."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.quality import Labelled
from loopline.signals import opening
from loopline.signals.labelling import MANY, take
from loopline.signals.labels import Label
from loopline.signals.queries import Filter, find
from loopline.signals.sealing import seal
from loopline.signals.switching import alone
from tests.mounting import mounted
from tests.signals.recorded import JULY, entry, flown, write


def truth(folder: Path, number: int) -> object:
    """The label that counts."""
    (found,) = find(folder, "s", Filter(id=f"{number:032x}"), limit=2)
    return found.label


@pytest.mark.parametrize("sealed", [False, True])
def test_the_same_label_twice_changes_nothing(tmp_path: Path, sealed: bool) -> None:  # noqa: FBT001 (a case)
    """A label that is known is counted and not kept again, within one call and between calls."""
    write(tmp_path, [entry(0)])
    assert take(tmp_path, [flown(0, 1.0), flown(0, 1.0, seq=1)]) == Labelled(2, repeated=1)
    if sealed:
        seal(tmp_path)
    assert take(tmp_path, [flown(0, 1.0, at=5)]) == Labelled(1, repeated=1)
    (found,) = find(tmp_path, "s", Filter(), limit=1)
    assert (found.label, found.labelled_at) == (1.0, JULY)


@pytest.mark.parametrize("sealed", [False, True])
def test_the_newest_label_counts(tmp_path: Path, sealed: bool) -> None:  # noqa: FBT001 (a case)
    """A label that contradicts an older one takes its place and is counted; text and number are not the same."""
    write(tmp_path, [entry(0)])
    take(tmp_path, [flown(0, 1.0)])
    if sealed:
        seal(tmp_path)
    assert take(tmp_path, [flown(0, 0.0, at=5)]) == Labelled(1, contradicting=1)
    assert truth(tmp_path, 0) == 0.0
    assert take(tmp_path, [flown(0, "late", at=6), flown(0, "on time", at=6, seq=1)]) == Labelled(2, contradicting=2)
    assert truth(tmp_path, 0) == "on time"


def test_a_label_waits_for_its_prediction(tmp_path: Path) -> None:
    """What names no prediction yet is kept, counted, and attached when the prediction comes."""
    by = Label(0.0, JULY, 0, by={"carrier": "AA", "distance": "101.0"})
    assert take(tmp_path, [flown(0, 1.0), by]) == Labelled(2, unmatched=2)
    seal(tmp_path)
    write(tmp_path, [entry(0), entry(1, carrier="AA")])
    assert (truth(tmp_path, 0), truth(tmp_path, 1)) == (1.0, 0.0)
    assert take(tmp_path, [flown(0, 1.0), by]) == Labelled(2, repeated=2)


def test_columns_name_every_prediction_that_has_them(tmp_path: Path) -> None:
    """By unit and event time a label is about all predictions of them, and about no other."""
    write(
        tmp_path,
        [entry(n, units="UA1", event_times=JULY) for n in range(2)] + [entry(2, units="UA2", event_times=JULY)],
    )
    seal(tmp_path)
    assert take(tmp_path, [Label(1.0, JULY, 0, by={"unit": "UA1", "event_time": str(JULY)})]) == Labelled(1)
    assert [truth(tmp_path, n) for n in range(3)] == [1.0, 1.0, None]


def test_a_rehearsal_keeps_nothing(tmp_path: Path) -> None:
    """With `dry` one learns what would become of labels."""
    write(tmp_path, [entry(0)])
    assert take(tmp_path, [flown(0, 1.0)], dry=True) == Labelled(1)
    assert truth(tmp_path, 0) is None


def test_many_labels_are_a_part_at_once(tmp_path: Path) -> None:
    """They are in Parquet when they are acknowledged, and count as any; while somebody else seals they go into a segment."""
    write(tmp_path, [entry(n) for n in range(MANY)])
    first = [flown(n, float(n % 2), seq=n) for n in range(MANY)]
    assert take(tmp_path, [*first, flown(0, 1.0, seq=MANY)]) == Labelled(MANY + 1, contradicting=1)
    assert [one.parent.name for one in tmp_path.rglob("*.parquet")] == ["labels"]
    assert not (tmp_path / "label-segments" / "current").exists()
    with alone(tmp_path) as mine:
        assert mine
        assert take(tmp_path, [flown(n, float(n % 2), at=9) for n in range(MANY)]) == Labelled(
            MANY, repeated=MANY - 1, contradicting=1
        )
        assert take(tmp_path, [flown(n, 5.0, at=10) for n in range(MANY)]) == Labelled(MANY, contradicting=MANY)
    assert (tmp_path / "label-segments" / "current").exists()
    seal(tmp_path)
    assert (truth(tmp_path, 0), truth(tmp_path, 1)) == (5.0, 5.0)


def test_labels_come_while_much_waits_to_be_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing wants the lock of whoever writes labels: it is done before that is taken, and nobody waits for himself."""
    take(tmp_path, [flown(0, 1.0)])
    write(tmp_path, [entry(0), entry(1)])
    monkeypatch.setattr(opening, "LOOK", 2)
    told: list[Labelled] = []
    thread = threading.Thread(target=lambda: told.append(take(tmp_path, [flown(1, 1.0)])), daemon=True)
    thread.start()
    thread.join(20)
    assert told == [Labelled(1)]


@pytest.mark.parametrize("many", [MANY - 1, MANY])
def test_labels_on_a_full_disk_are_refused_whole(tmp_path: Path, many: int) -> None:
    """What cannot be kept is not acknowledged, nothing of it stays, and what was acknowledged before is there."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=100k", "loopline-test"):
        write(home, [entry(n) for n in range(50)])
        take(home, [flown(0, 1.0)])
        with (home / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="space"):
            while True:
                ballast.write(b"x" * 4096)
        with pytest.raises(Unavailable) as refused:
            take(home, [flown(n, 0.0, at=9) for n in range(1, many + 1)])
        assert refused.value.kind == "disk-full"
        (home / "ballast").unlink()
        assert (truth(home, 0), truth(home, 1)) == (1.0, None)
        assert take(home, [flown(1, 0.0, at=9)]) == Labelled(1)
        assert truth(home, 1) == 0.0
