from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.web.charts.layers import arrange, crossings, layers

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30)


def test_columns_are_longest_ways() -> None:
    """What needs something stands to the right of all that it needs."""
    edges = [("a", "b"), ("b", "d"), ("a", "d"), ("a", "c")]
    assert layers(["a", "b", "c", "d"], edges) == {"a": 0, "b": 1, "c": 1, "d": 2}


def test_edges_that_cross_are_untangled() -> None:
    """Barycentres find the order without crossings where a small graph has one."""
    edges = [("a1", "b2"), ("a2", "b1"), ("a3", "b3"), ("b1", "c2"), ("b2", "c1"), ("b3", "c3")]
    laid = arrange(["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"], edges)
    columns = [sorted((n for n in laid.columns if laid.columns[n] == c), key=laid.rows.__getitem__) for c in range(3)]
    assert crossings(columns, edges) == 0


def test_a_long_edge_has_places_of_its_own() -> None:
    """It passes between the cards of the columns on its way, not through them."""
    laid = arrange(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    way = laid.ways["a", "d"]
    assert [column for column, _ in way] == [1, 2]
    for column, row in way:
        assert all(abs(row - laid.rows[name]) >= 1 for name in laid.rows if laid.columns[name] == column)


@given(EDGES)
def test_any_graph_is_laid_out(pairs: list[tuple[int, int]]) -> None:
    """Circles, loops and doubles do no harm: every node has a place of its own, every edge leads to the right."""
    names = [f"n{i}" for i in range(12)]
    laid = arrange(names, [(f"n{a}", f"n{b}") for a, b in pairs])
    places = sorted((laid.columns[n], laid.rows[n]) for n in names)
    assert all(b[0] > a[0] or b[1] - a[1] >= 0.999 for a, b in pairwise(places))
    assert all(laid.columns[a] < laid.columns[b] for a, b in laid.ways)
    assert min(laid.rows.values()) >= -1e-9


def test_nothing_has_no_layout() -> None:
    """An empty graph is empty."""
    assert arrange([], []).width == 0


def test_a_deep_graph_needs_no_deep_stack() -> None:
    """A chain of two thousand steps, twice what Python's stack takes, is walked without recursion."""
    names = [str(i) for i in range(2000)]
    assert layers(names, list(pairwise(names)))["1999"] == 1999
