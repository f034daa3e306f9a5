"""The command finds the server as lakectl does, and tells what came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.cli.main import main
from tests.sdk.test_lakefs_import import Source


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    made = Source(tmp_path / "source")
    made.fill()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "loopline.toml").write_text('[project]\nname = "trains"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("LAKECTL_SERVER_ENDPOINT_URL", made.url)
    yield made
    made.close()


def test_a_repository_becomes_an_asset_of_its_name(source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    """A rehearsal counts and keeps nothing; then it is there, and what stays there is said."""
    assert main(["import-lakefs", "lakefs://flights", "--dry-run"]) == 0
    assert "5 commits to bring" in capsys.readouterr().out
    assert main(["history", "data/flights"]) != 0
    capsys.readouterr()
    assert main(["import-lakefs", "lakefs://flights"]) == 0
    told = capsys.readouterr().out
    assert "5 commits, 5 objects" in told
    assert "stays there main: what is uncommitted there" in told
    assert main(["history", "data/flights@dev", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["result"]) == 1


def test_what_is_no_repository_is_refused(source: Source, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of branches and of other assets, and what is not there."""
    for words, kind in (
        (["lakefs://flights/main"], "bad-repository"), (["lakefs://"], "bad-repository"),
        (["flights", "model/delay"], "bad-kind"),
        (["never"], "source-missing"),
    ):  # fmt: skip
        assert main(["import-lakefs", *words, "--json"]) != 0
        assert kind in capsys.readouterr().err
