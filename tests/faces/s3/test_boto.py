"""boto3 as it comes, with its own checksums and trailers, over TLS against a server that somebody started."""

from __future__ import annotations

import io
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from loopline.nouns.name import AssetName, RefName
from loopline.settings import load_settings
from loopline.verbs.commit import commit
from loopline.verbs.issue import issue
from loopline.verbs.staged import staged
from loopline.wiring import open_loop
from tests.server.certificates import certificate
from tests.started import serving

from .between import encrypted

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.token import Issued

pytestmark = pytest.mark.slow
RAW = RefName(AssetName("flights", "data", "raw-flights"), "main")


@dataclass
class World:
    """A server that asks for tokens, and what a client needs."""

    folder: Path
    loop: Loop
    issued: Issued
    pem: Path
    context: Any

    def client(self, port: int, *, key: str = "", secret: str = "", scheme: str = "https") -> Any:
        """Make a client, as boto3 has it by default."""
        return boto3.client(
            "s3", endpoint_url=f"{scheme}://127.0.0.1:{port}/s3", aws_access_key_id=key or self.issued.access_key,
            aws_secret_access_key=secret or self.issued.secret_key, region_name="eu-west-3", verify=str(self.pem),
            config=Config(retries={"max_attempts": 0}, max_pool_connections=16),
        )  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a project with an access key."""
    folder = tmp_path_factory.mktemp("door")
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    loop = open_loop(load_settings(folder, environ={"USER": "ann"}))
    issued = issue(loop, "door", role="admin", everywhere=True, s3=True)
    context, pem = certificate(folder, "127.0.0.1")
    yield World(folder, loop, issued, pem, context)
    loop.ledger.close()


def test_boto3_writes_reads_and_lists(world: World) -> None:
    """What boto3 puts with its trailers, in one piece and in parts, is what it gets; a commit makes a version of it."""
    big = os.urandom(6 << 20)
    with serving(world.folder) as served, encrypted(urlsplit(served.url).port or 0, world.context) as port:
        client = world.client(port)
        client.create_bucket(Bucket="raw-flights", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
        put = client.put_object(
            Bucket="raw-flights", Key="jan/a b+é.csv", Body=b"hello", Metadata={"who": "Ann"}, ContentType="text/csv"
        )
        assert put["ChecksumCRC32"]
        got = client.get_object(Bucket="raw-flights", Key="jan/a b+é.csv")
        assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"hello", {"who": "Ann"}, "text/csv")
        client.upload_fileobj(
            io.BytesIO(big),
            "raw-flights",
            "big",
            Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20),
        )
        into = io.BytesIO()
        client.download_fileobj(
            "raw-flights", "big", into, Config=TransferConfig(multipart_threshold=3 << 20, multipart_chunksize=3 << 20)
        )
        assert into.getvalue() == big
        head = client.head_object(Bucket="raw-flights", Key="big", ChecksumMode="ENABLED")
        assert head["ETag"].endswith('-2"')
        assert head["ChecksumCRC32"].endswith("-2")
        client.copy_object(
            Bucket="raw-flights", Key="copy", CopySource={"Bucket": "raw-flights", "Key": "jan/a b+é.csv"}
        )
        with pytest.raises(ClientError) as caught:
            client.put_object(Bucket="raw-flights", Key="copy", Body=b"2", IfNoneMatch="*")
        assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
        client.delete_objects(Bucket="raw-flights", Delete={"Objects": [{"Key": "copy"}, {"Key": "none"}]})
        listed = client.list_objects_v2(Bucket="raw-flights", Delimiter="/")
        assert [one["Key"] for one in listed["Contents"]] == ["big"]
        assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["jan/"]
        address = client.generate_presigned_url("get_object", Params={"Bucket": "raw-flights", "Key": "jan/a b+é.csv"})
        with urllib3.PoolManager(ca_certs=str(world.pem)) as http:
            assert http.request("GET", address).data == b"hello"
            assert http.request("GET", address[:-1] + ("0" if address[-1] != "0" else "1")).status == 403
        published = commit(world.loop, RAW, message="as the export wrote it")
        assert (published.version.number, published.version.author) == (1, "person:ann")
        assert client.get_object(Bucket="raw-flights.main", Key="big")["ETag"] == head["ETag"]
        client.close()
        for key, code in (("", "SignatureDoesNotMatch"), ("a" * 12, "InvalidAccessKeyId")):
            wrong = world.client(port, key=key, secret="no")
            with pytest.raises(ClientError) as caught:
                wrong.list_buckets()
            assert caught.value.response["Error"]["Code"] == code
            wrong.close()


@pytest.mark.long
def test_slow_uploads_keep_nobody_waiting(world: World) -> None:
    """While forty clients send a byte now and then, others are answered at once: whoever is slow holds no thread."""
    with serving(world.folder) as served, ExitStack() as stack:
        port = urlsplit(served.url).port or 0
        client = world.client(port, scheme="http")
        client.create_bucket(Bucket="slow")
        address = urlsplit(client.generate_presigned_url("put_object", Params={"Bucket": "slow", "Key": "a"}))
        head = (
            f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 9000000\r\n\r\n"
        )
        for _ in range(40):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(head.encode() + b"x" * 2_000_000)
        began = time.monotonic()
        client.put_object(Bucket="slow", Key="b", Body=b"1")
        assert client.get_object(Bucket="slow", Key="b")["Body"].read() == b"1"
        assert time.monotonic() - began < 5
        client.close()


@pytest.mark.long
def test_of_two_writers_one_creates_and_a_kill_loses_nothing(world: World) -> None:
    """Many clients want to be the first at each key, one is; what was acknowledged is there after a kill, to be committed."""
    keys = [f"raced/{number}" for number in range(6)]
    with serving(world.folder) as served:
        client = world.client(urlsplit(served.url).port or 0, scheme="http")
        client.create_bucket(Bucket="raced")

        def first(key: str, who: int) -> tuple[str, int] | None:
            try:
                client.put_object(Bucket="raced", Key=key, Body=str(who).encode(), IfNoneMatch="*")
            except ClientError as error:
                assert error.response["Error"]["Code"] == "PreconditionFailed"
                return None
            return key, who

        with ThreadPoolExecutor(16) as pool:
            won = [one for one in pool.map(first, keys * 4, range(24)) if one]
        client.close()
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
    assert sorted(key for key, _ in won) == keys
    ref = RefName(AssetName("flights", "data", "raced"), "main")
    told = {one.path: one.new for one in staged(world.loop, ref)}
    for key, who in won:
        entry = told[key]
        assert entry is not None
        assert world.loop.blobs.read(entry.digest) == str(who).encode()
    assert commit(world.loop, ref).version.number == 1
