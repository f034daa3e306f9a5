from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.settings import Settings, load_settings
from loopline.store.cached import Cached
from loopline.store.far import FarBlobs
from loopline.store.foreign import WithForeign
from loopline.wiring import blobs_at, codecs, makers, open_blobs, open_loop, open_rows, variables


def _settings(folder: Path, **variables_: str) -> Settings:
    return load_settings(folder, environ={"LOOPLINE_PROJECT": "flights", "LOOPLINE_ACTOR": "ann", **variables_})


def test_an_empty_folder_becomes_a_ledger(tmp_path: Path) -> None:
    """Opening makes what is missing; opening again finds it."""
    open_loop(_settings(tmp_path)).ledger.close()
    loop = open_loop(_settings(tmp_path))
    with loop.ledger.read() as tx:
        assert tx.projects.list() == []
    loop.ledger.close()
    assert (tmp_path / ".loopline" / "ledger.db").is_file()
    assert (loop.project, str(loop.actor), loop.actor.verified) == ("flights", "person:ann", False)


def test_a_worker_opens_the_same_store(tmp_path: Path) -> None:
    """What a Loop says of its store is enough to open it in another process."""
    loop = open_loop(_settings(tmp_path))
    digest = loop.blobs.put(b"x")
    assert loop.store[0] == "loopline.wiring:blobs_at"
    assert blobs_at(*loop.store[1]).read(digest) == b"x"
    loop.ledger.close()


def test_bytes_may_be_in_another_folder(tmp_path: Path) -> None:
    """LOOPLINE_STORE moves the bytes and nothing else, also for the processes that are started."""
    settings = _settings(tmp_path, LOOPLINE_STORE=str(tmp_path / "bytes"))
    loop = open_loop(settings)
    digest = loop.blobs.put(b"x")
    assert (tmp_path / "bytes" / "blobs" / "sha256" / digest[7:]).read_bytes() == b"x"
    assert (tmp_path / ".loopline" / "ledger.db").exists()
    assert blobs_at(*loop.store[1]).read(digest) == b"x"
    assert dict(loop.variables)["LOOPLINE_STORE"] == str(tmp_path / "bytes")
    loop.ledger.close()


def test_bytes_in_an_object_store_have_copies_at_home(tmp_path: Path) -> None:
    """An address opens that store behind a bounded folder of copies; one that no store has is Invalid."""
    opened = open_blobs(_settings(tmp_path, LOOPLINE_STORE="s3://bucket/ml", LOOPLINE_CACHE_LIMIT="1MB"))
    assert isinstance(opened, WithForeign)
    blobs = opened.keeps
    assert isinstance(blobs, Cached)
    assert isinstance(blobs.far, FarBlobs)
    assert (blobs.far.objects.url, blobs.limit) == ("s3://bucket/ml", 1_000_000)
    assert blobs.near.folder == tmp_path / ".loopline" / "cache" / "copies"
    with pytest.raises(Invalid) as caught:
        open_blobs(_settings(tmp_path, LOOPLINE_STORE="ftp://x/y"))
    assert caught.value.kind == "bad-store-url"


def test_a_database_may_be_a_reference(tmp_path: Path) -> None:
    """The address of the database can stand in a file that only the server's user reads."""
    (tmp_path / "address").write_text(f"sqlite:///{tmp_path / 'elsewhere.db'}\n")
    open_rows(_settings(tmp_path, LOOPLINE_DATABASE=f"file:{tmp_path / 'address'}")).close()
    open_loop(_settings(tmp_path, LOOPLINE_DATABASE=f"file:{tmp_path / 'address'}")).ledger.close()
    assert (tmp_path / "elsewhere.db").exists()
    with pytest.raises(Unavailable) as caught:
        open_rows(_settings(tmp_path, LOOPLINE_DATABASE="env:LOOPLINE_TEST_NOWHERE"))
    assert caught.value.kind == "secret-missing"


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Where a file stands in the way, the error names it and the setting."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(Unavailable) as caught:
        open_loop(_settings(tmp_path, LOOPLINE_HOME=str(tmp_path / "taken" / "x")))
    assert caught.value.kind == "home-unwritable"


def test_an_unknown_database_is_refused(tmp_path: Path) -> None:
    """Only known schemes are opened; the address, which may hold a password, is not repeated."""
    with pytest.raises(Invalid) as caught:
        open_loop(_settings(tmp_path, LOOPLINE_DATABASE="mysql://u:secret@h/x"))
    assert caught.value.kind == "bad-database-url"
    assert "secret" not in str(caught.value) + str(caught.value.facts)


def test_built_ins_come_in_by_the_plugin_door() -> None:
    """Our executors and codecs are entry points like anybody's."""
    assert {"inline", "local"} <= set(makers("loopline.executors"))
    assert codecs()["model"] == "loopline.models.codec:ModelCodec"
    with pytest.raises(KeyError):
        makers("loopline.executors")["nope"]


def test_processes_are_told_where_the_loop_is(tmp_path: Path) -> None:
    """A step that logs speaks to the ledger of whoever started it, also where flags chose it."""
    told = dict(variables(_settings(tmp_path)))
    assert told == {
        "LOOPLINE_HOME": str(tmp_path / ".loopline"),
        "LOOPLINE_PROJECT": "flights",
        "LOOPLINE_ACTOR": "ann",
        "LOOPLINE_URL": "embedded",
    }


def test_a_server_in_a_file_is_not_where_steps_log(tmp_path: Path) -> None:
    """A process that is told of the ledger here keeps to it, though the project's file names a server."""
    (tmp_path / "loopline.toml").write_text('[store]\nurl = "http://127.0.0.1:9"\n')
    here = _settings(tmp_path)
    assert here.url == "http://127.0.0.1:9"
    assert load_settings(tmp_path, environ=dict(variables(here))).url == ""
