from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.faces.s3 import buckets
from loopline.nouns.name import AssetName, RefName
from loopline.verbs.staging import look, stage, written

if TYPE_CHECKING:
    import pytest

    from .conftest import Door


RAW = RefName(AssetName("flights", "data", "raw-flights"), "main")


def test_what_was_written_while_a_bucket_was_looked_at_stays(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that was acknowledged is not taken away by a deletion that saw an empty bucket before."""
    loop = door.served.loop
    real = look

    def late(*of: Any) -> Any:
        view = real(*of)
        stage(loop, RAW, written("late", loop.blobs.put(b"x"), 1))
        return view

    monkeypatch.setattr(buckets, "look", late)
    assert door.code("DELETE", "/raw-flights") == (409, "BucketNotEmpty")
    monkeypatch.undo()
    assert door.ask("GET", "/raw-flights/late").content == b"x"
