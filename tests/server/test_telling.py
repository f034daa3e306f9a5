"""`loopline up` tells subscribers what other processes write."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.warm import Command, run

from .receiving import receiving, verified

SECRET = "whsec_" + "c2VjcmV0" * 6


@contextmanager
def up(folder: Path) -> Iterator[Command]:
    """Run a server that is ready."""
    process = Command(
        "up", "--port", "0", cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "HOOK": SECRET},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert any(re.search("listens on", line) for line in process.stdout)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def say(folder: Path, *words: str) -> str:
    """Run a command in a process of its own, on the same ledger."""
    done = run(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_server_tells_what_others_write_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Events of the command line reach the receiver, signed; what happens while the server is down comes when it is back."""
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    with receiving() as receiver:
        say(tmp_path, "subscribe", receiver.url, "--name", "hook", "--kind", "run.*", "--secret", "env:HOOK")
        with up(tmp_path) as server:
            say(tmp_path, "start", "one")
            receiver.wait(lambda: receiver.seqs() == [2])
            assert verified(receiver.letters[0], SECRET)
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=15) == 0
        say(tmp_path, "start", "two")
        with up(tmp_path):
            receiver.wait(lambda: receiver.seqs() == [2, 3])
        assert "hook" in say(tmp_path, "find", "subscriptions")
        assert "delivered" in say(tmp_path, "find", "deliveries")
