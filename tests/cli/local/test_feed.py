from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

from tests import warm
from tests.warm import Command

if TYPE_CHECKING:
    from tests.cli.conftest import Said


@contextmanager
def started(folder: Path, *words: str, **environ: str) -> Iterator[tuple[Command, Queue[str]]]:
    """Run a command that goes on, with its lines as they come; Ctrl-C must end it."""
    process = Command(
        *words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "USER": "ann", **environ},
    )  # fmt: skip
    lines: Queue[str] = Queue()
    assert process.stdout is not None

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield process, lines
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        reader.join()
        process.stdout.close()


def say(folder: Path, *words: str, **environ: str) -> Any:
    """Run a command in a process of its own."""
    known = {**os.environ, "USER": "ann", **environ}
    done = warm.run(*words, "--json", cwd=folder, env=known)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["result"]


def test_the_feed_is_told_as_by_the_verb(run: Callable[..., Said]) -> None:
    """Without --follow the command says what the verb says, and takes the same words."""
    for name in ("one", "two"):
        run("start", name)
    assert [event["seq"] for event in run("feed", "--json").result] == [2, 1]
    assert [event["seq"] for event in run("feed", "--after", "1", "--kind", "run.*", "--json").result] == [2]
    assert run("feed", "--follow", "--before", "2").code == 2


@pytest.mark.slow
def test_what_happens_is_told_while_it_happens(tmp_path: Path) -> None:
    """First what was there, oldest first, then each event as it comes, of the kinds that were asked for; Ctrl-C ends it."""
    say(tmp_path, "start", "one")
    with started(tmp_path, "feed", "--follow", "--kind", "run.s*", "--json") as (process, lines):
        assert json.loads(lines.get(timeout=20))["payload"]["name"] == "one"
        run = say(tmp_path, "start", "two")
        say(tmp_path, "finish", run["id"])
        say(tmp_path, "start", "three")
        assert [json.loads(lines.get(timeout=20))["payload"]["name"] for _ in range(2)] == ["two", "three"]
    assert process.returncode == 130


@pytest.mark.slow
def test_a_server_is_followed_over_its_restart(tmp_path: Path) -> None:
    """At a server it is the same, and one that goes away for a while is waited for."""
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
        (folder / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    with started(home, "up", "--port", "0") as (_, told):
        url = next(word for word in told.get(timeout=30).split() if word.startswith("http"))
        say(away, "start", "one", LOOPLINE_URL=url)
        following = started(away, "feed", "-f", LOOPLINE_URL=url)
        _, lines = following.__enter__()
        assert "run.started" in lines.get(timeout=20)
        say(away, "start", "two", LOOPLINE_URL=url)
        assert "run.started" in lines.get(timeout=20)
    try:
        with started(home, "up", "--port", url.rpartition(":")[2]) as (_, told):
            assert url in told.get(timeout=30)
            say(away, "start", "three", LOOPLINE_URL=url)
            while "run.started" not in lines.get(timeout=60):
                pass
    finally:
        following.__exit__(None, None, None)
