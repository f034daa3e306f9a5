"""Jobs in warm processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loopline.executors.local import LocalExecutor
from loopline.executors.port import Executor
from loopline.store.system import SystemClock
from loopline.testing.executors import LOG_CAP, ProcessExecutorSuite


class TestLocalExecutor(ProcessExecutorSuite):
    """The shipped suite."""

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """Give an open executor."""
        with LocalExecutor(SystemClock(), workers=2, grace=0.5, log_cap=LOG_CAP) as executor:
            yield executor
