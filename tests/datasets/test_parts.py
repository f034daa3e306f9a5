from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.datasets.parts import WHOLE, Parts

PATHS = st.lists(st.sampled_from("ab!"), min_size=1, max_size=4).map("/".join)


@given(st.sets(PATHS, min_size=1, max_size=5), PATHS)
def test_a_path_is_in_the_parts_that_hold_it(paths: set[str], path: str) -> None:
    """A file belongs to a part that it is or lies in, and no part lies in another."""
    parts = Parts(paths)
    assert (path in parts) == any(path == one or path.startswith(one + "/") for one in paths)
    assert not any(one.startswith(other + "/") for one in parts.paths for other in parts.paths)


def test_no_part_is_the_whole() -> None:
    """Where nothing was named, all of it is meant."""
    assert not WHOLE
    assert "anything" in WHOLE
