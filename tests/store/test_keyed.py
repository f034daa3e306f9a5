"""Bytes under somebody else's names."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import pytest

from loopline.errors import Invalid, Unavailable
from loopline.store.keyed import Keyed, LocalKeyed, ObjectKeyed

BIG = os.urandom((9 << 20) + 1)


def whole(keyed: Keyed, key: str) -> tuple[int, bytes] | None:
    """Read all of a key."""
    opened = keyed.open(key)
    if opened is None:
        return None
    chunks = list(opened[1])
    assert {len(chunk) for chunk in chunks[:-1]} <= {1 << 20}
    return opened[0], b"".join(chunks)


def test_files_of_a_folder(tmp_path: Path) -> None:
    """A key is a path below it; what is no file is nothing."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "big").write_bytes(BIG)
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    keyed = LocalKeyed(str(tmp_path))
    assert whole(keyed, "a/big") == (len(BIG), BIG)
    assert (whole(keyed, "empty"), keyed.size("empty")) == ((0, b""), 0)
    assert [whole(keyed, key) for key in ("a", "b", "empty/x", "pipe")] == [None] * 4
    assert (keyed.size("a/big"), keyed.size("b")) == (len(BIG), None)


def test_objects_of_a_bucket(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the options say, or the environment: read in pieces, also an empty one, and nothing where nothing is."""
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    sender = boto3.client("s3", region_name="us-east-1")
    sender.put_object(Bucket=name, Key=f"{prefix}/a/big", Body=BIG)
    sender.put_object(Bucket=name, Key=f"{prefix}/empty", Body=b"")
    said = {
        "endpoint": os.environ["AWS_ENDPOINT_URL"], "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"], "region": "us-east-1",
    }  # fmt: skip
    for options in ({}, said):
        if options:
            for one in [one for one in os.environ if one.startswith("AWS_")]:
                monkeypatch.delenv(one)
        keyed = ObjectKeyed(bucket, options)
        assert whole(keyed, "a/big") == (len(BIG), BIG)
        assert (whole(keyed, "empty"), keyed.size("a/big")) == ((0, b""), len(BIG))
        assert (whole(keyed, "b"), keyed.size("b")) == (None, None)
        assert keyed.source == ("" if options else bucket)


def test_a_file_of_keys_and_a_profile(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count more than what the environment has."""
    (tmp_path / "keys").write_text("[team]\naws_access_key_id = theirs\naws_secret_access_key = secret\n")
    keyed = ObjectKeyed(
        bucket, {"file": str(tmp_path / "keys"), "profile": "team", "endpoint": os.environ["AWS_ENDPOINT_URL"]}
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ours")
    assert keyed.size("b") is None
    with keyed._objects.asking("read") as (_, store):
        assert store.config["access_key_id"] == "theirs"


def test_what_cannot_be_reached_is_told_without_secrets(bucket: str) -> None:
    """A bucket that is not there, and an address that is none."""
    with pytest.raises(Unavailable) as caught:
        ObjectKeyed("s3://no-such-bucket-here/x").open("a")
    assert caught.value.kind == "store-missing"
    with pytest.raises(Invalid) as wrong:
        ObjectKeyed("ftp://x", {"secret_access_key": "topsecret"})
    assert wrong.value.kind == "bad-store-url"
    assert "topsecret" not in repr(wrong.value.facts) + str(wrong.value)
