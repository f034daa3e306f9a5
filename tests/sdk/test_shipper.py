"""A thread ships while the run goes on, and nothing that fails in it reaches the program."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Unavailable
from loopline.nouns.run import RunState
from loopline.sdk import shipper as module
from loopline.sdk.client import Local
from loopline.sdk.journal import Journal
from loopline.sdk.shipper import Shipper
from loopline.testing.loop import loop as new_loop


@pytest.fixture
def local() -> Iterator[Local]:
    """A client of an empty loop in memory."""
    made = Local(new_loop())
    yield made
    made.close()


@pytest.fixture
def journal(tmp_path: Path, local: Local) -> Journal:
    """A journal of a run."""
    head = {"run": local.loop.ids.new(), "name": "train", "project": "flights", "actor": "person:ann"}
    return Journal(tmp_path, head, local.loop.clock.now)


def last(local: Local, journal: Journal) -> Any:
    with local.loop.ledger.read() as tx:
        found = tx.runs.find(journal._start["run"])
    return found.metrics.get("loss") if found else None


def wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)


def test_it_ships_in_the_background(local: Local, journal: Journal) -> None:
    """Points are in the ledger soon after they were logged, without a word from the program."""
    shipper = Shipper(journal, lambda: local, pause=0.01)
    journal.append("points", [["loss", 1.0, 1]])
    wait_for(lambda: last(local, journal) == 1.0)
    journal.append("points", [["loss", 2.0, 2]])
    wait_for(lambda: last(local, journal) == 2.0)
    assert shipper.finish()
    assert list(journal.folder.iterdir()) == []


def test_an_idle_run_writes_nothing(local: Local, journal: Journal) -> None:
    """While nothing is logged, neither journal nor ledger grows."""
    first = journal.path.stat().st_size
    shipper = Shipper(journal, lambda: local, pause=0.01)  # ships, notes that, and passes its own note over
    wait_for(lambda: shipper.shipment and first < journal.path.stat().st_size == shipper.shipment.end)
    with local.loop.ledger.read() as tx:
        before = tx.rows.one("SELECT count(*) FROM events")
    size = journal.path.stat().st_size
    time.sleep(0.2)
    with local.loop.ledger.read() as tx:
        assert tx.rows.one("SELECT count(*) FROM events") == before
    assert journal.path.stat().st_size == size
    shipper.finish()


def test_it_backs_off_and_comes_back(local: Local, journal: Journal, said: Callable[[], list[str]]) -> None:
    """A ledger that fails is asked less and less often, told once, and gets everything when it answers."""
    asked: list[float] = []

    def connect() -> Local:
        asked.append(time.monotonic())
        if len(asked) < 5:
            raise Unavailable("gone", kind="gone")
        return local

    shipper = Shipper(journal, connect, pause=0.02)
    journal.append("points", [["loss", 1.0, 1]])
    wait_for(lambda: last(local, journal) == 1.0)
    waits = [b - a for a, b in pairwise(asked)]
    assert waits[3] > 2 * waits[0]
    assert len(said()) == 1
    assert shipper.finish()


@pytest.mark.parametrize("error", [Unavailable("gone", kind="gone"), RuntimeError("bug"), OSError(28, "No space left")])
def test_finish_gives_up_in_time(
    local: Local, journal: Journal, error: Exception, said: Callable[[], list[str]]
) -> None:
    """With a ledger that never answers, finish returns soon and leaves the journal."""

    def connect() -> Local:
        raise error

    shipper = Shipper(journal, connect)
    began = time.monotonic()
    assert not shipper.finish()
    assert time.monotonic() - began < 5
    assert journal.path.exists()


def test_a_capture_that_fails(local: Local, journal: Journal, said: Callable[[], list[str]]) -> None:
    """What is done first in the thread may fail; the run is shipped all the same."""

    def first(_: object, __: object) -> None:
        raise RuntimeError("no git, no disk, no luck")

    shipper = Shipper(journal, lambda: local, first=first, pause=0.01)
    journal.append("finish", {"state": "finished", "error": None})
    assert shipper.finish()
    with local.loop.ledger.read() as tx:
        assert tx.runs.get(journal._start["run"]).state is RunState.FINISHED
    assert len(said()) == 1


def test_finish_waits_for_a_slow_ledger(local: Local, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that takes its time is waited for."""
    do = local.do

    def slow(*args: Any, **asked: Any) -> Any:
        time.sleep(0.3)
        return do(*args, **asked)

    monkeypatch.setattr(local, "do", slow)
    monkeypatch.setattr(Local, "within", lambda self, *_: self)
    shipper = Shipper(journal, lambda: local)
    journal.append("points", [["loss", 1.0, 1]])
    assert shipper.finish()
    assert last(local, journal) == 1.0
    assert module.PATIENCE_S > 1


def test_what_a_child_adds_after_the_end_waits(local: Local, journal: Journal) -> None:
    """A worker that still logs while its run is finished loses nothing: its records stay for the next process."""
    shipper = Shipper(journal, lambda: local)
    go, gone = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.read(go[0], 1)
        journal.append("points", [["loss", 5.0, 5]])
        os._exit(0)
    del gone
    assert shipper.finish()
    os.write(go[1], b".")
    os.waitpid(child, 0)
    (left,) = journal.folder.iterdir()
    assert b'"loss",5.0' in left.read_bytes()
