from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.faces.s3 import multipart
from loopline.faces.s3.objects import store

if TYPE_CHECKING:
    import pytest

    from .conftest import Door


def test_an_upload_that_is_aborted_while_it_is_joined_is_no_object(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was told that it is gone finds nothing at its key."""
    (name,) = door.read("/raw-flights/a?uploads", "UploadId", method="POST")[0]
    tag = door.put(f"/raw-flights/a?uploadId={name}&partNumber=1", b"x").headers["etag"]
    real = store

    def slow(loop: Any, *of: Any, **asked: Any) -> str:
        with loop.ledger.telemetry() as tx:
            tx.multiparts.end(name)
        return real(loop, *of, **asked)

    monkeypatch.setattr(multipart, "store", slow)
    document = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    )
    assert door.code("POST", f"/raw-flights/a?uploadId={name}", document.encode()) == (404, "NoSuchUpload")
    assert door.code("GET", "/raw-flights/a") == (404, "NoSuchKey")
