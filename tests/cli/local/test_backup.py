"""backup, restore and migrate as somebody types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.ledger.schema import NEWEST, found, upgrade
from loopline.wiring import open_database
from tests.cli.conftest import Said

Run = Callable[..., Said]


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_a_backup_becomes_a_ledger_in_another_home(models: Run, run: Run, tmp_path: Path, name: str) -> None:
    """What is listed there is what was listed here; restoring over it is refused with exit code 5."""
    said = run("backup", str(tmp_path / name), "--json")
    assert said.code == 0
    assert [one["state"] for one in said.result] == ["ok"] * len(said.result)
    assert run("restore", str(tmp_path / name), "--home", str(tmp_path / "other")).code == 0
    for words in (("ls", "--json"), ("history", "model/delay", "--json"), ("find", "runs", "--json")):
        assert run(*words, "--home", str(tmp_path / "other")).result == run(*words).result
    refused = run("restore", str(tmp_path / name), "--home", str(tmp_path / "other"), "--json")
    assert (refused.code, refused.fault["kind"]) == (5, "ledger-not-empty")


def test_a_restored_ledger_that_lacks_bytes_ends_with_1(models: Run, run: Run, tmp_path: Path) -> None:
    """A blob that somebody removed from the copy is named with the version that it touches."""
    run("backup", str(tmp_path / "copy"))
    for blob in (tmp_path / "copy" / "blobs" / "sha256").iterdir():
        if blob.read_bytes() == b"one":
            blob.unlink()
    said = run("restore", str(tmp_path / "copy"), "--home", str(tmp_path / "other"), "--json")
    assert said.code == 1
    assert [one["touches"] for one in said.result if one["state"] == "fail"] == [["model/delay@1"]]


@pytest.mark.parametrize(
    "words", [("backup", "x", "--keep", "0"), ("backup", "x", "--dry-run"), ("restore", "x", "--dry-run")]
)
def test_what_cannot_be_is_refused(run: Run, words: tuple[str, ...]) -> None:
    """No backup is kept by keeping none, and neither command can be rehearsed."""
    assert run(*words).code == 2


def test_migrating_what_is_new_does_nothing(run: Run) -> None:
    """An empty home gets its tables; a second time there is nothing to do."""
    assert NEWEST in run("migrate").out
    assert "nothing to do" in run("migrate").out


def test_postgresql_is_migrated_when_somebody_says_so(
    run: Run, tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other commands refuse older tables and name the command; it keeps the rows first, and then they work."""
    database = open_database(postgres_database)
    database.migrate(lambda alchemy: upgrade(alchemy, to="0001"))
    monkeypatch.setenv("LOOPLINE_DATABASE", postgres_database)
    refused = run("ls", "--json")
    assert (refused.code, refused.fault["kind"], refused.fault["hint"]) == (3, "older-schema", "loopline migrate")
    assert run("migrate", "--dry-run").code == 2
    assert found(database) == "0001"
    assert run("migrate").code == 0
    assert found(database) == NEWEST
    (kept,) = (tmp_path / ".loopline" / "backups").iterdir()
    assert kept.name.startswith("ledger-0001-")
    assert kept.stat().st_mode & 0o077 == 0
    assert run("ls").code == 0
    database.close()
