"""A ledger moves: from a folder to PostgreSQL and an object store, and back, by its backup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import warm

ASKED = [("history", "data/rows"), ("find",), ("ls",), ("feed",)]


def run(folder: Path, *words: str, code: int = 0) -> str:
    """Run a command there and give what it printed."""
    done = warm.run(*words, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if code else "")


def told(folder: Path) -> list[Any]:
    """Give what a ledger says of its history, and the bytes of a file in it."""
    answers: list[Any] = [json.loads(run(folder, *words, "--json")) for words in ASKED]
    return [*answers, run(folder, "cat", "data/rows@1", "rows.csv")]


@pytest.mark.long
def test_a_laptops_ledger_becomes_a_servers_and_comes_back(
    postgres_database: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a backup of SQLite and a folder is restored to in PostgreSQL and S3 says the same, and so does the way back."""
    laptop, server, again = (tmp_path / name for name in ("laptop", "server", "again"))
    for place in (laptop, server, again):
        place.mkdir()
        (place / "loopline.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.setenv("LOOPLINE_ACTOR", "ann")
    rows = laptop / "data" / "rows"
    rows.mkdir(parents=True)
    (rows / "rows.csv").write_text("day,delay\n1,5\n")
    (rows / "large.bin").write_bytes(bytes(range(256)) * 40_000)
    run(laptop, "add", "data/rows")
    id_ = json.loads(run(laptop, "start", "train", "--param", "depth=8", "--json"))["result"]["id"]
    run(laptop, "log", id_, "--point", "loss=0.5@1")
    run(laptop, "finish", id_)
    before = told(laptop)
    run(laptop, "backup", str(tmp_path / "first"))

    with monkeypatch.context() as there:
        there.setenv("LOOPLINE_DATABASE", postgres_database)
        there.setenv("LOOPLINE_STORE", bucket)
        run(server, "restore", str(tmp_path / "first"))
        assert told(server) == before
        assert "ledger-not-empty" in run(server, "restore", str(tmp_path / "first"), "--json", code=5)
        (rows / "rows.csv").write_text("day,delay\n1,5\n2,7\n")
        (server / "data").symlink_to(laptop / "data")
        run(server, "add", "data/rows")
        after = told(server)
        run(server, "backup", str(tmp_path / "second"))
        assert "fail" not in run(server, "verify", "--deep")
    assert not (server / ".loopline" / "ledger.db").exists()
    assert not (server / ".loopline" / "blobs").exists()

    run(again, "restore", str(tmp_path / "second"))
    assert told(again) == after
    assert [one["number"] for one in after[0]["result"]] == [2, 1]
    assert "fail" not in run(again, "verify", "--deep")


def test_doctor_looks_at_the_store(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`loopline doctor` asks the object store, and says what is wrong with it."""
    monkeypatch.setenv("LOOPLINE_STORE", bucket)
    assert f"{bucket} answers" in run_any(tmp_path, "doctor")
    monkeypatch.setenv("LOOPLINE_STORE", "s3://loopline-is-not-here/x")
    assert "there is no s3://loopline-is-not-here/x" in run_any(tmp_path, "doctor")


def run_any(folder: Path, *words: str) -> str:
    """Run a command whose exit code depends on the machine."""
    done = warm.run(*words, cwd=folder)
    return done.stdout + done.stderr
