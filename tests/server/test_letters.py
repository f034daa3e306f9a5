"""What people read in an e-mail."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP, default
from typing import Any

import pytest

from loopline.loop import Loop
from loopline.nouns.actor import Actor
from loopline.nouns.alert import Alert
from loopline.nouns.artifact import Artifact
from loopline.nouns.event import Event
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.server.letters import letter
from loopline.server.mailing import Post
from loopline.settings.server import Smtp
from loopline.testing.loop import loop as memory_loop
from loopline.verbs import load

FROM, TO = "loopline@example.org", "ops@example.org"
POST = Post(Smtp("127.0.0.1", sender=FROM), "https://loopline.example.org", "Europe/Berlin")
MODEL = AssetName("flights", "model", "delay")
EVIL = "Look\r\nBcc: eve@example.org\r\n\r\nHello\x00\u2028there"


@pytest.fixture
def loop() -> Loop:
    """Give an empty loop."""
    return memory_loop()


def do(loop: Loop, verb: str, *args: Any, **asked: Any) -> Any:
    """Call a verb."""
    return load(verb)(loop, *args, **asked)


def champion(loop: Loop, why: str = "July data") -> Any:
    """Publish a model and move a ref to it."""
    digest = loop.blobs.put(b"model")
    with loop.ledger.write("flights", loop.actor) as tx:
        tx.versions.publish(MODEL, Artifact(digest, size=5), author="person:ann")
        tx.say("version.published", "model/delay@1")
    return do(loop, "propose", RefName(MODEL, "champion"), to=Numbered(1), why=why)


def alert(loop: Loop, summary: str = "temp moved (D 0.31)", *, change: str = "") -> Alert:
    """Open an alert."""
    with loop.ledger.write("flights", Actor("trigger", "watcher", verified=True)) as tx:
        made = tx.alerts.open(
            Alert(
                loop.ids.new(), "flights", "service/delay@prod", "features", "drift", "high", summary, 0,
                tx.now - 3_600_000_000, change,
            )
        )  # fmt: skip
        tx.say("alert.opened", made.id, service=made.service, monitor=made.monitor, summary=summary, change=change)
    return made


def newest(loop: Loop, count: int = 1) -> list[Event]:
    """Give the newest events, oldest first."""
    with loop.ledger.read() as tx:
        return list(tx.feed.iter("flights"))[-count:]


def written(loop: Loop, *events: Event, post: Post = POST) -> tuple[Any, str]:
    """Write a letter, send it through its bytes, and give it with its text."""
    with loop.ledger.read() as tx:
        made = letter(tx, post, TO, events)
    read: Any = message_from_bytes(made.as_bytes(policy=SMTP), policy=default)
    return read, read.get_content().replace("\r\n", "\n")


def test_an_alert_tells_what_where_since_when_and_what_is_in_force(loop: Loop) -> None:
    """For people, in their zone, with the change that was in force, links, and how to answer."""
    change = champion(loop)
    made = alert(loop, change=change.id)
    read, text = written(loop, *newest(loop))
    assert read["Subject"] == "[flights] high: service/delay@prod/features: temp moved (D 0.31)"
    assert (read["To"], read["From"], read["Auto-Submitted"]) == (TO, f"Loopline <{FROM}>", "auto-generated")
    assert text == (
        "temp moved (D 0.31)\n\n"
        "What:     drift, severity high\n"
        "Where:    service/delay@prod, monitor features\n"
        "Since:    2026-01-01 00:00 CET; the alert was opened at 2026-01-01 01:00 CET\n"
        f"In force: change {brief_of(change.id)} of person:ann since 2026-01-01 01:00 CET: July data"
        " (model/delay@champion – → 1)\n"
        "Look:     https://loopline.example.org/p/flights/feed\n"
        f"Change:   https://loopline.example.org/p/flights/changes/{change.id}\n"
        f"Answer:   loopline acknowledge {brief_of(made.id)}\n"
    )
    do(loop, "acknowledge", made.id, note="known")
    read, text = written(loop, *newest(loop))
    assert read["Subject"].startswith("[flights] seen: ")
    assert "Seen by:  person:ann" in text


def brief_of(number: str) -> str:
    """Give the digits that name something."""
    from loopline.nouns.ids import brief

    return brief(number)


def test_another_event_is_told_in_a_sentence(loop: Loop) -> None:
    """Who did what, when, with a link to its page; without an address there is none."""
    change = champion(loop)
    read, text = written(loop, *newest(loop))
    assert read["Subject"] == "[flights] person:ann applied July data"
    assert f"https://loopline.example.org/p/flights/changes/{change.id}" in text
    assert "http" not in written(loop, *newest(loop), post=Post(POST.smtp))[1]


def test_a_text_that_somebody_wrote_stays_in_its_place(loop: Loop) -> None:
    """Line ends and control characters of a summary or a reason make no header, no line and no recipient."""
    change = champion(loop, why=EVIL)
    alert(loop, EVIL, change=change.id)
    for event in newest(loop, 2):
        read, text = written(loop, event)
        assert set(read.keys()) == {
            "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
            "MIME-Version",
        }  # fmt: skip
        assert "Look Bcc: eve@example.org Hello there" in read["Subject"]
        assert not any(line.startswith("Bcc") for line in text.splitlines())
    alert_text = "x" * 5000
    with loop.ledger.write("flights", loop.actor) as tx:
        tx.say("odd.kind", alert_text, why=EVIL)
    assert len(written(loop, *newest(loop))[0]["Subject"]) <= 150


def test_many_events_are_one_letter(loop: Loop) -> None:
    """How many of each kind, the first of them in a line each, and how many there are besides."""
    for number in range(70):
        do(loop, "start", f"run{number}")
    events = newest(loop, 70)
    read, text = written(loop, *events)
    assert read["Subject"] == "[flights] 70 events: 70 × run.started"
    assert text.count("\n- 2026-01-01 01:00 CET  person:ann started run run") == 50
    assert "… and 20 more" in text
    again, _ = written(loop, *events)
    one, _ = written(loop, events[0])
    assert again["Message-ID"] == read["Message-ID"] != one["Message-ID"]


def test_an_event_whose_words_were_erased_is_told(loop: Loop) -> None:
    """A payload that a law removed leaves the envelope, and the letter says that."""
    do(loop, "start", "secret")
    (event,) = newest(loop)
    with loop.ledger.telemetry() as tables:
        tables.feed.erase("flights", event.seq)
    read, _ = written(loop, *newest(loop))
    assert read["Subject"].startswith("[flights] person:ann started run")
