"""A sample of disk calls is spread over the whole write, and a seed gives it again."""

from __future__ import annotations

import pytest

from .stracing import some

CALLS = [("write", number) for number in range(103)]


def test_a_sample_has_one_call_of_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the seed, of ten equal parts one call each is tried; the same seed gives the same calls, others in time all."""
    tried = set()
    for seed in range(200):
        monkeypatch.setenv("LOOPLINE_FAULTS_SEED", str(seed))
        sample = some(CALLS, 10)
        assert sample == some(CALLS, 10)
        assert all(103 * at // 10 <= number < 103 * (at + 1) // 10 for at, (_, number) in enumerate(sample))
        tried |= {*sample}
    assert tried == {*CALLS}


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_calls_are_all_tried(count: int) -> None:
    """Where there are no more than asked for, there is nothing to choose."""
    assert some(CALLS[:count], 10) == tuple(CALLS[:count])
