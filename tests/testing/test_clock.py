"""Time and ids that a test decides."""

from __future__ import annotations

from loopline.testing.clock import START, FakeClock, SequentialIds


def test_a_clock_stands_still_until_it_is_moved() -> None:
    """Reading does not move it; set and advance do, also back."""
    clock = FakeClock()
    assert (clock.now(), clock.now()) == (START, START)
    assert clock.advance(seconds=1.5, microseconds=1) == clock.now() == START + 1_500_001
    clock.set(7)
    assert clock.now() == 7


def test_a_stepping_clock_moves_with_each_reading() -> None:
    """With a step no two readings are the same."""
    clock = FakeClock(10, step=5)
    assert [clock.now(), clock.now(), clock.now()] == [10, 15, 20]


def test_ids_count_and_sort() -> None:
    """Two sources give the same ids, which sort as they were made and have the form of a UUIDv7."""
    one, two = SequentialIds(), SequentialIds()
    made = [one.new() for _ in range(20)]
    assert made == [two.new() for _ in range(20)] == sorted(set(made))
    assert {(len(each), each[12], each[16]) for each in made} == {(32, "7", "8")}
