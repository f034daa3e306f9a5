"""The port for bytes."""

from __future__ import annotations

from pathlib import Path

from loopline.nouns.digest import digest_of
from loopline.store.blobs import Blobs, absent, corrupt
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs


def test_what_is_shipped_has_the_ports_methods(tmp_path: Path) -> None:
    """Both shipped stores have each method of the port."""
    asked = {name for name in vars(Blobs) if not name.startswith("_")}
    assert len(asked) == 14
    for blobs in (MemoryBlobs(), LocalBlobs(tmp_path)):
        assert asked <= set(dir(blobs))


def test_errors_name_the_blob_and_one_next_step() -> None:
    """Whoever reads the error learns which blob it is and what to do."""
    digest, found = digest_of(b"a"), digest_of(b"b")
    for error in (absent(digest), corrupt(digest, found, 1)):
        assert digest[7:19] in str(error)
        assert error.facts["digest"] == digest
        assert error.hint
