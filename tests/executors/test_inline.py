"""Jobs in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.executors.inline import InlineExecutor
from loopline.executors.port import Executor
from loopline.store.system import SystemClock
from loopline.testing.executors import ExecutorSuite, job, outcomes_of


class TestInlineExecutor(ExecutorSuite):
    """The shipped suite."""

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """Give an open executor."""
        with InlineExecutor(SystemClock()) as executor:
            yield executor


def test_this_process_is_left_as_it_was(tmp_path: Path) -> None:
    """Import path, folder and modules are restored, also after a job that raises."""
    (tmp_path / "visiting.py").write_text("def run(_): raise ValueError\n", encoding="utf-8")
    before = (list(sys.path), Path.cwd())
    outcomes_of(InlineExecutor(SystemClock()), job("visiting:run", paths=(str(tmp_path),)))
    assert (list(sys.path), Path.cwd()) == before
    assert "visiting" not in sys.modules


def test_ctrl_c_ends_the_caller(tmp_path: Path) -> None:
    """Whoever runs jobs in the own process and presses Ctrl-C wants to stop it all."""
    (tmp_path / "pressed.py").write_text("def run(_): raise KeyboardInterrupt\n", encoding="utf-8")
    executor = InlineExecutor(SystemClock())
    executor.submit(job("pressed:run", paths=(str(tmp_path),)))
    with pytest.raises(KeyboardInterrupt):
        executor.outcomes()


def test_prints_without_a_log_stay_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A debugger needs the terminal."""
    outcomes_of(InlineExecutor(SystemClock()), job("prints", b"to the terminal"))
    assert capsys.readouterr().out == "to the terminal\n"
