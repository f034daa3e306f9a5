"""A process works in one project at a time and opens it late."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.sdk import session as sessions


def test_nothing_is_opened_before_it_is_needed(project: Path) -> None:
    """Finding a session touches no disk beyond its settings."""
    here = sessions.session()
    assert here.journals == project / ".loopline" / "journal"
    assert not (project / ".loopline").exists()


def test_threads_share_one_loop(project: Path) -> None:
    """Threads that ask at once get the same loop."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(sessions.session().client())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({id(one) for one in found}) == 1


def test_a_child_opens_its_own(project: Path) -> None:
    """After a fork the child does not use its parent's loop."""
    here = sessions.session()
    mine = here.client()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if here.client() is not mine and here.client().do("ls") == () else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert here.client() is mine


def test_the_folder_decides(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another folder or another setting is another session; `choose` wins over both."""
    first = sessions.session()
    assert sessions.session() is first
    monkeypatch.setenv("LOOPLINE_PROJECT", "weather")
    assert sessions.session().settings.project == "weather"
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert sessions.session().settings.root == tmp_path / "other"
    sessions.choose(project)
    assert sessions.session().settings.root == project


def test_an_unsettled_session_knows_only_where_it_is(project: Path) -> None:
    """With a broken project file journals have a place, and the loop is not opened."""
    problem = Invalid("broken", kind="bad-toml")
    (project / ".loopline").mkdir()
    here = sessions.Unsettled(problem)
    assert (here.journals, here.settings.project) == (project / ".loopline" / "journal", "")
    with pytest.raises(Invalid):
        here.client()
