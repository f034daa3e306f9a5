"""Sets of digests by way of files."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.store import idents
from loopline.store.idents import Idents, read_ids, write_ids

NUMBERS = st.lists(st.integers(0, 300))


def ids(numbers: list[int]) -> bytes:
    """Make ids of numbers."""
    return b"".join(sha256(str(one).encode()).digest() for one in numbers)


@pytest.mark.parametrize("held", [64, 1 << 20])
def test_it_is_what_sets_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """Differences and intersections are those of sets, sorted, whether files were needed or not, and no file is left."""
    monkeypatch.setattr(idents, "_HELD", held)

    @given(NUMBERS, NUMBERS)
    def same(one: list[int], two: list[int]) -> None:
        with Idents(tmp_path) as a, Idents(tmp_path) as b:
            for number in one:
                a.add(ids([number]))
            b.add(ids(two))
            first, second = ({ids([number]) for number in some} for some in (one, two))
            assert list(a.iter()) == sorted(first)
            assert list(a.minus(b)) == sorted(first - second)
            assert list(a.both(b)) == sorted(first & second)

    same()
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_is_read_or_refused(tmp_path: Path) -> None:
    """A list that is missing, cut or changed is not taken for one."""
    file = tmp_path / "1.ids"
    wanted = sorted({ids([one]) for one in range(1000)})
    assert write_ids(file, wanted) == 1000
    with Idents(tmp_path) as whole:
        assert read_ids(file, whole)
        assert list(whole.iter()) == wanted
    data = file.read_bytes()
    for bad in (data[:-1], data[:-33], data[:99] + b"!" + data[100:], b"", b"x" * len(data)):
        file.write_bytes(bad)
        with Idents(tmp_path) as into:
            assert not read_ids(file, into)
    with Idents(tmp_path) as into:
        assert not read_ids(tmp_path / "2.ids", into)
