"""Values as bytes and back."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.nouns.evaluation import Estimate, Evaluation
from loopline.pipelines.codecs import (
    BUILT_IN,
    ArrayCodec,
    EvaluationCodec,
    FileCodec,
    FolderCodec,
    FrameCodec,
    JsonCodec,
    TableCodec,
    TextCodec,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def frame() -> pd.DataFrame:
    """Make a frame of many types."""
    return pd.DataFrame({
        "n": [1, 2, 3],
        "x": [0.5, None, 2.0],
        "s": ["a", "b", None],
        "t": pd.to_datetime(["2013-01-01"] * 3),
    }).assign(c=pd.Categorical(["a", "b", "a"]))


SAMPLES: dict[str, Callable[[], Any]] = {
    "json": lambda: {"b": [1, 2.5, None, True], "a": {"x": "ü"}},
    "text": lambda: "a text\n",
    "bytes": lambda: b"\x00\xff",
    "evaluation": lambda: Evaluation((Estimate("auc", 0.8, 0.7, 0.9, 10, delta=0.0),), {"rows": "10"}),
    "frame": frame,
    "array": lambda: np.arange(6.0).reshape(2, 3),
    "table": lambda: pa.table({"a": [1, 2], "b": ["x", None]}),
}


def codec(name: str) -> Any:
    """Make a built-in codec."""
    module, _, word = BUILT_IN[name].partition(":")
    return getattr(import_module(module), word)()


def dumped(name: str, value: Any, folder: Path) -> dict[str, bytes]:
    """Write a value and read the files."""
    folder.mkdir()
    codec(name).dump(value, folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", SAMPLES)
def test_values_come_back_equal(tmp_path: Path, name: str) -> None:
    """What is written is read as an equal value, and only its own codec takes it."""
    value = SAMPLES[name]()
    assert [other for other in BUILT_IN if codec(other).matches(value)] == [name]
    assert set(dumped(name, value, tmp_path / "x")) == {"value"}
    back = codec(name).load(tmp_path / "x")
    assert type(back) is type(value)
    if name == "frame":
        pd.testing.assert_frame_equal(back, value)
    else:
        assert (
            back.equals(value) if name == "table" else np.array_equal(back, value) if name == "array" else back == value
        )


@pytest.mark.parametrize("name", SAMPLES)
def test_equal_values_give_equal_bytes(tmp_path: Path, name: str) -> None:
    """A value made twice is one artifact."""
    assert dumped(name, SAMPLES[name](), tmp_path / "1") == dumped(name, SAMPLES[name](), tmp_path / "2")


def test_what_does_not_show_does_not_count(tmp_path: Path) -> None:
    """Order of keys, memory layout and chunks are not part of a value."""
    assert JsonCodec().to_bytes({"a": 1, "b": 2}) == JsonCodec().to_bytes({"b": 2, "a": 1})
    array = np.arange(6.0).reshape(2, 3)
    assert dumped("array", array, tmp_path / "1") == dumped("array", np.asfortranarray(array), tmp_path / "2")
    table = pa.table({"a": [1, 2]})
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1, 1)])
    assert dumped("table", table, tmp_path / "3") == dumped("table", chunked, tmp_path / "4")


@given(JSON)
def test_plain_values_survive_json(value: Any) -> None:
    """Every plain value has a codec and comes back as it was."""
    chosen = TextCodec() if isinstance(value, str) else JsonCodec()
    assert chosen.matches(value)
    back = chosen.from_bytes(chosen.to_bytes(value))
    assert repr(back) == repr(value) or back == value


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {"a": (1,)}, {1, 2}, np.float64(1), [np.int64(1)], object(), 1j])
def test_what_would_come_back_changed_is_not_taken(value: object) -> None:
    """No codec takes what it could not give back."""
    assert not any(codec(name).matches(value) for name in BUILT_IN)


def test_scalars_of_a_library_become_plain_in_an_evaluation() -> None:
    """Metrics are often numpy numbers; an evaluation keeps their values."""
    value = Evaluation((Estimate("auc", np.float64(0.5), n=np.int64(3)),))  # type: ignore[arg-type]
    back = EvaluationCodec().from_bytes(EvaluationCodec().to_bytes(value))
    assert (type(back.estimates[0].value), type(back.estimates[0].n)) == (float, int)
    with pytest.raises(Invalid):
        EvaluationCodec().from_bytes(b'{"estimates": [{"unknown": 1}], "facts": {}}')


def test_files_keep_their_names(tmp_path: Path) -> None:
    """A path of a file comes back as a path that ends like it; a folder as a folder."""
    page = tmp_path / "page.html"
    page.write_text("<p>")
    for made, value in ((FileCodec(), page), (FolderCodec(), tmp_path)):
        assert made.matches(value)
    (tmp_path / "out").mkdir()
    FileCodec().dump(page, tmp_path / "out")
    back = FileCodec().load(tmp_path / "out")
    assert (back.name, back.read_text()) == ("page.html", "<p>")
    with pytest.raises(Invalid) as caught:
        FileCodec().dump(tmp_path / "missing", tmp_path / "out")
    assert caught.value.kind == "file-missing"


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (FrameCodec(), pd.DataFrame({"a": [object()]})),
        (ArrayCodec(), np.array([object()], dtype=object)),
        (FrameCodec(), pd.DataFrame({"a": [1, "x"]}, dtype=object)),
    ],
)
def test_what_cannot_be_written_says_so(tmp_path: Path, made: Any, value: Any) -> None:
    """Objects inside frames and arrays are refused, never pickled."""
    with pytest.raises(Invalid) as caught:
        made.dump(value, tmp_path)
    assert caught.value.kind == "not-storable"


def test_tables_are_tables() -> None:
    """A table's codec does not take frames."""
    assert not TableCodec().matches(frame())
