from __future__ import annotations

import asyncio
import resource
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Unavailable
from loopline.faces.native import feed
from loopline.faces.native.door import Welcome
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.token import Scope

from .live import Listener, listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Face

pytestmark = pytest.mark.slow


def start(face: Face, name: str = "x", project: str = "flights") -> None:
    """Let something happen, past this process's app: the listeners must find it by looking."""
    from loopline.verbs.start import start as begin

    begin(replace(face.loop, project=project), name)


def test_events_come_as_they_happen(face: Face) -> None:
    """A listener hears each event of its project once, in order, with its number, and nothing of other projects."""
    start(face, "before")
    with listening(face) as port:
        listener = Listener(port, "/feed/events?project=flights")
        head = listener.head()
        assert "text/event-stream" in head
        assert "no-store" in head
        time.sleep(0.3)
        for name in ("a", "b"):
            start(face, "other", "secret")
            start(face, name)
        got = listener.messages(2)
        assert [(one["event"], one["id"], one["data"]["payload"]["name"]) for one in got] == [
            ("run.started", "2", "a"), ("run.started", "3", "b"),
        ]  # fmt: skip
        assert got[0]["data"]["hash"].startswith("sha256:")
        listener.close()


def test_who_comes_back_goes_on_where_it_was(face: Face) -> None:
    """Last-Event-ID (or `after`) gives what was missed, however much, then what happens: no gap and no double."""
    for number in range(450):
        start(face, str(number))
    with listening(face) as port:
        for listener in (
            Listener(port, "/feed/events", Last_Event_ID="3"),
            Listener(port, "/feed/events?after=3"),
            Listener(port, "/feed/events?after=9", Last_Event_ID="3"),
        ):
            missed = listener.messages(447)
            assert [int(one["id"]) for one in missed] == list(range(4, 451))
            start(face, "now")
            assert listener.messages(1)[0]["data"]["payload"]["name"] == "now"
            listener.close()
            with face.loop.ledger.telemetry() as tx:
                tx.rows.do("DELETE FROM events WHERE seq > 450")
                tx.rows.do("UPDATE heads SET seq = 450")
            time.sleep(0.6)
    assert face.get("/feed/events?after=x").json()["kind"] == "bad-value"
    assert face.get("/feed/events", headers={"Last-Event-ID": "-1"}).json()["kind"] == "bad-value"


def test_a_write_of_this_server_is_heard_at_once(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens need not wait for the next look when this process has written."""
    from loopline.faces.native import feed

    monkeypatch.setattr(feed, "LOOK_S", 30.0)
    with listening(face) as port:
        listener = Listener(port, "/feed/events")
        listener.head()
        time.sleep(0.5)
        began = time.monotonic()
        face.result("start", {"name": "x"})
        assert listener.messages(1)[0]["event"] == "run.started"
        assert time.monotonic() - began < 5
        listener.close()


def test_a_thousand_that_do_not_read_harm_nobody(face: Face) -> None:
    """1,000 listeners that never read cost little, and one that reads still hears everything; looking ends with the last."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        with listening(face) as port:
            deaf = [Listener(port, "/feed/events") for _ in range(1000)]
            reader = Listener(port, "/feed/events")
            reader.head()
            while (tail := getattr(face.app.state, "tails", {}).get("flights")) is None or tail.readers < 1001:
                time.sleep(0.05)
            before, began = time.process_time(), time.monotonic()
            time.sleep(2)
            idle = (time.process_time() - before) / (time.monotonic() - began)
            assert idle < 0.25, f"{idle:.2f} of a processor for readers that hear nothing"
            for number in range(200):
                start(face, str(number))
            assert [int(one["id"]) for one in reader.messages(200, seconds=30)] == list(range(1, 201))
            assert face.get("/find?limit=1").status_code == 200
            for one in (*deaf, reader):
                one.close()
            for _ in range(200):
                if not tail.readers:
                    break
                time.sleep(0.05)
            assert tail.readers == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_token_that_is_revoked_ends_its_streams(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listening ends soon after the token does; who still may goes on."""
    from loopline.faces.native import feed
    from loopline.verbs.grant import grant
    from loopline.verbs.issue import issue
    from loopline.verbs.revoke import revoke

    monkeypatch.setattr(Welcome, "FRESH_S", 0.2)
    monkeypatch.setattr(feed, "RECHECK_S", 0.2)
    grant(face.loop, "ci", "role/viewer")
    issued = [issue(face.loop, name, actor=Actor("person", "ci")) for name in ("one", "two")]
    roles = {"flights": "viewer"}
    callers = [Caller(Actor("person", "ci", verified=True), roles, (Scope(),), one.token.id) for one in issued]  # type: ignore[arg-type]
    with listening(face) as port:
        listeners = []
        for caller in callers:
            face.caller = caller
            listeners.append(Listener(port, "/feed/events"))
            listeners[-1].head()
        time.sleep(0.5)
        revoke(face.loop, issued[0].token.id)
        assert listeners[0].ended(seconds=5)
        assert not listeners[1].ended(seconds=1)
        grant(face.loop, "ci", "role/viewer", revoke=True)
        assert listeners[1].ended(seconds=5)
        for listener in listeners:
            listener.close()


def test_who_may_not_read_does_not_listen(face: Face) -> None:
    """Another project's feed is refused, and so is any to who is kept to some assets."""
    face.caller = Caller(Actor("person", "eve", verified=True), {"secret": "viewer"})
    assert face.get("/feed/events?project=flights").status_code == 403
    face.caller = Caller(Actor("person", "eve", verified=True), {"*": "viewer"}, (Scope(assets="model/*"),))
    assert face.get("/feed/events?project=flights").status_code == 403


def test_who_is_cut_off_while_joining_is_no_reader(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that ends before its first look has come back, or whose look fails, leaves nobody behind for whom others look."""

    async def joining(ends: Callable[[asyncio.Future[Any]], object]) -> int:
        tail = feed.Tail(face.desk, "flights")
        monkeypatch.setattr(feed, "_tail", lambda *_: tail)
        look = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(tail, "_look", lambda: look)
        request: Any = SimpleNamespace(app=face.app, scope={"loopline.caller": face.caller})
        stream = feed._told(request, "flights", None)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        assert tail.readers == 1
        ends(look)
        with pytest.raises((asyncio.CancelledError, Unavailable)):
            await first
        return tail.readers

    assert asyncio.run(joining(lambda look: look.cancel())) == 0
    assert asyncio.run(joining(lambda look: look.set_exception(Unavailable("away", kind="ledger-unreachable")))) == 0
