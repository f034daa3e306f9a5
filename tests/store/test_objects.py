"""Blobs in an object store, over HTTP."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, cast

import pytest
from obstore.store import from_url

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.blobs import CHUNK, Blobs
from loopline.store.objects import PIECE, ObjectBlobs
from loopline.testing.blobs import BlobsSuite, SharedBlobsSuite
from tests.store.conftest import Between

BIG = os.urandom(PIECE) * 2 + b"and a tail"


def overwrite(blobs: Blobs, digest: Digest, data: bytes) -> None:
    """Replace the bytes of an object by another client."""
    import obstore

    obstore.put(cast("ObjectBlobs", blobs)._store, f"blobs/sha256/{digest[7:]}", data, mode="overwrite")


class TestObjectBlobsOnS3(SharedBlobsSuite):
    """The shipped suite, over HTTP."""

    tried, many = 10, 100

    @pytest.fixture
    def blobs(self, bucket: str) -> Blobs:
        """Give an empty store in a bucket."""
        return ObjectBlobs(bucket)

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Overwrite the object."""
        overwrite(blobs, digest, data)


class TestObjectBlobsInMemory(BlobsSuite):
    """The shipped suite, on obstore's own store in memory."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        """Give an empty store."""
        from obstore.store import MemoryStore

        return ObjectBlobs("memory://", store=MemoryStore())

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Overwrite the object."""
        overwrite(blobs, digest, data)


class TestObjectBlobsInAFolder(BlobsSuite):
    """The shipped suite, on obstore's own store in a folder."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """Give an empty store."""
        from obstore.store import LocalStore

        return ObjectBlobs("file://", store=LocalStore(tmp_path / "objects", mkdir=True))

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Overwrite the object."""
        overwrite(blobs, digest, data)


def test_layout_is_that_of_an_oci_image(bucket: str) -> None:
    """A blob is one object, PREFIX/blobs/sha256/HEX, readable by any client, with nothing beside it."""
    blobs = ObjectBlobs(bucket)
    digest = blobs.put(b"data")
    whole = from_url(bucket.removesuffix("/ml"), client_options={"allow_http": True})
    assert bytes(whole.get(f"ml/blobs/sha256/{digest[7:]}").bytes()) == b"data"
    assert [meta["path"] for page in whole.list() for meta in page] == [f"ml/blobs/sha256/{digest[7:]}"]


@pytest.mark.parametrize("way", ["put", "put_all", "put_file", "writer"])
def test_large_ones_go_in_parts(between: Between, bucket: str, tmp_path: Path, way: str) -> None:
    """What is larger than a piece is sent by a multipart upload and read in ranges, by any way of writing."""
    blobs = ObjectBlobs(bucket)
    digest = digest_of(BIG)
    match way:
        case "put":
            assert blobs.put(BIG) == digest
        case "put_all":
            assert blobs.put_all([b"small", BIG]) == [digest_of(b"small"), digest]
        case "put_file":
            (tmp_path / "big").write_bytes(BIG)
            assert blobs.put_file(tmp_path / "big") == (digest, len(BIG))
        case _:
            with blobs.writer() as writer:
                for at in range(0, len(BIG), 1_000_003):
                    writer.write(BIG[at : at + 1_000_003])
                assert writer.commit() == (digest, len(BIG))
    assert len([path for method, path in between.seen if method == "PUT" and "partNumber=" in path]) == 3
    between.seen.clear()
    assert b"".join(blobs.get(digest)) == BIG
    assert [method for method, _ in between.seen] == ["GET"] * 3
    assert blobs.read(digest) == BIG


def test_what_is_there_is_not_sent_again(between: Between, bucket: str) -> None:
    """Writing what is there already reads it, and sends no part of a large one."""
    blobs = ObjectBlobs(bucket)
    blobs.put(BIG)
    between.seen.clear()
    blobs.put(BIG)
    assert {method for method, _ in between.seen} == {"HEAD", "GET"}


def test_a_slow_reader_holds_nothing_open(between: Between, bucket: str) -> None:
    """A reader that stops in the middle has asked for the pieces that it was given and one more."""
    blobs = ObjectBlobs(bucket)
    digest = blobs.put(os.urandom(5 * PIECE))
    between.seen.clear()
    stream = blobs.get(digest)
    next(stream)
    time.sleep(0.3)
    assert len(between.seen) <= 2
    assert sum(map(len, stream)) == 5 * PIECE - CHUNK


def test_a_connection_that_is_cut_is_taken_up_again(between: Between, bucket: str) -> None:
    """An answer that ends in the middle is asked for again, and the reader does not notice."""
    blobs = ObjectBlobs(bucket)
    digest = blobs.put(BIG)
    cuts = iter([100_000, PIECE - 1])
    between.wrong = lambda method, _path: next(cuts, None) if method == "GET" else None
    assert b"".join(blobs.get(digest)) == BIG
    assert next(cuts, None) is None


def test_an_answer_of_five_hundred_is_tried_again(between: Between, bucket: str) -> None:
    """A store that is busy for a moment delays a write and does not fail it."""
    blobs = ObjectBlobs(bucket)
    busy = iter([503, 500])

    def wrong(method: str, _path: str) -> tuple[int, bytes] | None:
        code = next(busy, 0) if method == "PUT" else 0
        return (code, b"<Error><Code>SlowDown</Code></Error>") if code else None

    between.wrong = wrong
    assert blobs.read(blobs.put(b"patient")) == b"patient"
    assert [method for method, _ in between.seen].count("PUT") == 3


def test_a_write_whose_answer_is_lost_is_one_write(between: Between, bucket: str) -> None:
    """A put that the store carried out and whose answer was cut is found there when it is tried again."""
    blobs = ObjectBlobs(bucket)
    cuts = iter([0])
    lost = iter([True])

    def wrong(method: str, _path: str) -> int | None:
        return next(cuts, None) if method == "PUT" and next(lost, False) else None

    between.wrong = wrong
    digest = blobs.put(b"once")
    assert blobs.read(digest) == b"once"
    assert list(blobs.iter()) == [digest]


def test_a_failed_upload_leaves_nothing(between: Between, bucket: str, s3_server: str) -> None:
    """Parts of an upload that was refused in the middle are taken back, and no object appears."""
    blobs = ObjectBlobs(bucket)
    parts = iter(range(10))

    def wrong(_method: str, path: str) -> tuple[int, bytes] | None:
        refused = "partNumber=" in path and next(parts) == 2
        return (403, b"<Error><Code>AccessDenied</Code></Error>") if refused else None

    between.wrong = wrong
    with pytest.raises(Unavailable) as caught:
        blobs.put(BIG)
    assert caught.value.kind == "store-refused"
    between.wrong = lambda _method, _path: None
    assert list(blobs.iter()) == []
    name = bucket.removeprefix("s3://").partition("/")[0]
    with urllib.request.urlopen(f"{s3_server}/{name}?uploads", timeout=20) as answer:
        assert b"<UploadId>" not in answer.read()
    assert blobs.read(blobs.put(BIG)) == BIG


WORDS = [
    (403, "AccessDenied", "store-refused"),
    (403, "InvalidAccessKeyId", "store-refused"),
    (401, "", "store-refused"),
    (507, "", "disk-full"),
    (400, "QuotaExceeded", "disk-full"),
    (404, "NoSuchBucket", "store-missing"),
    (400, "InvalidRequest", "store-broken"),
]


@pytest.mark.parametrize(("status", "code", "kind"), WORDS)
def test_each_refusal_has_its_kind(between: Between, bucket: str, status: int, code: str, kind: str) -> None:
    """What the store says becomes a kind with a way out, and nothing of its text: that repeats keys and signatures."""
    blobs = ObjectBlobs(bucket)
    said = f"<Error><Code>{code}</Code><AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId><StringToSign>AWS4</StringToSign></Error>"
    between.wrong = lambda _method, _path: (status, said.encode())
    for ask in (
        lambda: blobs.put(b"x"),
        lambda: blobs.put_all([b"x", b"y"]),
        lambda: blobs.read(digest_of(b"x")),
        lambda: list(blobs.iter()),
    ):
        with pytest.raises(Unavailable) as caught:
            ask()
        told = f"{caught.value} {caught.value.facts} {caught.value.hint}"
        assert caught.value.kind == kind
        assert caught.value.__cause__ is None
        assert not [word for word in ("AKIAEXAMPLE", "s3-very-secret", "StringToSign", "AWS4") if word in told]


def test_a_store_that_is_away_is_said_soon(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody answers, a call ends with Unavailable within a quarter of a minute."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    blobs = ObjectBlobs(bucket)
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        blobs.size(digest_of(b"x"))
    assert (caught.value.kind, caught.value.facts["store"]) == ("store-unreachable", bucket)
    assert time.monotonic() - began < 15


def test_a_bucket_that_is_not_there_is_not_a_missing_blob(bucket: str) -> None:
    """Asking for a size in a bucket that does not exist says so, although the store's answer does not."""
    blobs = ObjectBlobs("s3://loopline-nowhere/ml")
    for ask in (blobs.size, blobs.read, blobs.get, lambda name: blobs.missing([name]), blobs.delete):
        with pytest.raises(Unavailable) as caught:
            ask(digest_of(b"x"))
        assert caught.value.kind == "store-missing"
    with pytest.raises(NotFound):
        ObjectBlobs(bucket).read(digest_of(b"x"))


def test_without_credentials_the_store_refuses(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no keys are found, the error speaks of credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(Unavailable) as caught:
        ObjectBlobs(bucket).put(b"x")
    assert caught.value.kind in {"store-refused", "store-unreachable"}


def test_keys_may_stand_in_a_file(
    between: Between, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """AWS's shared credentials file is read, by profile, so that keys can be mounted as a secret."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "keys").write_text("[ml]\naws_access_key_id = AKIAFILE\naws_secret_access_key = p%w\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_PROFILE", "ml")
    blobs = ObjectBlobs(bucket)
    assert blobs.read(blobs.put(b"x")) == b"x"


@pytest.mark.parametrize("url", ["s4://x/y", "nonsense", "s3://", "http://127.0.0.1/x", "file://tmp/x"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    """What no store has as an address is Invalid, with the ones that are possible."""
    with pytest.raises(Invalid) as caught:
        ObjectBlobs(url)
    assert caught.value.kind == "bad-store-url"


@pytest.mark.parametrize(
    ("url", "kind"), [("s3://b/x", "S3Store"), ("gs://bucket/x", "GCSStore"), ("az://container/x", "AzureStore")]
)
def test_an_address_says_which_store(url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheme of the address chooses the store."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "example")
    assert type(cast("Any", ObjectBlobs(url))._store).__name__ == kind


def test_a_worker_opens_the_same_store(bucket: str) -> None:
    """A store is sent to another process by its address: keys stay in the environment."""
    blobs = ObjectBlobs(bucket)
    digest = blobs.put(b"x")
    sent = pickle.dumps(blobs)
    assert b"s3-very-secret" not in sent
    program = f"import pickle; print(pickle.loads({sent!r}).read({digest!r}))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "b'x'"


def test_a_fork_is_refused_and_does_not_hang(bucket: str) -> None:
    """A child of a fork is told to start processes otherwise: its parent's threads, which would answer, are not there."""
    program = f"""
import os, sys
from loopline.errors import Unavailable
from loopline.store.objects import ObjectBlobs
blobs = ObjectBlobs({bucket!r})
name = blobs.put(b"a")
child = os.fork()
if child == 0:
    for ask in (blobs.read, ObjectBlobs({bucket!r}).read, lambda name: blobs.put_all([b"d", b"e", b"f"])):
        try:
            ask(name)
        except Unavailable as error:
            if error.kind != "store-after-fork":
                os._exit(2)
        else:
            os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
