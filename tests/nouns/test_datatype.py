"""Values of the Open Inference Protocol as raw bytes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.nouns.datatype import DATATYPES, FORMATS, SIZES, TEXT, pack, unpack

NUMPY = {"BOOL": "?", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"} | {
    f"{sign}INT{bits}": f"<{'u' if sign else 'i'}{bits // 8}" for sign in ("U", "") for bits in (8, 16, 32, 64)
}


@pytest.mark.parametrize("datatype", FORMATS)
def test_numbers_are_what_numpy_makes_of_them(datatype: str) -> None:
    """Each datatype has the width and the little-endian form that numpy gives it."""
    array = np.array([0, 1, 1, 0, 1]).astype(NUMPY[datatype])
    assert SIZES[datatype] == array.dtype.itemsize
    assert unpack(datatype, array.tobytes()) == array.tolist()
    assert pack(datatype, array.tolist()) == array.tobytes()


@given(st.lists(st.text(max_size=20), max_size=20))
def test_texts_come_back(texts: list[str]) -> None:
    """Any list of texts survives the form of BYTES: a length, then UTF-8."""
    assert unpack(TEXT, pack(TEXT, texts)) == texts


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("FP64", b"1234567"),
        (TEXT, b"\x01\x00\x00"),
        (TEXT, struct.pack("<I", 5) + b"abcd"),
        (TEXT, struct.pack("<I", 0xFFFFFFFF)),
        (TEXT, struct.pack("<I", 1) + b"\xff"),
    ],
)
def test_what_is_cut_is_refused(datatype: str, data: bytes) -> None:
    """Raw bytes that end inside of a value, promise more than there is, or are no UTF-8, are an error and no value."""
    with pytest.raises(Invalid) as caught:
        unpack(datatype, data)
    assert caught.value.kind == "bad-tensor"


@given(st.sampled_from(DATATYPES), st.binary(max_size=64))
def test_any_bytes_are_values_or_an_error(datatype: str, data: bytes) -> None:
    """Whatever arrives, it is unpacked or refused as Invalid."""
    try:
        values = unpack(datatype, data)
    except Invalid:
        return
    assert len(values) <= len(data)
