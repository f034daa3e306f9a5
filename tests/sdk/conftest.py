"""A project in a folder, as a program's user has one."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.nouns.run import Run
from loopline.sdk import fluent
from loopline.sdk import session as sessions
from loopline.sdk.client import Local


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a project file that is the present one; what this process opened for it is closed at the end."""
    folder = tmp_path / "flights"
    folder.mkdir()
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LOOPLINE_ACTOR", "ann")
    sessions._chosen.clear()  # another file's test may have connected to a ledger of its own
    yield folder
    for run in list(fluent._active):
        run.finish()
    fluent.detach()
    for one in sessions._sessions.values():
        one.close()
    sessions._sessions.clear()
    sessions._chosen.clear()
    fluent._told.discard("log")


@pytest.fixture
def client(project: Path) -> Local:
    """The loop of the project."""
    return local()


def local() -> Local:
    """The loop of the present project, which is here."""
    found = sessions.session().client()
    assert isinstance(found, Local)
    return found


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Give the warnings so far."""
    caplog.set_level(logging.WARNING, "loopline")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "loopline"]


@pytest.fixture
def program(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program in the project's folder."""

    def run(text: str, **more: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", text], cwd=project, capture_output=True, text=True, timeout=60, check=False, **more
        )

    return run


@pytest.fixture
def runs(project: Path) -> Callable[[], list[Run]]:
    """Give the runs in the ledger, oldest first."""

    def read() -> list[Run]:
        here = local().loop
        with here.ledger.read() as tx:
            ids = [row[0] for row in tx.rows.all("SELECT id FROM runs ORDER BY id")]
            return [tx.runs.get(one) for one in ids]

    return read
