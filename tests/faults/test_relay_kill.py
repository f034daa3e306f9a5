"""Relays that die at any moment, and two at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import prepare
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.store.memory import MemoryBlobs
from loopline.store.system import SystemClock, SystemIds
from loopline.verbs import load
from loopline.wiring import open_database
from tests.server.receiving import Receiver, Reply, receiving, verified
from tests.warm import Command

SECRET = "whsec_" + "c2VjcmV0" * 6
RELAY = """
import threading
from pathlib import Path
from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.server.hosts import LOOPBACK, Hosts
from loopline.server.relay import Pace, Relay
from loopline.store.memory import MemoryBlobs
from loopline.store.system import SystemClock, SystemIds
from loopline.wiring import open_database

database, clock = open_database(URL), SystemClock()
ledger = Ledger(database, clock=clock)
loop = Loop("flights", Actor("person", "ann"), ledger, MemoryBlobs(), clock, SystemIds(), Path("."), {}, {})
pace = Pace(threads=4, poll=0.02, timeout=0.4, first=0.02, longest=0.1, lease=LEASE)
print("ready", flush=True)
Relay(loop, Hosts(LOOPBACK), pace=pace).run(threading.Event())
"""


def opened(url: str) -> Loop:
    """A loop on a database with its tables."""
    database, clock = open_database(url), SystemClock()
    prepare(database)
    ledger = Ledger(database, clock=clock)
    return Loop("flights", Actor("person", "ann"), ledger, MemoryBlobs(), clock, SystemIds(), Path(), {}, {})


@contextmanager
def relay(url: str, *, lease: float = 1.0) -> Iterator[Command]:
    """A relay in a process of its own."""
    program = f"URL, LEASE = {url!r}, {lease}\n{RELAY}"
    process = Command("-c", program, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOOK": SECRET})
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def write(loop: Loop, count: int) -> None:
    """Make events."""
    for index in range(count):
        load("start")(loop, f"run{index}")


def write_until(loop: Loop, stop: threading.Event) -> None:
    """Make events until told to stop."""
    while not stop.wait(0.005):
        write(loop, 1)


def in_order(receiver: Receiver) -> list[int]:
    """Numbers as they came in, a repetition right behind its first counted once; they must only ever grow."""
    seqs = [seq for seq, _ in groupby(receiver.seqs())]
    assert seqs == sorted(set(seqs)), seqs
    assert all(verified(letter, SECRET) for letter in receiver.letters)
    assert len({(letter.seq, letter.headers["webhook-id"]) for letter in receiver.letters}) == len(seqs)
    return seqs


def rounds(url: str, count: int, seed: int) -> None:
    """Kill the relay again and again while events are made and the receiver fails now and then."""
    chance, loop = random.Random(seed), opened(url)
    replies = random.Random(seed + 1)
    answers: list[Reply] = [200, 200, 200, 500, "cut"]
    with receiving(lambda _: replies.choice(answers)) as receiver:
        load("subscribe")(loop, receiver.url, name="hook", secret="env:HOOK", since=1)
        stop = threading.Event()
        writer = threading.Thread(target=write_until, args=(loop, stop))
        writer.start()
        for _ in range(count):
            with relay(url, lease=0.9) as process:
                before = len(receiver.letters)
                receiver.wait(lambda before=before: len(receiver.letters) > before)  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.2))
                os.kill(process.pid, signal.SIGKILL)
        stop.set()
        writer.join()
        receiver.answer = lambda _: 200
        with relay(url):
            with loop.ledger.read() as tx:
                head = tx.feed.head("flights").seq
            while not receiver.letters or receiver.letters[-1].seq != head:  # what waits may be much; it has to go on
                before = len(receiver.letters)
                receiver.wait(lambda before=before: len(receiver.letters) > before)  # type: ignore[misc]
        assert in_order(receiver) == list(range(1, head + 1))
    loop.ledger.close()


@pytest.mark.slow
def test_a_killed_relay_loses_nothing(tmp_path: Path) -> None:
    """Five relays are killed with SIGKILL at random moments: every event arrives, in order, repeated at most where it was cut."""
    rounds(f"sqlite:///{tmp_path / 'ledger.db'}", 5, seed=random.randrange(1 << 30))


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_hundred_killed_relays(tmp_path: Path) -> None:
    """The same a hundred times."""
    rounds(f"sqlite:///{tmp_path / 'ledger.db'}", 100, seed=random.randrange(1 << 30))


@pytest.mark.slow
def test_of_two_relays_one_sends(postgres_database: str) -> None:
    """Two servers on one PostgreSQL tell each event once and in order; when one is killed the other goes on."""
    loop = opened(postgres_database)
    with receiving() as receiver, relay(postgres_database) as first, relay(postgres_database):
        load("subscribe")(loop, receiver.url, name="hook", secret="env:HOOK", since=1)
        write(loop, 60)
        receiver.wait(lambda: len(receiver.letters) >= 61)
        time.sleep(0.3)
        assert receiver.seqs() == list(range(1, 62))
        first.kill()
        write(loop, 20)
        receiver.wait(lambda: 81 in receiver.seqs())
        assert in_order(receiver) == list(range(1, 82))
    loop.ledger.close()


@pytest.mark.slow
def test_a_relay_that_slept_past_its_lease_is_fenced(postgres_database: str) -> None:
    """A stopped process that wakes when another has taken over keeps nothing and moves nothing."""
    loop = opened(postgres_database)
    with receiving() as receiver, relay(postgres_database, lease=1.0) as sleeper:
        load("subscribe")(loop, receiver.url, name="hook", secret="env:HOOK", since=1)
        receiver.wait(lambda: len(receiver.letters) == 1)
        asleep = threading.Event()

        def stop_it(_: object) -> int:
            if not asleep.is_set():
                asleep.set()
                os.kill(sleeper.pid, signal.SIGSTOP)
            return 200

        receiver.answer = stop_it
        write(loop, 1)
        receiver.wait(asleep.is_set)
        with relay(postgres_database):
            write(loop, 10)
            receiver.wait(lambda: 12 in receiver.seqs())
            os.kill(sleeper.pid, signal.SIGCONT)
            write(loop, 10)
            receiver.wait(lambda: 22 in receiver.seqs())
            time.sleep(0.5)
            assert in_order(receiver) == list(range(1, 23))
            with loop.ledger.read() as tx:
                assert tx.subscriptions.get("flights", "hook").position == 22
    loop.ledger.close()
