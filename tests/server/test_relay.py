"""The relay against real receivers over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopline.loop import Loop
from loopline.nouns.event import Event, hash_of
from loopline.nouns.subscription import Delivery, Subscription
from loopline.server.hosts import LOOPBACK, Hosts
from loopline.server.relay import Pace, Relay
from loopline.store.system import SystemClock
from loopline.testing.loop import loop as memory_loop
from loopline.verbs import load

from .receiving import Letter, Receiver, Reply, receiving, running, verified

SECRET = "whsec_" + "c2VjcmV0" * 6
QUICK = Pace(threads=4, poll=0.05, timeout=0.5, tries=4, first=0.02, longest=0.1, lease=5.0, grace=0.2)
TICK = 0.05


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Give a loop in memory with a real clock, whose server knows the secret."""
    monkeypatch.setenv("HOOK", SECRET)
    return memory_loop(clock=SystemClock())


def relaying(
    loop: Loop, *, pace: Pace = QUICK, allowed: tuple[str, ...] = LOOPBACK, secrets: str = ""
) -> AbstractContextManager[Relay]:
    """Run a relay."""
    return running(Relay(loop, Hosts(allowed), pace=pace, secrets=secrets))


def do(loop: Loop, verb: str, *args: Any, **asked: Any) -> Any:
    """Call a verb."""
    return load(verb)(loop, *args, **asked)


def subscribe(loop: Loop, receiver: Receiver, **asked: Any) -> Subscription:
    """Have a receiver told."""
    one: Subscription = do(loop, "subscribe", receiver.url, **{"name": "hook", "secret": "env:HOOK", **asked})
    return one


def starts(loop: Loop, count: int) -> list[int]:
    """Start runs, one event each; give the events' numbers."""
    for index in range(count):
        do(loop, "start", f"run{index}")
    with loop.ledger.read() as tx:
        head = tx.feed.head(loop.project).seq
    return list(range(head - count + 1, head + 1))


def here(loop: Loop, name: str = "hook") -> Subscription:
    """Read how a subscription stands."""
    found: tuple[Subscription, ...] = do(loop, "find", "subscriptions")
    return next(one for one in found if one.name == name)


def tries(loop: Loop) -> list[tuple[int, int, str]]:
    """Read what was tried, oldest first: number of the event, status, state."""
    found: tuple[Delivery, ...] = do(loop, "find", "deliveries", limit=1000)
    return [(one.seq, one.status, one.state) for one in reversed(found)]


def script(*replies: Reply) -> Callable[[Letter], Reply]:
    """Answer as written, then with 204."""
    left = list(replies)
    return lambda _: left.pop(0) if left else 204


def test_events_come_signed_and_in_order(loop: Loop) -> None:
    """Each request carries a signature by the specification, an id of its own, and the whole event."""
    with receiving() as receiver, relaying(loop):
        subscribe(loop, receiver)
        wanted = starts(loop, 5)
        receiver.wait(lambda: receiver.seqs() == wanted)
        assert all(verified(letter, SECRET) for letter in receiver.letters)
        assert len({letter.headers["webhook-id"] for letter in receiver.letters}) == 5
        assert not any("." in letter.headers["webhook-id"] for letter in receiver.letters)
        body = json.loads(receiver.letters[0].body)
        assert (body["type"], body["data"]["payload"]["name"]) == ("run.started", "run0")
        assert receiver.letters[0].headers["Content-Type"] == "application/json"
        receiver.wait(lambda: here(loop).lag == 0)
    assert [state for _, _, state in tries(loop)] == ["delivered"] * 5


def test_a_receiver_can_check_the_chain(loop: Loop) -> None:
    """What a webhook says is enough to compute the event's hash, so that a gap or a forgery is noticed."""
    with receiving() as receiver, relaying(loop):
        subscribe(loop, receiver, since=1)
        starts(loop, 2)
        receiver.wait(lambda: len(receiver.letters) == 3)
    previous = None
    for letter in receiver.letters:
        said = json.loads(letter.body)
        data = said["data"]
        with loop.ledger.read() as tx:
            (event,) = tx.feed.list(loop.project, after=data["seq"] - 1, limit=1)
        told: Event = replace(
            event, actor=data["actor"], kind=said["type"], subject=data["subject"], payload_digest=data["payload_digest"],
            previous=data["previous"],
        )  # fmt: skip
        assert hash_of(told) == data["hash"]
        assert previous in (None, data["previous"])
        previous = data["hash"]


def test_only_the_kinds_that_were_asked_for(loop: Loop) -> None:
    """Events that no glob names are passed over, and the position moves on behind them."""
    with receiving() as receiver, relaying(loop):
        subscribe(loop, receiver, kinds=("run.fin*",))
        run = do(loop, "start", "train")
        starts(loop, 300)
        do(loop, "finish", run.id)
        receiver.wait(lambda: here(loop).lag == 0)
    assert [json.loads(letter.body)["type"] for letter in receiver.letters] == ["run.finished"]


def test_a_replay_begins_where_somebody_says(loop: Loop) -> None:
    """Old events are sent to a new subscription that asks for them."""
    wanted = starts(loop, 3)
    with receiving() as receiver, relaying(loop):
        subscribe(loop, receiver, since=2)
        receiver.wait(lambda: receiver.seqs() == [*wanted[1:], 4])


@pytest.mark.parametrize("bad", [500, 404, 429, 301, "cut", "hang", "drip"])
def test_what_fails_is_tried_again_before_the_next(loop: Loop, bad: Reply) -> None:
    """Until an event arrives no later one is sent; a repetition has the same id and the same body."""
    with receiving(script(bad, bad)) as receiver, relaying(loop, pace=replace(QUICK, timeout=0.3)):
        subscribe(loop, receiver)
        first, second = starts(loop, 2)
        receiver.wait(lambda: receiver.seqs() == [first, first, first, second])
        receiver.wait(lambda: here(loop).lag == 0)
    assert len({letter.headers["webhook-id"] for letter in receiver.letters[:3]}) == 1
    assert len({letter.body for letter in receiver.letters[:3]}) == 1
    assert all(verified(letter, SECRET) for letter in receiver.letters)
    status = bad if isinstance(bad, int) else 0
    assert tries(loop) == [
        (first, status, "failed"), (first, status, "failed"), (first, 204, "delivered"), (second, 204, "delivered"),
    ]  # fmt: skip


def test_a_redirect_is_not_followed(loop: Loop) -> None:
    """Where a receiver points elsewhere, nobody calls there."""
    with receiving() as elsewhere, receiving() as receiver, relaying(loop):
        receiver.answer = script((307, {"Location": elsewhere.url}))
        subscribe(loop, receiver)
        starts(loop, 1)
        receiver.wait(lambda: len(receiver.letters) == 2)
        assert elsewhere.letters == []


def test_a_receiver_says_how_long_to_wait(loop: Loop) -> None:
    """Retry-After, in seconds or as a date, is kept to when it is longer than the back-off."""
    with receiving(script((429, {"Retry-After": "1"}))) as receiver, relaying(loop):
        subscribe(loop, receiver)
        starts(loop, 1)
        receiver.wait(lambda: len(receiver.letters) == 2)
    assert receiver.letters[1].at - receiver.letters[0].at >= 1.0


def test_an_event_that_never_arrives_does_not_hold_up_the_others(loop: Loop) -> None:
    """After some tries it is dead, the next goes on; asked for again it comes, out of order."""
    poison = threading.Event()
    with receiving() as receiver, relaying(loop):
        subscribe(loop, receiver)
        one, two, three = starts(loop, 3)
        receiver.answer = lambda letter: 500 if letter.seq == two and not poison.is_set() else 200
        receiver.wait(lambda: three in receiver.seqs() and here(loop).lag == 0)
        assert receiver.seqs().count(two) == QUICK.tries
        assert (here(loop).dead, here(loop).failures) == (1, 0)
        before = len(receiver.letters)
        do(loop, "redeliver", "hook", two)
        receiver.wait(lambda: len(receiver.letters) >= before + 2)
        receiver.wait(lambda: here(loop).lag == 0)
        assert here(loop).dead == 1
        poison.set()
        do(loop, "redeliver", "hook")
        receiver.wait(lambda: here(loop).dead == 0)
        assert receiver.letters[-2].seq == two or receiver.letters[-1].seq == two
    assert [state for seq, _, state in tries(loop) if seq == two][-1] == "redelivered"
    assert [seq for seq in receiver.seqs() if seq in {one, three}] == [one, three]


def test_gone_pauses_until_somebody_resumes(loop: Loop) -> None:
    """410 ends the telling at once; nothing is lost, the feed says so, and redeliver goes on where it was."""
    with receiving(script(410)) as receiver, relaying(loop):
        subscribe(loop, receiver)
        first, second = starts(loop, 2)
        receiver.wait(lambda: here(loop).paused_at is not None)
        time.sleep(4 * TICK)
        assert receiver.seqs() == [first]
        assert "410" in here(loop).error
        with loop.ledger.read() as tx:
            assert tx.feed.list(loop.project, after=second)[0].kind == "subscription.paused"
        do(loop, "redeliver", "hook")
        receiver.wait(lambda: receiver.seqs()[1:3] == [first, second])


@pytest.mark.parametrize(
    ("asked", "allowed", "secret"),
    [
        ({}, (), SECRET),
        ({}, ("*.example.org",), SECRET),
        ({}, LOOPBACK, ""),
        ({}, LOOPBACK, "too short"),
        ({"secret": "file:/nonexistent/secret"}, LOOPBACK, SECRET),
    ],
)
def test_what_may_not_be_sent_is_not_sent(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], allowed: tuple[str, ...], secret: str
) -> None:
    """A host that is not allowed, or a secret that is missing or weak, pauses the subscription and says why."""
    monkeypatch.setenv("HOOK", secret)
    with receiving() as receiver, relaying(loop, allowed=allowed):
        subscribe(loop, receiver, **asked)
        starts(loop, 1)
        receiver.wait(lambda: here(loop).paused_at is not None)
        assert receiver.letters == []
        assert here(loop).error
        assert here(loop).lag > 0
        assert "too short" not in here(loop).error


def test_the_slow_do_not_hold_up_the_quick(loop: Loop) -> None:
    """While more receivers hang than half of the threads, one that answers hears of everything soon."""
    with receiving() as quick, receiving(lambda _: "hang") as slow, relaying(loop, pace=replace(QUICK, timeout=6)):
        subscribe(loop, quick, name="quick")
        starts(loop, 1)
        quick.wait(lambda: len(quick.letters) == 1)
        for index in range(6):
            subscribe(loop, slow, name=f"slow{index}")
        starts(loop, 1)
        slow.wait(lambda: len(slow.letters) >= 2)
        began = time.monotonic()
        wanted = starts(loop, 20)[-1]
        quick.wait(lambda: wanted in quick.seqs())
        assert time.monotonic() - began < 5


def test_stopping_is_soon_and_starting_goes_on(loop: Loop) -> None:
    """A relay that is stopped in the middle of a request cuts it, blames nobody, and the next one begins with that event."""
    with receiving(script("hang")) as receiver:
        with relaying(loop, pace=replace(QUICK, timeout=60)):
            subscribe(loop, receiver)
            first, second = starts(loop, 2)
            receiver.wait(lambda: len(receiver.letters) == 1)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        assert (here(loop).failures, here(loop).position) == (0, first - 1)
        with relaying(loop):
            receiver.wait(lambda: receiver.seqs() == [first, first, second])


def test_a_name_is_looked_up_and_checked_for_each_connection(loop: Loop) -> None:
    """A name that is public at one moment and private at the next leads nowhere."""
    asked: list[str] = []

    def resolve(host: str, port: int, **kwargs: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    with receiving() as receiver:
        relay, stop = Relay(loop, Hosts(("rebound.example",), resolve), pace=QUICK), threading.Event()
        port = receiver.url.rsplit(":", 1)[1]
        do(loop, "subscribe", f"http://rebound.example:{port}", name="hook", secret="env:HOOK")
        starts(loop, 1)
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        receiver.wait(lambda: here(loop).paused_at is not None)
        stop.set()
        thread.join()
        assert receiver.letters == []
    assert asked == ["rebound.example"]


def test_an_unsubscribed_one_hears_nothing_more(loop: Loop) -> None:
    """After the end of a subscription no event is sent, though it was behind."""
    with receiving(lambda _: 500) as receiver, relaying(loop):
        subscribe(loop, receiver)
        starts(loop, 3)
        receiver.wait(lambda: len(receiver.letters) >= 2)
        do(loop, "unsubscribe", "hook")
        time.sleep(2 * TICK)
        count = len(receiver.letters)
        time.sleep(6 * TICK)
        assert len(receiver.letters) == count


def test_every_project_has_its_own_subscriptions(loop: Loop) -> None:
    """One relay serves all projects, and tells none of them anything of another."""
    other = replace(loop, project="secret")
    with receiving() as ours, receiving() as theirs, relaying(loop):
        subscribe(loop, ours)
        subscribe(other, theirs)
        starts(loop, 2)
        starts(other, 3)
        ours.wait(lambda: len(ours.letters) == 2 and len(theirs.letters) == 3)
        time.sleep(2 * TICK)
    assert {json.loads(letter.body)["data"]["project"] for letter in ours.letters} == {"flights"}
    assert {json.loads(letter.body)["data"]["project"] for letter in theirs.letters} == {"secret"}


def test_a_secret_in_a_file_is_read_anew(loop: Loop, tmp_path: Path) -> None:
    """A secret that is exchanged in its file holds from the next turn on, without a restart."""
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    other = "whsec_" + "b3RoZXIx" * 6
    with receiving() as receiver, relaying(loop, secrets=str(tmp_path)):
        subscribe(loop, receiver, secret=f"file:{path}")
        starts(loop, 1)
        receiver.wait(lambda: here(loop).lag == 0)
        path.write_text(other)
        for number in range(2, 8):  # the turn that is under way may go on with what it has read
            starts(loop, 1)
            receiver.wait(lambda: here(loop).lag == 0)
            assert len(receiver.letters) == number
            if verified(receiver.letters[-1], other):
                break
    assert verified(receiver.letters[0], SECRET)
    assert verified(receiver.letters[-1], other)
    assert not verified(receiver.letters[-1], SECRET)


def test_waiting_doubles_and_is_never_the_same() -> None:
    """Back-off grows to its limit, chance takes up to half of it, and no receiver makes us wait for more than a day."""
    pace = Pace(first=1, longest=60)
    assert [pace.wait(n, None, 0) for n in (1, 2, 3, 4, 100)] == [1, 2, 4, 8, 60]
    assert pace.wait(3, None, 1) == 2
    assert pace.wait(1, 30, 0.5) == 30
    assert pace.wait(1, 1e12, 0.5) == 24 * 3600


def test_lineage_is_sent_as_another_server_takes_it(loop: Loop) -> None:
    """A subscription of the format openlineage sends one event a request, without a signature where no secret is named."""
    with receiving() as receiver, relaying(loop):
        do(loop, "subscribe", receiver.url, name="hook", format="openlineage")
        run = do(loop, "start", "train")
        do(loop, "grant", "ann", "team/x")
        do(loop, "finish", run.id)
        receiver.wait(lambda: here(loop).lag == 0)
    events = [json.loads(letter.body) for letter in receiver.letters]
    assert [one["eventType"] for one in events] == ["START", "COMPLETE"]
    assert not any("webhook-signature" in letter.headers for letter in receiver.letters)
    assert len({letter.headers["webhook-id"] for letter in receiver.letters}) == 2


def test_an_event_that_cannot_be_written_does_not_stop_the_others(loop: Loop) -> None:
    """What has no form in the format is tried, given up and kept as dead; the next one goes out."""
    with receiving() as receiver, relaying(loop):
        do(loop, "subscribe", receiver.url, name="hook", format="openlineage")
        with loop.ledger.write(loop.project, loop.actor) as tx:
            tx.say("change.applied", "0" * 32, moves=[{"ref": "no/such kind@x", "new": None}])
        do(loop, "start", "train")
        receiver.wait(lambda: len(receiver.letters) == 1)
        assert here(loop).dead == 1
        assert [state for _, _, state in tries(loop)][:4] == ["failed", "failed", "failed", "dead"]
