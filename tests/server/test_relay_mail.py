"""The relay and a real mail server: in order, at least once, one e-mail where many events come, dead ones that come back."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from loopline.loop import Loop
from loopline.nouns.subscription import Delivery, Subscription
from loopline.server.hosts import LOOPBACK, Hosts
from loopline.server.mailing import Post
from loopline.server.relay import Pace, Relay
from loopline.settings.server import Smtp
from loopline.store.system import SystemClock
from loopline.testing.loop import loop as memory_loop
from loopline.verbs import load

from .mailbox import FROM, Mailbox, mailbox, naughty
from .receiving import running

QUICK = Pace(
    threads=2, poll=0.05, timeout=0.5, mail=0.5, tries=3, first=0.02, longest=0.1, lease=5.0, grace=0.2, gather=0.0
)


@pytest.fixture
def loop() -> Loop:
    """Give a loop in memory with a real clock."""
    return memory_loop(clock=SystemClock())


def relaying(loop: Loop, port: int, *, pace: Pace = QUICK, **smtp: Any) -> AbstractContextManager[Relay]:
    """Run a relay."""
    post = Post(replace(Smtp("127.0.0.1", port, "none", sender=FROM), **smtp))
    return running(Relay(loop, Hosts(LOOPBACK), pace=pace, post=post))


def do(loop: Loop, verb: str, *args: Any, **asked: Any) -> Any:
    """Call a verb."""
    return load(verb)(loop, *args, **asked)


def subscribe(loop: Loop, **asked: Any) -> Subscription:
    """Have somebody told of runs that start."""
    one: Subscription = do(loop, "subscribe", "mailto:ops@example.org", **{"kinds": ("run.started",), **asked})
    return one


def here(loop: Loop) -> Subscription:
    """Read how the subscription stands."""
    (found,) = do(loop, "find", "subscriptions")
    assert isinstance(found, Subscription)
    return found


def tries(loop: Loop) -> list[tuple[int, int, str]]:
    """Read what was tried, oldest first: number of the event, status, state."""
    found: tuple[Delivery, ...] = do(loop, "find", "deliveries", limit=1000)
    return [(one.seq, one.status, one.state) for one in reversed(found)]


def start(loop: Loop, box: Mailbox, name: str) -> None:
    """Start a run, and wait until everything was told."""
    do(loop, "start", name)
    box.wait(lambda: here(loop).lag == 0)


def test_events_come_in_order_to_whom_it_concerns(loop: Loop) -> None:
    """One e-mail an event where they come one by one, and none for kinds that nobody asked for."""
    with mailbox() as box, relaying(loop, box.port):
        assert subscribe(loop).name == "ops-at-example.org"
        for name in ("one", "two", "three"):
            start(loop, box, name)
            do(loop, "silence", f"service/{name}", why="of no interest here")
    assert box.subjects() == [f"[flights] person:ann started run {name}" for name in ("one", "two", "three")]
    assert [(status, state) for _, status, state in tries(loop)] == [(250, "delivered")] * 3
    assert {tuple(to) for _, to, _ in box.envelopes} == {("ops@example.org",)}


def test_a_storm_is_one_email(loop: Loop) -> None:
    """What is there at once is told at once; what comes soon after an e-mail waits a little, and is told in one."""
    with mailbox() as box:
        subscribe(loop)
        for number in range(300):
            do(loop, "start", f"run{number}")
        with relaying(loop, box.port, pace=replace(QUICK, gather=1.0)):
            box.wait(lambda: len(box.letters) == 1)
            began = time.monotonic()
            for number in range(20):
                do(loop, "start", f"more{number}")
            box.wait(lambda: len(box.letters) == 2)
            assert time.monotonic() - began > 0.7
            box.wait(lambda: here(loop).lag == 0)
    assert box.subjects() == ["[flights] 300 events: 300 × run.started", "[flights] 20 events: 20 × run.started"]
    assert here(loop).failures == 0


def test_what_is_refused_is_tried_again_and_dead_ones_come_back(loop: Loop) -> None:
    """Nothing is told before what was first; after the last try each event is dead, and is sent when somebody asks."""
    with mailbox() as box, relaying(loop, box.port):
        subscribe(loop)
        box.refusals = ["451 later"]
        start(loop, box, "one")
        assert [(status, state) for _, status, state in tries(loop)] == [(451, "failed"), (250, "delivered")]
        box.recipient = "550 no such user"
        do(loop, "start", "two")
        do(loop, "start", "three")
        box.wait(lambda: here(loop).dead >= 2)
        assert box.subjects() == ["[flights] person:ann started run one"]
        box.recipient = ""
        do(loop, "redeliver", here(loop).name)
        box.wait(lambda: len(box.letters) == 3)
        box.wait(lambda: here(loop).dead == 0)
    assert box.subjects()[1:] == ["[flights] person:ann started run two", "[flights] person:ann started run three"]


@pytest.mark.parametrize(("refusals", "told"), [(1, ["one", "two"]), (2, ["two"])])
def test_a_further_try_tells_the_same_events(loop: Loop, refusals: int, told: list[str]) -> None:
    """What comes between two tries waits for the next e-mail, and is not given up with those that had all their tries."""
    with mailbox() as box, relaying(loop, box.port, pace=replace(QUICK, tries=2, first=0.4, longest=0.4)):
        subscribe(loop)
        box.refusals = ["451 later"] * refusals
        do(loop, "start", "one")
        box.wait(lambda: here(loop).failures == 1)
        do(loop, "start", "two")
        box.wait(lambda: here(loop).lag == 0)
    assert box.subjects() == [f"[flights] person:ann started run {name}" for name in told]
    assert here(loop).dead == 2 - len(told)


def test_a_mail_server_that_hangs_holds_nobody_up(loop: Loop) -> None:
    """It is left after a while, and the relay stops at once when told."""
    with naughty(drip=0.05) as port, relaying(loop, port):
        subscribe(loop)
        do(loop, "start", "one")
        end = time.monotonic() + 10
        while here(loop).failures < 1 and here(loop).dead < 1:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert here(loop).error == "no answer within 0.5 s"


@pytest.mark.parametrize(
    ("smtp", "why"),
    [({"host": ""}, "sends no e-mails"), ({"sender": "loopline@other.example"}, "not among those")],
)
def test_what_no_try_mends_pauses_and_says_why(loop: Loop, smtp: dict[str, Any], why: str) -> None:
    """Nothing is lost: who resumes it when the settings are mended is told everything."""
    with mailbox() as box:
        subscribe(loop)
        with relaying(loop, box.port, **smtp):
            do(loop, "start", "one")
            box.wait(lambda: here(loop).paused_at is not None)
            assert why in here(loop).error
        do(loop, "redeliver", here(loop).name)
        with relaying(loop, box.port):
            box.wait(lambda: len(box.letters) == 1)


def test_an_address_that_no_header_can_hold_fails_like_any_other(loop: Loop) -> None:
    """What was subscribed before such addresses were refused is given up after its tries, and says why."""
    one = replace(subscribe(loop), id=loop.ids.new(), name="old", url="mailto:a@example..org")
    with loop.ledger.telemetry() as tx:
        tx.subscriptions.remove(here(loop))
        tx.subscriptions.add(one)
    do(loop, "start", "one")
    with mailbox() as box, relaying(loop, box.port, recipients=("*",)):
        box.wait(lambda: here(loop).dead == 1)
    assert here(loop).error == "these events cannot be written as mail: HeaderParseError"


def test_a_silenced_alert_sends_no_email(loop: Loop) -> None:
    """It is passed over, like every event that nobody is to be notified of."""
    with mailbox() as box, relaying(loop, box.port):
        subscribe(loop, kinds=("alert.*", "run.started"))
        with loop.ledger.write("flights", loop.actor) as tx:
            tx.say("alert.opened", "0" * 32, silenced=True)
        start(loop, box, "one")
    assert box.subjects() == ["[flights] person:ann started run one"]
