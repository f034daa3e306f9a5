"""Our own ways of using a bucket, against our own door: uploads that go on, and data that are registered where they lie."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest

from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName
from loopline.settings import load_settings
from loopline.store import uploads
from loopline.store.objects import ObjectBlobs
from loopline.verbs import load
from loopline.wiring import open_loop
from tests.conftest import s3_environment
from tests.server.serving import Served
from tests.started import serving
from tests.store.test_foreign import in_folder
from tests.store.test_uploads import BIG, DIGEST, SIZE, Line, dying, opened
from tests.verbs.conftest import World
from tests.verbs.test_register import RAW, files_of

from .conftest import Door

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Give a server with a bucket, whose store knows what lies elsewhere."""
    made = Door(Served(tmp_path, blobs=in_folder(tmp_path)))
    assert made.ask("PUT", "/raw-flights").status_code == 200
    yield made
    made.served.close()


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give a bucket of a server that somebody started."""
    with serving(tmp_path / "server") as served:
        door = f"{served.url}/s3"
        for name, value in s3_environment(door).items():
            monkeypatch.setenv(name, value)
        with urllib.request.urlopen(urllib.request.Request(f"{door}/pool", method="PUT"), timeout=20) as answer:
            assert answer.status == 200
        yield "s3://pool/ml"


def test_uploads_go_on_and_objects_are_registered(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after a part, the next process sends no more than one part twice; what is there becomes a version in place."""
    line = Line(monkeypatch)
    with dying(line, 3, after=True):
        opened(bucket, tmp_path).put(BIG)
    blobs = opened(bucket, tmp_path)
    assert blobs.put(BIG) == DIGEST
    assert SIZE <= line.sent <= SIZE + uploads.PART
    assert blobs.read(DIGEST) == BIG
    with dying(line, 3, after=True):
        opened(bucket + "2", tmp_path).put(BIG)
    left = opened(bucket + "2", tmp_path).uploads
    assert left is not None
    assert left.sweep(older=-60) == 1

    obstore.put(ObjectBlobs("s3://pool/raw")._store, "jan/a.csv", b"1\n")
    loop = open_loop(load_settings(tmp_path, environ={"LOOPLINE_PROJECT": RAW.project}))
    made = load("register")(loop, RAW, "s3://pool/raw")
    assert (made.files, files_of(World(loop), made)) == (1, {"jan/a.csv": b"1\n"})
    assert load("register")(loop, RAW, "s3://pool/raw").read == 0
    big = load("register")(loop, RAW, "s3://pool/ml")
    assert (big.read_bytes, b"".join(loop.blobs.range(digest_of(BIG), 9 << 20, 5))) == (
        SIZE,
        BIG[9 << 20 : (9 << 20) + 5],
    )
    loop.ledger.close()


def test_clients_read_what_lies_elsewhere(door: Door, tmp_path: Path) -> None:
    """The door gives what was registered, whole and by ranges; what has changed there is not given."""
    source = tmp_path / "elsewhere"
    source.mkdir()
    (source / "x.bin").write_bytes(BIG)
    loop = door.served.loop
    load("register")(loop, AssetName(loop.project, "data", "raw-flights"), str(source))
    assert door.ask("GET", "/raw-flights/x.bin").content == BIG
    answer = door.ask("GET", "/raw-flights/x.bin", Range="bytes=9000000-9000009")
    assert (answer.status_code, answer.content) == (206, BIG[9_000_000:9_000_010])
    (source / "x.bin").write_bytes(b"other")
    assert door.ask("GET", "/raw-flights/x.bin").status_code >= 500
