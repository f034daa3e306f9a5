"""Values become artifacts, and artifacts values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import loopline
from loopline.errors import Invalid
from loopline.nouns.artifact import BYTES, TREE
from loopline.sdk.client import Local
from loopline.sdk.values import store


@pytest.mark.parametrize("data", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_bytes(client: Local, tmp_path: Path, data: Any) -> None:
    """Bytes of any kind are a blob."""
    made = store(client.blobs, data, scratch=tmp_path)
    assert (client.blobs.read(made.digest), made.media_type, made.size) == (b"abc", BYTES, 3)


def test_files_and_folders(client: Local, tmp_path: Path) -> None:
    """A file is a blob of the type that its name tells; a folder is a tree."""
    (tmp_path / "a.json").write_text("{}")
    assert store(client.blobs, tmp_path / "a.json", scratch=tmp_path).media_type == "application/json"
    assert store(client.blobs, str(tmp_path), scratch=tmp_path).media_type == TREE


@pytest.mark.parametrize(
    ("value", "kind"), [("no/such/file", "no-such-file"), (object(), "no-codec"), (os, "no-codec")]
)
def test_what_cannot_be_stored(client: Local, tmp_path: Path, value: Any, kind: str) -> None:
    """A path to nothing and a value that no codec knows are told apart."""
    with pytest.raises(Invalid) as caught:
        store(client.blobs, value, scratch=tmp_path)
    assert caught.value.kind == kind
    assert list(tmp_path.glob("tmp*")) == []


@pytest.mark.parametrize("value", [{"a": [1, None]}, 3.5])
def test_values_of_codecs_come_back(client: Local, value: Any) -> None:
    """What a codec writes `loopline.model` reads again."""
    with loopline.start("train") as run:
        assert run.put("report/value", value) is not None
    assert loopline.model("report/value") == value


def test_a_file_is_no_value(client: Local, project: Path) -> None:
    """What no codec wrote is told, with the way to its bytes."""
    client.do("put", "report/x", digest=client.blobs.put(b"x"), media_type="text/x-odd")
    with pytest.raises(Invalid) as caught:
        loopline.model("report/x")
    assert caught.value.kind == "no-codec"
