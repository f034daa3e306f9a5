"""Adopt and export, as somebody at a terminal uses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.faces.mlflow.moving.made import database
from tests.sdk.dvcmade import Made
from tests.sdk.test_adopting import alone

__all__ = ["alone"]
Run = Callable[..., Said]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A repository of DVC beside the project, with a folder, and a file whose bytes are nowhere."""
    made = Made(tmp_path / "dvc")
    made.add("raw", {"a.csv": b"1\n", "b.csv": b"2\n"})
    made.add("lost.bin", b"lost", into=made.root / "nowhere")
    return made


def test_what_was_adopted_is_told(run: Run, made: Made) -> None:
    """A line for each, then what is lacking and the next step; the code says that it is not all."""
    said = run("adopt", str(made.root))
    assert said.code == 1
    assert "adopted  raw       data/raw@1     2 files, 4 B" in said.out.replace("✓ ", "")
    assert "lost.bin lacks 1 file:\n  lost.bin\n" in said.out
    assert "→ lost.bin: dvc pull lost.bin.dvc, then the same command" in said.out
    made.keep(b"lost")
    again = run("adopt", str(made.root), "--json")
    assert (again.code, [one["state"] for one in again.result]) == (0, ["adopted", "unchanged"])


def test_a_rehearsal_says_where_bytes_would_come_from(run: Run, made: Made) -> None:
    """And adopts nothing."""
    said = run("adopt", str(made.root), "--only", "raw", "--dry-run", "--json")
    assert [(one["state"], one["sources"]) for one in said.result] == [("planned", [["cache", 2]])]
    assert "2 from the cache" in run("adopt", str(made.root), "--only", "raw", "--dry-run").out
    assert run("ls").out == ""


def test_names_are_said(run: Run, made: Made) -> None:
    """By path, as names of assets."""
    assert run("adopt", str(made.root), "--only", "raw", "--name", "raw=data/flights", "--branch", "dvc").code == 0
    assert run("cat", "data/flights@dvc", "a.csv").out == "1\n"


def test_a_version_goes_to_a_repository(run: Run, made: Made, tmp_path: Path) -> None:
    """To a path in it, or to where it came from; a path outside is refused."""
    run("adopt", str(made.root), "--only", "raw")
    said = run("export", "dvc", "data/raw", str(made.root / "copy"))
    assert "data/raw@1 copy.dvc " in said.out
    assert "2 files, 0 objects (0 B) written" in said.out
    assert "dvc checkout copy.dvc" in said.err
    assert run("export", "dvc", "data/raw", "--repository", str(made.root), "--json").result["path"] == "raw.dvc"
    assert run("export", "dvc", "data/raw", str(made.root / "c2"), "--dry-run", "--json").result["dry"]
    assert not (made.root / "c2.dvc").exists()
    outside = run("export", "dvc", "data/raw", str(tmp_path / "x"), "--repository", str(made.root), "--json")
    assert outside.fault["kind"] == "bad-path"
    assert run("export", "dvc", "data/raw", str(tmp_path / "x"), "--json").fault["kind"] == "no-dvc-repository"


def test_a_store_of_mlflow_is_adopted_and_exported(run: Run, tmp_path: Path) -> None:
    """A table of both sides, and code 1 where something was left out; a rehearsal writes nothing."""
    uri = f"sqlite:///{database(tmp_path / 'mlflow')}"
    dry = run("adopt", "mlflow", uri, "--dry-run")
    assert (dry.code, "runs 5 0" in " ".join(dry.out.split()), run("find", "runs").out) == (0, True, "")
    said = run("adopt", "mlflow", uri)
    assert (said.code, "runs 5 5 ✓ same" in " ".join(said.out.split())) == (0, True)
    out = run("export", "mlflow", str(tmp_path / "out"))
    assert (out.code, "migrate-filestore --source" in out.err) == (0, True)
    assert run("adopt", "mlflow", str(tmp_path / "out"), "--json").result["state"] == "adopted"
    (tmp_path / "mlflow" / "mlartifacts").rename(tmp_path / "moved")
    lacking = run("adopt", "mlflow", uri, "--project", "other")
    assert (lacking.code, "left out" in lacking.out) == (1, True)


def test_a_folder_called_as_a_tool_is_a_folder(
    run: Run, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One word is a folder of DVC where it is there; two name the tool first."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "where is the tracking store" in run("adopt", "mlflow").err
    assert run("adopt", "dvc", str(made.root), "--only", "raw").code == 0
    assert "nothing is known of dcv" in run("adopt", "dcv", str(made.root)).err
    assert "--history means nothing to mlflow" in run("adopt", "mlflow", "sqlite:///x.db", "--history").err
    assert "--artifacts means nothing to dvc" in run("adopt", str(made.root), "--artifacts", "x").err
    assert "--repository means nothing to mlflow" in run("export", "mlflow", "out", "--repository", "x").err


def test_a_server_adopts_nothing_for_others(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger is far away, it is said where to run it."""
    monkeypatch.setenv("LOOPLINE_URL", "http://127.0.0.1:9")
    said = run("adopt", "mlflow", f"sqlite:///{database(tmp_path / 'mlflow')}")
    assert "LOOPLINE_URL names a server" in said.err
    assert "LOOPLINE_URL names a server" in run("export", "mlflow", str(tmp_path / "out")).err
