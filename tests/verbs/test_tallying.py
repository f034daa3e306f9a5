from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopline.verbs.tallying import total


def test_a_span_speaks_for_all_inside_of_it() -> None:
    """What a framework has summed up counts once, and calls beside it count, too; a span that says nothing hides nothing."""
    nodes = [
        ("root", None, None), ("agent", "root", {"in": 7, "out": 3}), ("call", "agent", {"in": 7, "out": 3}),
        ("deep", "call", {"in": 7}), ("other", "root", {"in": 1, "cached": 2}), ("orphan", "gone", {"out": 5}),
    ]  # fmt: skip
    assert total(nodes) == {"in": 8, "out": 8, "cached": 2}
    assert total(nodes[:1]) == total([]) == {}


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdefg"), st.none() | st.just({"n": 1})), max_size=12
    )
)
def test_any_tangle_has_an_end(nodes: list[tuple[str, str, dict[str, int] | None]]) -> None:
    """Spans that are inside of one another count at most once each, in any order."""
    measured = {name for name, _, said in nodes if said is not None}
    assert total(nodes).get("n", 0) <= len(measured)
    assert (total(nodes).get("n", 0) > 0) <= bool(measured)


def test_a_deep_trace_is_no_deep_recursion() -> None:
    """Ten thousand spans, each inside of the one before, are added up like any others."""
    nodes = [(str(at), str(at - 1) if at else None, {"n": 1} if at == 9_999 else None) for at in range(10_000)]
    assert total(nodes) == {"n": 1}
