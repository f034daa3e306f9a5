"""Where bytes lie that a store does not keep."""

from __future__ import annotations

import os
from pathlib import Path

import obstore
import pytest

from loopline.errors import Invalid
from loopline.store.objects import ObjectBlobs
from loopline.store.sources import Changed, Seen, Stamp, source_at, source_name


def test_a_source_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are absolute, buckets end without a slash; what may hold a secret is refused without repeating it."""
    monkeypatch.chdir(tmp_path)
    assert source_name("a/../b/") == str(tmp_path / "b")
    assert source_name("s3://bucket/a/") == "s3://bucket/a"
    for name in ("s3://key:hush@bucket/a", "s3://bucket?key=hush", "https://hush/x", "s3://"):
        with pytest.raises(Invalid) as caught:
            source_name(name)
        assert caught.value.kind == "bad-source"
        assert "hush" not in str(caught.value) + caught.value.hint + repr(caught.value.facts)


@pytest.mark.parametrize("end", ["../x", "%2e%2E/x", ".\t./x", "..", ".. ", "./x", "a/..\n/../x", ".%2e"])
def test_an_address_of_a_bucket_means_what_it_says(end: str) -> None:
    """Dots that lead to another prefix are refused, however they are written."""
    with pytest.raises(Invalid) as caught:
        source_name(f"s3://flights/raw/{end}")
    assert caught.value.kind == "bad-source"
    assert source_name("s3://flights/a..b/.c/größe 1") == "s3://flights/a..b/.c/größe 1"


def test_a_folder_that_becomes_a_link_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that somebody replaces by a link between the look and the reading opens nothing outside."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "key").write_bytes(b"hush")
    source = source_at(str(tmp_path / "in"))
    real = os.path.realpath

    def replaced(name: str) -> str:
        found = real(name)
        (tmp_path / "in" / "sub").rmdir()
        (tmp_path / "in" / "sub").symlink_to(tmp_path / "out")
        return found

    monkeypatch.setattr(os.path, "realpath", replaced)
    stamp = source.look("../out/key")
    assert stamp is not None
    with pytest.raises(Changed):
        next(source.read("sub/key", stamp, 0, stamp.size))


def test_files_of_a_folder(tmp_path: Path) -> None:
    """A file that is replaced while it is read, is no file, or is not there is said to have changed."""
    source = source_at(str(tmp_path))
    (tmp_path / "x").write_bytes(b"0" * (3 << 20))
    stamp = source.look("x")
    assert stamp is not None
    assert source.sound([Seen("x", stamp), Seen("y", stamp)]) == {"x"}
    reading = source.read("x", stamp, 0, stamp.size)
    assert next(reading)
    (tmp_path / "x").write_bytes(b"1")
    with pytest.raises(Changed):
        next(reading)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/etc/hostname")
    there = source.look("out")
    assert there is not None
    with pytest.raises(Changed, match="out of the folder"):
        next(source.read("out", there, 0, 1))
    assert source.look("pipe") is None
    for name, gone in (("pipe", False), ("z", True)):
        with pytest.raises(Changed) as caught:
            next(source.read(name, stamp, 0, 1))
        assert caught.value.gone == gone


def test_objects_of_a_bucket(bucket: str) -> None:
    """They are listed in the order of their keys with what tells their content, many at once or each by itself."""
    store = ObjectBlobs(bucket)._store
    for number in range(5):
        obstore.put(store, f"k/{number}", b"%d" % number)
    source = source_at(bucket + "/k")
    seen = list(source.list())
    assert [one.key for one in seen] == ["0", "1", "2", "3", "4"]
    wanted = [*seen[:3], Seen("4", Stamp(1, "other")), Seen("9", seen[0].stamp)]
    assert source.sound(wanted) == {"0", "1", "2"}
    assert source.sound([*wanted, *(Seen(f"no/{number}", seen[0].stamp) for number in range(300))]) == {"0", "1", "2"}
    with pytest.raises(Changed):
        list(source.read("4", Stamp(400, "other"), 100, 200))
