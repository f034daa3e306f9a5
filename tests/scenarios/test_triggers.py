"""An alert leads to a retraining and to a proposal, with real servers, workers and mail, and whatever is killed in between."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.alert import Alert
from loopline.nouns.firing import Firing
from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.server.mailbox import FROM, mailbox
from tests.server.running import PIPES, Up, variables, worker
from tests.warm import run

pytestmark = pytest.mark.slow
FILE = """
[project]
name = "flights"
modules = ["pipes"]

[triggers.retrain]
on = { alert = "service/nap@prod/*", severity = "medium" }
do = { run = "train", params = { seconds = 0.5 }, propose = "model/nap@champion" }
at_most = "1/day"

[[policies]]
name = "champion"
refs = ["model/*@champion"]
approvals = { count = 1 }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a champion that a run has made, and with its trigger and policy in force."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "loopline.toml").write_text(FILE)
    (folder / "pipes.py").write_text(PIPES)
    say(folder, "run", "train")
    say(folder, "propose", "model/nap@champion", "--to", "1", "--why", "first")
    say(folder, "policy", "--push", "--why", "retrain on drift")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Give a copy of it."""
    return Path(shutil.copytree(made, tmp_path / "flights"))


@pytest.fixture
def loop(folder: Path) -> Iterator[Loop]:
    """Open its ledger beside whoever else has it open."""
    made = open_loop(load_settings(folder, environ={"USER": "ann"}))
    yield made
    made.ledger.close()


def say(folder: Path, *words: str) -> Any:
    """Run a command and give its result."""
    done = run(*words, "--json", cwd=folder, env=variables())
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["result"]


def alert(loop: Loop) -> Alert:
    """Open an alert, as a monitor does."""
    with loop.ledger.write("flights", Actor("trigger", "watcher", verified=True)) as tx:
        made = tx.alerts.open(
            Alert(loop.ids.new(), "flights", "service/nap@prod", "features", "drift", "high", "temp moved", 0, tx.now)
        )
        tx.say(
            "alert.opened", made.id, service=made.service, monitor=made.monitor, severity="high", summary=made.summary,
            silenced=False,
        )  # fmt: skip
    return made


def fired(loop: Loop, *states: str, seconds: float = 40) -> Firing:
    """Wait until the only firing there is stands like that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with loop.ledger.read() as tx:
            found = tx.firings.list("flights")
        if found and found[0].state in states:
            assert len(found) == 1
            return found[0]
        time.sleep(0.05)
    raise AssertionError(states)


def known(loop: Loop, seconds: float = 20) -> None:
    """Wait until the ticker has seen the triggers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with loop.ledger.read() as tx:
            if tx.firings.marks("flights"):
                return
        time.sleep(0.05)
    raise AssertionError


def test_an_alert_is_followed_once_by_a_run_and_a_proposal_though_the_server_is_killed(
    folder: Path, loop: Loop
) -> None:
    """The server dies with the run under way: the next one proposes once what it made, and people get one e-mail of the alert."""
    with mailbox() as box, worker(folder):
        mail: dict[str, Any] = {
            "LOOPLINE_SMTP_HOST": "127.0.0.1", "LOOPLINE_SMTP_PORT": str(box.port), "LOOPLINE_SMTP_SECURITY": "none",
            "LOOPLINE_SMTP_FROM": FROM,
        }  # fmt: skip
        say(folder, "subscribe", "mailto:ops@example.org", "--kind", "alert.*")
        server = Up(folder, "--no-worker", **mail)
        try:
            known(loop)
            seen = alert(loop)
            one = fired(loop, "running")
            box.wait(lambda: len(box.letters) == 1, 20)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(10)
        finally:
            server.end()
        with loop.ledger.telemetry() as tables:  # else it takes 15 s, as after any crash
            tables.rows.do("UPDATE leases SET until = 0 WHERE name = 'ticker'")
        server = Up(folder, "--no-worker", **mail)
        try:
            after = fired(loop, "done")
        finally:
            server.end()
    assert (after.id, after.cause) == (one.id, f"alert:{seen.id}")
    with loop.ledger.read() as tx:
        change = tx.changes.get(after.change)
        task = tx.tasks.get(one.task)
        changes = [each for each in tx.changes.list("flights", limit=100) if each.author == "trigger:retrain"]
        fires = [each for each in tx.feed.iter("flights") if each.kind == "trigger.fired"]
        assert tx.feed.verify("flights") is None
    assert (str(change.state), change.moves[0].new, [each.id for each in changes]) == ("proposed", 2, [change.id])
    assert (len(fires), str(task.state), task.actor) == (1, "done", "trigger:retrain")
    why = json.dumps(say(folder, "why", change.id))
    assert all(word in why for word in ('"trigger"', "retrain", seen.id, "temp moved", after.run))
    assert box.subjects() == ["[flights] high: service/nap@prod/features: temp moved"]
    assert "/p/flights/feed" in box.texts()[0]


def test_cron_does_the_same_without_a_server(folder: Path, loop: Loop) -> None:
    """`loopline tick --work` looks, runs and proposes; a rehearsal tells what would be fired; and then it is quiet."""
    assert say(folder, "tick") == []
    assert [one["fired_at"] for one in say(folder, "triggers")] == [None]
    alert(loop)
    assert [one["trigger"] for one in say(folder, "tick", "--dry-run")] == ["retrain"]
    (one,) = say(folder, "tick", "--work")
    assert (one["trigger"], one["state"]) == ("retrain", "done")
    assert one["change"]
    assert say(folder, "tick", "--work") == []
    (armed,) = say(folder, "triggers")
    assert (armed["last"]["id"], armed["looking"]) == (one["id"], False)
