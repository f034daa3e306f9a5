"""What an event of the feed means to who listens to a registry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.faces.mlflow.emit import EVENTS, SOURCES, concerns, delivery, emit, signed, tell
from loopline.faces.mlflow.registry import PROMPT, STAGE
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.testing.loop import loop as new_loop
from loopline.verbs.annotate import annotate
from loopline.verbs.propose import propose
from loopline.verbs.put import put
from loopline.verbs.registry import open_model, strike
from loopline.verbs.start import start

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.event import Event

MODEL = AssetName("flights", "model", "delay")


@pytest.fixture
def loop() -> Loop:
    return new_loop()


def newest(loop: Loop) -> Event:
    with loop.ledger.read() as tx:
        return tx.feed.list("flights", limit=1000)[-1]


def told(loop: Loop, event: Event | None = None) -> list[tuple[str, dict[str, Any]]]:
    with loop.ledger.read() as tx:
        return [(one.kind, dict(one.data)) for one in emit(tx, event or newest(loop))]


def publish(loop: Loop, asset: AssetName = MODEL) -> None:
    put(loop, asset, digest=loop.blobs.put(b"weights"))


def test_a_model_that_nobody_opened_comes_with_its_first_version(loop: Loop) -> None:
    """And only with that one."""
    publish(loop)
    assert [kind for kind, _ in told(loop)] == ["registered_model.created", "model_version.created"]
    publish(loop)
    assert [kind for kind, _ in told(loop)] == ["model_version.created"]


def test_a_model_that_was_opened_comes_once(loop: Loop) -> None:
    """Its first version is no second beginning."""
    open_model(loop, MODEL, tags={"team": "ops"}, text="how late")
    data = {"name": "delay", "tags": {"team": "ops"}, "description": "how late"}
    assert told(loop) == [("registered_model.created", data)]
    publish(loop)
    assert [kind for kind, _ in told(loop)] == ["model_version.created"]


def test_what_is_no_model_means_nothing(loop: Loop) -> None:
    """Nor does a tag of a model, of which MLflow has no event, or the tag that says its stage."""
    publish(loop, AssetName("flights", "report", "x"))
    assert told(loop) == []
    publish(loop)
    annotate(loop, "model/delay", tags={"a": "b"})
    assert told(loop) == []
    annotate(loop, "model/delay@1", tags={STAGE: "Archived"})
    assert told(loop) == []


def test_events_of_runs_and_data_are_passed_over(loop: Loop) -> None:
    """Without looking anything up: there are many."""
    publish(loop, AssetName("flights", "report", "x"))
    propose(loop, RefName(AssetName("flights", "report", "x"), "main"), to=Numbered(1), why="first")
    start(loop, "train")
    with loop.ledger.read() as tx:
        assert [one.kind for one in tx.feed.list("flights") if concerns(one)] == []


def test_several_tags_are_several_events(loop: Loop) -> None:
    """In the order in which they were said, those that go behind those that come."""
    publish(loop)
    annotate(loop, "model/delay@1", tags={"a": "1", "b": "2"})
    annotate(loop, "model/delay@1", tags={"c": "3"}, untag=("a", "b"))
    about = {"name": "delay", "version": "1"}
    assert told(loop) == [
        ("model_version_tag.set", {**about, "key": "c", "value": "3"}),
        ("model_version_tag.deleted", {**about, "key": "a"}),
        ("model_version_tag.deleted", {**about, "key": "b"}),
    ]


def test_aliases_that_go_with_what_is_deleted_are_told(loop: Loop) -> None:
    """A version that goes takes its aliases with it."""
    publish(loop)
    propose(loop, RefName(MODEL, "champion"), to=Numbered(1), why="first")
    assert told(loop) == [("model_version_alias.created", {"name": "delay", "alias": "champion", "version": "1"})]
    strike(loop, MODEL, 1, why="wrong")
    assert told(loop) == [("model_version_alias.deleted", {"name": "delay", "alias": "champion"})]


def test_whether_it_is_a_prompt_is_said_by_its_tags(loop: Loop) -> None:
    """Of which the own ones are not told."""
    open_model(loop, MODEL, tags={PROMPT: "true", "a": "b"})
    assert told(loop) == [("prompt.created", {"name": "delay", "tags": {"a": "b"}, "description": None})]
    annotate(loop, "model/delay", tags={"c": "d"})
    assert told(loop) == [("prompt_tag.set", {"name": "delay", "key": "c", "value": "d"})]


def test_an_event_whose_payload_was_erased_breaks_nothing(loop: Loop) -> None:
    """What it was about is still told, what it said is not."""
    publish(loop)
    propose(loop, RefName(MODEL, "champion"), to=Numbered(1), why="first")
    with loop.ledger.read() as tx:
        events = tx.feed.list("flights")
    for event in events:
        told(loop, replace(event, payload=None))
        for kind in SOURCES:
            told(loop, replace(event, payload=None, kind=kind))
            told(loop, replace(event, payload={}, kind=kind, subject="model/x@y"))


def test_every_kind_of_ours_is_one_of_mlflows_and_is_asked_for_by_a_glob(loop: Loop) -> None:
    """Whoever wants some hears of no other."""
    open_model(loop, MODEL, tags={})
    event = newest(loop)
    with loop.ledger.read() as tx:
        for kinds, count in ((("registered_model.*",), 1), (("*.created",), 1), (("prompt.*", "model_version.*"), 0)):
            assert len(tell(tx, event, kinds)) == count
    assert all(entity.startswith(("registered_model", "model_version", "prompt")) for entity in EVENTS)


def test_a_delivery_is_named_after_its_event_and_place(loop: Loop) -> None:
    """Always the same, never two alike, and without a secret nothing is signed."""
    publish(loop)
    event = newest(loop)
    assert delivery(event, 0) == delivery(event, 0) != delivery(event, 1)
    assert set(signed((), "x", 1, b"{}")) == {"X-MLflow-Delivery-Id", "X-MLflow-Timestamp"}
