from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.datasets.only import EVERYTHING, Only
from loopline.errors import Invalid


@pytest.mark.parametrize(
    ("patterns", "chosen", "left"),
    [
        ((), ["a", "b/c"], []),
        (("jan/",), ["jan/a", "x/jan/b"], ["jan", "january/a"]),
        (("/jan/",), ["jan/a"], ["x/jan/b"]),
        (("*.csv",), ["a.csv", "b/c.csv"], ["a.csv2", "b"]),
        (("/a.csv", "b/"), ["a.csv", "b/c/d"], ["c/a.csv", "d"]),
        (("a/*", "!a/x"), ["a/b"], ["a/x", "b"]),
        (("a/[xy].csv",), ["a/x.csv"], ["a/z.csv"]),
    ],
)
def test_patterns_choose_as_in_gitignore(patterns: tuple[str, ...], chosen: list[str], left: list[str]) -> None:
    """Folders, names at any depth, what is bound to the top, and what is taken back."""
    only = Only(patterns)
    assert [path for path in chosen + left if only(path)] == chosen
    assert bool(only) == bool(patterns)


PATHS = st.lists(
    st.text("ab.", min_size=1, max_size=3).filter(lambda part: part not in (".", "..")), min_size=1, max_size=3
)


@given(st.text("ab/*?[]!.", min_size=1, max_size=6), PATHS.map("/".join))
def test_what_is_chosen_begins_with_the_prefix(pattern: str, path: str) -> None:
    """A tree is read from the prefix on only, so nothing that is chosen may lie outside of it."""
    try:
        only = Only([pattern])
    except Invalid:
        return
    if only(path):
        assert path.startswith(only.prefix)


def test_no_pattern_is_told() -> None:
    """What cannot be a pattern is named; everything is chosen by none."""
    with pytest.raises(Invalid) as caught:
        Only(["a", "!"])
    assert (caught.value.kind, caught.value.facts["pattern"]) == ("bad-pattern", "!")
    assert EVERYTHING("anything")
