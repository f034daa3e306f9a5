from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.s3.xml import document, read

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@given(TEXT)
def test_what_is_written_is_read_again(text: str) -> None:
    """Any text of a key stands in a document as it is, whatever it would mean there."""
    data = document("Delete", [("Object", [("Key", text), ("Size", 1), ("Is", True), ("Left", None)])])
    assert ET.fromstring(data)[0][0].text or text == ""
    found = read(data, "Delete").all("Object")[0]
    assert [one.text for one in found.inner] == [text, "1", "true"]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<a", b"<b/>", b"<a>&lol;</a>", b'<!DOCTYPE a [<!ENTITY x "y">]><a/>', b'<!DOCTYPE a SYSTEM "http://x/"><a/>',
        b"<a>" * 20 + b"</a>" * 20, b"<a>" + b"<b/>" * 100_001 + b"</a>", "<a>\ud800</a>".encode("utf-8", "surrogatepass"),
    ],
)  # fmt: skip
def test_what_could_do_harm_is_no_document(data: bytes) -> None:
    """Cut ones, others, entities, DOCTYPEs, deep nests and broken letters are all refused alike."""
    with pytest.raises(ValueError):  # noqa: PT011 (whatever is wrong with it, it is no document)
        read(data, "a")
