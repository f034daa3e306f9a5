from __future__ import annotations

from pathlib import Path

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.settings import Settings, load_settings
from loopline.wiring import blobs_in, codecs, makers, open_loop, variables


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
    assert loop.store[0] == "loopline.wiring:blobs_in"
    assert blobs_in(*loop.store[1]).read(digest) == b"x"
    loop.ledger.close()


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
    }
