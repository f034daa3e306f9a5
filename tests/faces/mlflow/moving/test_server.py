"""A tracking store behind a server, asked by MLflow's REST API: our own is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from loopline.errors import Invalid, LooplineError, Refused, Unavailable
from loopline.faces.mlflow.moving.opening import open_store
from loopline.faces.mlflow.moving.server import Asking
from loopline.testing.loop import loop
from tests.started import serving

from . import made
from .test_adopting import adopt, counts


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project on this machine that has adopted a store."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    main = "import sys; from loopline.cli.entry import main; sys.exit(main())"
    uri = f"sqlite:///{made.database(tmp_path / 'db')}"
    done = subprocess.run(
        [sys.executable, "-c", main, "adopt", "mlflow", uri], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


@pytest.mark.slow
def test_a_store_is_adopted_from_a_server(project: Path) -> None:
    """With runs, points, files, models and aliases, page by page, as from a database."""
    here = loop()
    with serving(project) as served:
        done = adopt(here, served.url)
        assert (done.state, [one for one in done.left if one.lost], done.differing) == ("adopted", [], ())
        found = counts(done)
        assert (found["runs"], found["points"], found["files"], found["versions"]) == (5, len(made.POINTS) + 1, 4, 2)
        assert adopt(here, served.url).state == "adopted"


def test_a_server_is_told_without_its_password() -> None:
    """Whether it stands in the address or in a variable; nobody who reads an error learns it."""
    asking = Asking("http://ann:secret@127.0.0.1:1", {"MLFLOW_TRACKING_TOKEN": "token"})
    assert asking.url == "http://127.0.0.1:1"
    with pytest.raises(Unavailable) as refused:
        asking.get("/api/2.0/mlflow/experiments/search")
    assert "secret" not in refused.value.message


@pytest.mark.slow
def test_what_is_no_server_of_mlflow_is_refused(tmp_path: Path) -> None:
    """By its answer: a page is no document, and a server that wants a token says so."""
    with serving(tmp_path / "project") as served:
        with pytest.raises(LooplineError) as refused:
            open_store(f"{served.url}/static", environ={})
        assert not isinstance(refused.value, Unavailable)
        with pytest.raises((Refused, Invalid)):
            open_store(served.url, environ={"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "wrong"})
