"""Unmodified clients of S3 against our door."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.conftest import cannot
from tests.faces.s3.between import encrypted
from tests.server.certificates import certificate
from tests.started import serving

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients


class Secure(NamedTuple):
    """The door behind TLS."""

    url: str
    pem: str


def make_bucket(address: str) -> None:
    """Make the bucket for a client that makes none."""
    with urlopen(Request(f"{address}/raw-flights", method="PUT"), timeout=30) as answer:
        assert answer.status == 200


@pytest.fixture
def secure(server: str, tmp_path: Path) -> Iterator[Secure]:
    """Put TLS in front of the server: over plain HTTP clients leave their trailers out."""
    context, pem = certificate(tmp_path, "127.0.0.1")
    with encrypted(urlsplit(server).port or 0, context) as port:
        yield Secure(f"https://127.0.0.1:{port}/s3", str(pem))


def test_s3fs_works_with_files(client: Client, secure: Secure) -> None:
    """Files and folders are what they are for fsspec: written in blocks, found by globs, read in ranges, moved and removed."""
    said = json.loads(client("s3fs", "s3fs_client.py", secure.url, secure.pem, "raw-flights"))
    assert said["ls"] == ["big", "empty", "jan", "mar"]
    assert said["find"] == ["big", "empty", "jan/a b.csv", "mar/a.csv"]
    assert said["glob"] == ["jan/a b.csv", "mar/a.csv"]
    assert (said["same"], said["range"], said["text"], said["size"]) == (True, True, "hello", 11 << 20)
    assert said["is"] == [False, True, True]
    assert said["exclusive"] == "refused"


def test_obstore_works_with_objects(client: Client, server: str) -> None:
    """Conditions, ranges, parts, attributes and both listings are as obstore expects them of S3."""
    make_bucket(f"{server}/s3")
    said = json.loads(client("obstore", "obstore_client.py", f"{server}/s3", "raw-flights"))
    assert (said["create"], said["update"], said["text"]) == ("refused", "refused", "again")
    assert (said["same"], said["ranges"], said["gone"]) == (True, True, True)
    assert said["list"] == ["big", "jan/a b.csv", "mar/a.csv"]
    assert said["level"] == [["jan", "mar"], ["big"]]
    assert said["after"] == ["jan/a b.csv", "mar/a.csv"]


def test_the_aws_cli_synchronises(client: Client, secure: Secure) -> None:
    """A folder goes up once, comes back as it was, and is listed, moved and removed."""
    said = json.loads(client("awscli", "awscli_client.py", secure.url, secure.pem, "raw-flights"))
    assert (said["again"], said["same"]) == ("", True)
    assert said["ls"] == ["in/big", "out/a.csv"]
    assert said["type"] == "text/csv"
    assert said["attributes"] == [2, 9 << 20]


def test_duckdb_queries_a_bucket(client: Client, tmp_path: Path) -> None:
    """Tables go up in parts and are read by globs and ranges; DuckDB knows no paths, so the door has a host of its own."""
    with serving(tmp_path, environ={"LOOPLINE_S3_HOST": "localhost"}) as served:
        address = f"localhost:{urlsplit(served.url).port}"
        make_bucket(f"http://{address}")
        said = json.loads(client("duckdb", "duckdb_client.py", address, "raw-flights"))
    total = sum(range(300_000))
    assert said["rows"] == [[1, 300_000, total], [2, 300_000, total]]
    assert said["csv"] == [["LH1", 12]]
    assert said["glob"] == [f"s3://raw-flights/{month}/t.parquet" for month in (1, 2)]


def test_rclone_copies_and_checks(server: str, tmp_path: Path) -> None:
    """Debian's rclone copies a folder with its times, finds nothing left to do, and compares what is there by md5."""
    if shutil.which("rclone") is None:
        cannot("rclone is not installed (Debian: apt-get install rclone)")
    folder = tmp_path / "data"
    (folder / "jan").mkdir(parents=True)
    (folder / "jan" / "a b.csv").write_text("hello", encoding="utf-8")
    (folder / "big").write_bytes(b"x" * (12 << 20))
    config = tmp_path / "rclone.conf"
    config.write_text(
        f"[door]\ntype = s3\nprovider = Other\nendpoint = {server}/s3\naccess_key_id = any\nsecret_access_key = any\n"
        "region = eu-west-3\nchunk_size = 5Mi\nupload_cutoff = 10Mi\n",
        encoding="utf-8",
    )

    def rclone(*words: str) -> str:
        done = subprocess.run(
            ["rclone", "--config", str(config), *words], check=False, capture_output=True, text=True, timeout=90,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    rclone("mkdir", "door:raw-flights")
    rclone("copy", str(folder), "door:raw-flights/in")
    assert "There was nothing to transfer" in rclone("copy", "-v", str(folder), "door:raw-flights/in")
    assert "0 differences" in rclone("check", str(folder), "door:raw-flights/in")
    assert sorted(rclone("lsf", "-R", "door:raw-flights").split("\n"))[1:] == [
        "in/",
        "in/big",
        "in/jan/",
        "in/jan/a b.csv",
    ]
    rclone("sync", "door:raw-flights/in", str(tmp_path / "back"))
    assert (tmp_path / "back" / "jan" / "a b.csv").read_text(encoding="utf-8") == "hello"
    assert (tmp_path / "back" / "jan" / "a b.csv").stat().st_mtime_ns // 10**6 == (
        folder / "jan" / "a b.csv"
    ).stat().st_mtime_ns // 10**6
    rclone("purge", "door:raw-flights/in")
    assert rclone("lsf", "-R", "door:raw-flights") == ""
