from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.nouns.trace import Span, Trace, WholeTrace


def whole(*spans: tuple[str, str | None]) -> WholeTrace:
    """Give a trace whose spans have these names and parents."""
    return WholeTrace(Trace("tr-1", "flights", 1), tuple(Span(name, name, 1, parent=parent) for name, parent in spans))


def test_spans_stand_behind_what_they_are_inside_of() -> None:
    """Each as deep as it lies; one whose parent is not here stands on the ground."""
    found = whole(("a", None), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "gone"), ("f", "f"))
    assert [(depth, span.name) for depth, span in found.tree] == [
        (0, "a"),
        (1, "b"),
        (2, "d"),
        (1, "c"),
        (0, "e"),
        (0, "f"),
    ]


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.none() | st.sampled_from("abcdefghi")))
def test_every_span_stands_in_the_tree_once(parents: dict[str, str | None]) -> None:
    """Also where spans only name each other."""
    assert sorted(span.name for _, span in whole(*parents.items()).tree) == sorted(parents)
