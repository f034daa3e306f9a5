"""positions: every key and array member is found, in every way TOML has to write it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.settings.positions import Path, positions

TEXT = '''# a comment = 1
top = 1
"quoted key".'other.one' = "a # b = [" # c
[table]
text = """
fake = 1
[no]
"""
literal = \'\'\'
[[no]] = 2\'\'\'
array = [ # here
  "x", "]",
  { inner = 3, deep = [1,
    2] },
]
after = true
[[many]]
name = "a"
[many.sub]
x = 1
[[many]]
name = "b"
  [[many.more]]
  y = 1979-05-27T07:32:00Z
[ spaced . "k" ]
z = 'it is \\'
'''

PLACES: list[tuple[Path, int]] = [
    (("top",), 2),
    (("quoted key", "other.one"), 3),
    (("table",), 4),
    (("table", "text"), 5),
    (("table", "literal"), 9),
    (("table", "array"), 11),
    (("table", "array", 0), 12),
    (("table", "array", 1), 12),
    (("table", "array", 2, "inner"), 13),
    (("table", "array", 2, "deep", 1), 14),
    (("table", "after"), 16),
    (("many", 0, "name"), 18),
    (("many", 0, "sub", "x"), 20),
    (("many", 1), 21),
    (("many", 1, "name"), 22),
    (("many", 1, "more", 0, "y"), 24),
    (("spaced", "k", "z"), 26),
]


@pytest.mark.parametrize(("path", "line"), PLACES)
def test_places(path: Path, line: int) -> None:
    """Each key stands where it is written, whatever the form."""
    assert positions(TEXT)[path] == line


def test_nothing_is_found_that_is_not_there() -> None:
    """Text inside strings and comments is no key: what is found is exactly what tomllib reads."""
    assert set(positions(TEXT)) == set(paths(tomllib.loads(TEXT)))


def paths(value: object, here: Path = ()) -> list[Path]:
    """Name every key and array member of a parsed document."""
    found: list[Path] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in pairs:
        found += [(*here, key), *paths(one, (*here, key))]
    return found


@given(st.text("[]{}=\"'#.,\n\\ ab1", max_size=60))
def test_any_text_ends(text: str) -> None:
    """The walk ends on any text, and on a valid one it finds every key."""
    found = positions(text)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(paths(values)) <= set(found)
