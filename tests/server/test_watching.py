from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loopline.nouns.alert import Alert
from loopline.nouns.artifact import JSON, Artifact
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.subscription import Subscription
from loopline.server.messages import messages
from loopline.server.watching import Watching, watch
from loopline.settings import load_settings
from loopline.testing.loop import loop as new_loop
from loopline.verbs.moving import Plan, begin
from loopline.wiring import open_loop

if TYPE_CHECKING:
    from loopline.loop import Loop

PROD = RefName(AssetName("flights", "service", "delay"), "prod")


def serve(loop: Loop, body: bytes) -> None:
    """Let a ref of a service name these bytes."""
    blob = loop.blobs.put(body)
    with loop.ledger.write("flights", loop.actor) as tx:
        tx.projects.ensure("flights")
        version = tx.versions.publish(PROD.asset, Artifact(blob, JSON, len(body)), author="person:ann")
        begin(tx, loop, Plan((Move(PROD, None, version.number),), "serve it"))


def test_a_server_without_services_starts_nothing_and_one_with_them_a_process(tmp_path: Path) -> None:
    """The process looks, ends by itself with status 0, and only one runs at a time."""
    settings = load_settings(home=tmp_path / "home", project="flights", actor="person:ann")
    loop = open_loop(settings)
    duty = Watching(settings)
    assert not duty(loop)
    assert duty.wait(1) is None
    serve(loop, b'{"name":"service/delay","arms":[]}')
    assert duty(loop)
    assert not duty(loop)
    assert duty.wait(60) == 0
    assert duty(loop)
    assert duty.wait(60) == 0
    loop.ledger.close()


def test_a_service_that_cannot_be_read_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It ends nothing: the next look may find it mended."""
    loop = new_loop("flights")
    serve(loop, b"no json")
    assert watch(loop) == 0
    assert "monitors of flights" in caplog.text


@pytest.mark.parametrize("silenced", [True, False])
def test_subscribers_hear_of_alerts_unless_they_are_silenced(*, silenced: bool) -> None:
    """A webhook gets one message for an alert, and none for one that is silenced."""
    loop = new_loop("flights")
    with loop.ledger.write("flights", loop.actor) as tx:
        alert = tx.alerts.open(Alert("a" * 32, "flights", str(PROD), "features", "drift", "low", "moved", 0, 0))
        tx.say("alert.opened", alert.id, summary=alert.summary, silenced=silenced)
    with loop.ledger.read() as tx:
        (event,) = tx.feed.list("flights", after=0, limit=10)
        one = Subscription("s", "flights", "hook", "https://example.org/hook", kinds=("alert.*",))
        assert len(messages(tx, one, event)) == (0 if silenced else 1)
