"""Arguments as values that can be written down."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.pipelines.arguments import (
    AssetInput,
    Constant,
    Leaf,
    OutputOf,
    argument_of,
    build,
    from_plain,
    leaves,
    to_plain,
)
from loopline.pipelines.inputs import Data, Model, named
from loopline.pipelines.step import Output

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.builds(Output, st.just("n"), st.text(max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_arguments_survive_being_written(value: object) -> None:
    """What goes to a worker as JSON is the same argument there."""
    argument = argument_of(value, step="s", parameter="p")
    assert from_plain(json.loads(json.dumps(to_plain(argument)))) == argument


@given(VALUES)
def test_a_step_gets_what_the_body_gave(value: object) -> None:
    """Shapes, types and order are kept; leaves are what they are resolved to."""
    argument = argument_of(value, step="s", parameter="p")

    def same(leaf: Leaf) -> str:
        return repr(leaf)

    built = build(argument, same)
    assert type(built) is type(value) or isinstance(value, Output)
    assert [leaf for leaf in leaves(argument) if not isinstance(leaf, OutputOf)] == []
    if not list(leaves(argument)):
        assert built == value


def test_handles_become_asset_inputs() -> None:
    """A handle is known by its parameter, or by its pointer where the body wrote it."""
    assert argument_of(named(Data("data/x"), "data"), step="s", parameter="p") == AssetInput("data", "data", "data/x")
    assert argument_of(Model("model/x@1"), step="s", parameter="p") == AssetInput("model/x@1", "model", "model/x@1")
    assert argument_of(1, step="s", parameter="p") == Constant(1)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", [{"a": object()}], {(1, 2): 3}, 1j])
def test_what_cannot_be_written_is_refused(value: object) -> None:
    """A value that is not plain is refused with the step and the parameter."""
    with pytest.raises(Invalid) as caught:
        argument_of(value, step="fit", parameter="lr")
    assert caught.value.kind == "bad-argument"
    assert (caught.value.facts["step"], caught.value.facts["parameter"]) == ("fit", "lr")
