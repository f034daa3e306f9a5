from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from loopline.faces.s3 import xml

if TYPE_CHECKING:
    import pytest

    from .conftest import Door


def test_who_reads_a_long_document_keeps_nobody_waiting(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read on a thread, not where every request is answered."""
    seen = []
    real = xml.read

    def watched(*of: Any) -> xml.Element:
        seen.append(threading.current_thread().name)
        return real(*of)

    monkeypatch.setattr(xml, "read", watched)
    door.ask("POST", "/raw-flights?delete", b"<Delete><Object><Key>a</Key></Object></Delete>")
    assert [name.rpartition("_")[0] for name in seen] == ["loopline-verb"]


def test_documents_of_the_largest_requests_are_read(door: Door) -> None:
    """Ten thousand parts with a sum each, as boto3 sends them, and a thousand keys of the longest kind."""
    part = f'<Part><ETag>"{"0" * 32}"</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32><PartNumber>%d</PartNumber></Part>'
    parts = "".join(part % number for number in range(1, 10_001))
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    assert len(document) > 1 << 20
    assert door.code("POST", "/raw-flights/a?uploadId=1", document) == (404, "NoSuchUpload")
    keys = "".join(f"<Object><Key>{number:01000}&amp;</Key></Object>" for number in range(1000))
    assert (
        len(door.read("/raw-flights?delete", "Deleted", method="POST", body=f"<Delete>{keys}</Delete>".encode())[0])
        == 1000
    )
