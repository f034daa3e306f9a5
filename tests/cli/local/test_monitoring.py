from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.nouns.artifact import SERVICE
from loopline.nouns.digest import Digest
from loopline.nouns.service import Arm, Service
from loopline.serving.specification import dump_service
from tests.cli.conftest import Said

Run = Callable[..., Said]


@pytest.fixture
def deployed(run: Run) -> Run:
    """Run commands in a project where service/delay@prod is deployed."""
    from loopline.settings import load_settings
    from loopline.wiring import open_blobs

    told = Service("service/delay", (Arm("main", "model/delay@7", Digest("sha256:" + "0" * 64)),))
    digest = open_blobs(load_settings()).put(dump_service(told))
    assert run("put", "service/delay", "--digest", digest, "--media-type", SERVICE).code == 0
    assert run("propose", "service/delay@prod", "--to", "1", "--why", "first").code == 0
    return run


def test_files_are_written_where_they_are_wanted(deployed: Run, tmp_path: Path) -> None:
    """Each file that is named is there, and a second call replaces it."""
    said = deployed("monitoring", "service/delay@prod", "--out", "a/b", "--json")
    assert sorted(said.result) == sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    rules = tmp_path / "a" / "b" / "flights+delay@prod.rules.yml"
    rules.write_text("old")
    assert deployed("monitoring", "service/delay@prod", "--out", "a/b").code == 0
    assert "LooplineServiceDown" in rules.read_text()


def test_a_rehearsal_writes_nothing(deployed: Run, tmp_path: Path) -> None:
    """With --dry-run it is said what would be written."""
    said = deployed("monitoring", "service/delay@prod", "--dry-run")
    assert said.code == 0, said.err
    assert "flights+delay@prod.rules.yml" in said.out
    assert not (tmp_path / "monitoring").exists()


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/b", "a\\b", "C:a", "..", "", "a\n"])
def test_what_leads_out_of_the_folder_is_refused(
    deployed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A server that names such a file gets none written, the good ones neither."""
    monkeypatch.setattr("loopline.verbs.monitoring.monitoring", lambda *_: {"good.yml": "", name: "bad"})
    said = deployed("monitoring", "service/delay@prod", "--out", "out", "--json")
    assert said.code != 0
    assert "bad-path" in said.out + said.err
    assert not (tmp_path / "out").exists()
