"""Versions of ours, as DVC would have them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.tree import build
from loopline.errors import Conflict, Invalid, LooplineError
from loopline.loop import silent
from loopline.nouns.adoption import Exported
from loopline.nouns.change import Published
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, parse_pointer
from loopline.nouns.version import Version
from loopline.sdk.adopting import Adopting, Terms
from loopline.sdk.client import Local
from loopline.sdk.dvcrepo import Repository
from loopline.sdk.exporting import Exporting
from loopline.store.local import LocalBlobs
from loopline.testing.loop import loop
from loopline.wiring import keyed_at
from tests.datasets.test_tree import PATHS
from tests.sdk.dvcmade import Made, md5
from tests.sdk.test_adopting import FILES, adopt, alone, client, made

__all__ = ["alone", "client", "made"]
Files = dict[str, tuple[bytes, int]]


def add(client: Local, files: Files, name: str = "flights", branch: str = "main") -> Version:
    """Publish files with their modes."""
    blobs = client.blobs
    ordered = sorted(files.items(), key=lambda one: one[0].encode())
    tree = build(blobs, [Entry(path, blobs.put(data), len(data), mode) for path, (data, mode) in ordered])
    published: Published = client.do("add", AssetName("flights", "data", name), tree=tree, branch=branch)
    return published.version


def export(client: Local, made: Made, what: str, path: str = "", *, dry: bool = False) -> Exported:
    """Export a version."""
    exporting = Exporting(client, Repository.around(made.root), report=silent, dry=dry)
    return exporting.run(parse_pointer(what, project="flights"), path)


def plain(files: dict[str, bytes]) -> Files:
    return {path: (data, 0o644) for path, data in files.items()}


def cached(made: Made) -> dict[str, bytes]:
    """Give what is in the cache, by hash."""
    top = made.cache / "files" / "md5"
    return {one.parent.name + one.name: one.read_bytes() for one in top.rglob("*") if one.is_file()}


def test_a_folder_has_the_hashes_that_dvc_gives_it(client: Local, made: Made, tmp_path: Path) -> None:
    """The objects and the list of a version are those that DVC itself would have made, and the file says them as DVC does."""
    other = Made(tmp_path / "other")
    value = other.add("data/raw", FILES)
    add(client, plain(FILES), "raw")
    done = export(client, made, "data/raw")
    assert (done.path, done.value, done.files, done.objects) == ("data/raw.dvc", value, 5, len(set(FILES.values())) + 1)
    assert cached(made) == cached(other)
    size = sum(map(len, FILES.values()))
    assert (made.root / "data/raw.dvc").read_text() == (
        f"outs:\n- md5: {value}\n  size: {size}\n  nfiles: 5\n  hash: md5\n  path: raw\n  meta:\n    loopline:\n"
        "      version: data/raw@1\n      executable: []\n"
    )
    assert not (made.cache / "loopline").exists()
    assert {one.stat().st_mode & 0o777 for one in (made.cache / "files").rglob("*") if one.is_file()} == {0o444}


def test_nothing_is_read_or_written_twice(client: Local, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes are remembered, and what is in the cache is left; after a cut only the rest is read."""
    files = plain({**FILES, "more": os.urandom(300_000)})
    add(client, files)
    read: list[str] = []
    put = LocalBlobs.get

    def counted(self: LocalBlobs, digest: Any) -> Any:
        read.append(digest)
        if len(read) == 2:
            raise KeyboardInterrupt
        return put(self, digest)

    monkeypatch.setattr(LocalBlobs, "get", counted)
    planned = export(client, made, "data/flights", dry=True)
    assert (planned.objects, planned.value, read, cached(made)) == (5, "", [], {})
    with pytest.raises(KeyboardInterrupt):
        export(client, made, "data/flights")
    assert not (made.root / "data/flights.dvc").exists()
    assert export(client, made, "data/flights").objects == 2
    assert len(read) == 3
    again = export(client, made, "data/flights")
    assert (again.objects, len(read)) == (0, 3)
    Path(
        next(one for one in (made.cache / "files").rglob("*") if one.is_file() and one.stat().st_size == 300_000)
    ).unlink()
    assert export(client, made, "data/flights", dry=True).objects == 1


def test_a_file_is_a_file(client: Local, made: Made) -> None:
    """Where the one file of a version has the name of the path, DVC gets a file; it may be executed as here."""
    add(client, {"run.sh": (b"#!", 0o755)})
    done = export(client, made, "data/flights", "tools/run.sh")
    assert done.value == md5(b"#!")
    assert "isexec: true" in (made.root / "tools/run.sh.dvc").read_text()
    assert export(client, made, "data/flights", "tools/run").value.endswith(".dir")


def test_what_was_adopted_goes_back_to_its_place(client: Local, made: Made) -> None:
    """Also a later version of it; what else the file says stays, and one that says the same already stays as it is."""
    value = made.add("deep/raw", {"a": b"1"}, more="  desc: July\n  remote: far\n")
    before = (made.root / "deep/raw.dvc").read_text()
    adopt(client, made)
    assert (export(client, made, "data/deep/raw").value, (made.root / "deep/raw.dvc").read_text()) == (value, before)
    add(client, plain({"a": b"2"}), "deep/raw")
    done = export(client, made, "data/deep/raw")
    assert done.path == "deep/raw.dvc"
    text = (made.root / "deep/raw.dvc").read_text()
    assert f"md5: {done.value}" in text
    assert "desc: July\n  remote: far\n" in text


def test_a_folder_of_one_file_stays_a_folder(client: Local, made: Made) -> None:
    """Though the file has the folder's name."""
    value = made.add("raw", {"raw": b"1"})
    adopt(client, made)
    assert export(client, made, "data/raw").value == value


def test_git_leaves_the_data_alone(client: Local, made: Made) -> None:
    """As after `dvc add`: the path stands in .gitignore, once."""
    made.commit("begin")
    made.write("data/.gitignore", b"/other")
    add(client, plain(FILES))
    for _ in range(2):
        export(client, made, "data/flights")
    assert (made.root / "data/.gitignore").read_text() == "/other\n/flights\n"
    for name in ("[a]*b", "#x", "!y", "back\\slash", "end "):
        export(client, made, "data/flights", f"odd/{name}")
        (made.root / "odd" / name).mkdir()
        (made.root / "odd" / name / "file").touch()
        found = made.git("ls-files", "--others", "--exclude-standard", "odd")
        assert "/file" not in found, name


@pytest.mark.parametrize("path", ["model", "model/part", "imported", "some/x", "some"])
def test_what_is_anothers_is_refused(client: Local, made: Made, path: str) -> None:
    """What a stage makes, what was imported, what is in one or has one inside, and a file that says another path."""
    value = made.keep(b"1")
    (made.root / "dvc.lock").write_text(
        f"schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n    - path: model\n      hash: md5\n      md5: {value}\n"
    )
    made.add("imported", b"1", more="deps:\n- path: s3://bucket/x\n")
    made.add("some/x", b"1")
    (made.root / "some/x.dvc").write_text((made.root / "some/x.dvc").read_text().replace('"x"', '"y"'))
    add(client, plain(FILES))
    with pytest.raises(Conflict) as caught:
        export(client, made, "data/flights", path)
    assert caught.value.kind == "dvc-owned"
    assert cached(made) == {value: b"1"}


def test_what_is_no_folder_of_files_is_refused(client: Local, made: Made) -> None:
    """A model is one blob."""
    client.do("put", AssetName("flights", "model", "delay"), digest=client.blobs.put(b"1"))
    for what, path, kind in (("model/delay", "", "not-a-tree"), ("data/flights", "../x", "bad-path")):
        add(client, plain(FILES))
        with pytest.raises(Invalid) as caught:
            export(client, made, what, path)
        assert caught.value.kind == kind


def test_a_cache_that_cannot_be_written(client: Local, made: Made) -> None:
    """The error says so, and there is no `.dvc` file of what is not there."""
    add(client, plain(FILES))
    made.cache.write_text("")
    with pytest.raises(LooplineError) as caught:
        export(client, made, "data/flights")
    assert caught.value.kind == "store-broken"
    assert not (made.root / "data/flights.dvc").exists()


BYTES = st.sampled_from([b"", b"1", b"a\r\n", b"\0\r\n"])


@settings(max_examples=12)
@given(st.dictionaries(PATHS, st.tuples(BYTES, st.sampled_from([0o644, 0o755])), max_size=6))
def test_there_and_back(files: Files) -> None:
    """What was exported and adopted elsewhere has the same root, whatever files are called, hold and may be executed."""
    clean = {path: one for path, one in files.items() if not any(other.startswith(path + "/") for other in files)}
    with tempfile.TemporaryDirectory() as folder:
        one, other = (Local(loop()) for _ in range(2))
        made = Made(Path(folder) / "dvc")
        version = add(one, clean)
        value = export(one, made, "data/flights").value
        assert value == Made(Path(folder) / "dvcs").add(
            "data/flights", {path: data for path, (data, _) in clean.items()}
        )
        [told] = Adopting(other, Repository.around(made.root), Terms(), opening=keyed_at, report=silent).run()
        assert told.state == "adopted"
        back: Version = other.do("get", parse_pointer("data/flights", project="flights"))
        assert back.artifact.digest == version.artifact.digest
        assert export(other, made, "data/flights").value == value
        for client in (one, other):
            client.close()
