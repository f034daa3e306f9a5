"""Models that runs have logged."""

from __future__ import annotations

import math

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.digest import digest_of
from loopline.nouns.logged import LoggedModel, LoggedState, Measure

from .conftest import PROJECT, Hand


def begun(hand: Hand, name: str = "m-1", **fields: object) -> LoggedModel:
    """Log a model of experiment 7."""
    with hand.write() as tx:
        return tx.logged.begin(LoggedModel(name, PROJECT, 7, "clf", **fields))  # type: ignore[arg-type]


def test_a_model_is_found_with_all_that_is_said_of_it(hand: Hand) -> None:
    """Params, tags and measures; of another project it is not there."""
    made = begun(hand, run="r1", kind="agent", params={"depth": "3"}, tags={"team": "ops"})
    measure = Measure("m-1", "r1", "acc", 0.5, 3, 10, "july", "d1")
    with hand.write() as tx:
        tx.logged.measured([measure])
    with hand.read() as tx:
        found = tx.logged.get(PROJECT, "m-1")
        assert tx.logged.find("other", "m-1") is None
        assert [one.id for one in tx.logged.of_run("r1")] == ["m-1"]
        assert tx.logged.known(PROJECT, ["m-1", "m-2"]) == {"m-1"}
        assert [one.id for one in tx.logged.all(["m-2", "m-1"])] == ["m-1"]
        with pytest.raises(NotFound) as caught:
            tx.logged.get("other", "m-1")
    assert caught.value.kind == "no-model"
    assert (found.params, found.tags, found.measures) == ({"depth": "3"}, {"team": "ops"}, (measure,))
    assert (found.created_at, found.state) == (made.created_at, LoggedState.PENDING)


def test_an_id_is_taken_once(hand: Hand) -> None:
    """Two models are never mixed up."""
    begun(hand)
    with pytest.raises(Conflict) as caught:
        begun(hand)
    assert caught.value.kind == "model-exists"


def test_a_sealed_model_stays_what_it_is(hand: Hand) -> None:
    """It has its digest for good; one that failed may still become ready."""
    model, digest = begun(hand), digest_of(b"tree")
    with hand.write() as tx:
        tx.logged.end(model, LoggedState.FAILED)
        tx.logged.end(model, LoggedState.READY, digest)
    with pytest.raises(Conflict) as caught, hand.write() as tx:
        tx.logged.end(model, LoggedState.PENDING)
    assert caught.value.kind == "model-sealed"
    with hand.read() as tx:
        assert (tx.logged.get(PROJECT, "m-1").state, tx.logged.get(PROJECT, "m-1").digest) == ("ready", digest)


def test_a_param_is_written_once(hand: Hand) -> None:
    """Saying it again is no news; another value is a conflict, and nothing of that is kept."""
    model = begun(hand, params={"a": "1"})
    with hand.write() as tx:
        tx.logged.annotate(model, params={"a": "1", "b": "2"})
    with pytest.raises(Conflict) as caught, hand.write() as tx:
        tx.logged.annotate(tx.logged.get(PROJECT, "m-1"), params={"c": "3", "a": "9"})
    assert caught.value.kind == "param-exists"
    with hand.read() as tx:
        assert tx.logged.get(PROJECT, "m-1").params == {"a": "1", "b": "2"}


def test_of_a_series_the_newest_value_is_kept(hand: Hand) -> None:
    """By step, then time, whatever the order of arrival; each run and data by itself; NaN and infinity come back."""
    begun(hand)
    with hand.write() as tx:
        tx.logged.measured([Measure("m-1", "r", "loss", 1.0, 5, 1), Measure("m-1", "r", "loss", 2.0, 4, 9)])
        tx.logged.measured([
            Measure("m-1", "r", "loss", 3.0, 3, 99),
            Measure("m-1", "r", "loss", 7.0, 1, 1, "july", "d"),
        ])
        tx.logged.measured([Measure("m-1", "r", "top", math.inf, 0, 1), Measure("m-1", "r", "odd", math.nan, 0, 1)])
    with hand.read() as tx:
        found = {(one.key, one.dataset): one.value for one in tx.logged.get(PROJECT, "m-1").measures}
    assert (found["loss", ""], found["loss", "july"], found["top", ""]) == (1.0, 7.0, math.inf)
    assert math.isnan(found["odd", ""])


def test_deleting_is_a_mark(hand: Hand) -> None:
    """Alone, and with an experiment: what was deleted before stays so when that is restored."""
    first, second = begun(hand, "m-1"), begun(hand, "m-2")
    with hand.write() as tx:
        tx.logged.delete(first)
    with hand.write() as tx:
        tx.logged.delete_of(7)
        when = tx.now
    with hand.read() as tx:
        assert tx.logged.find(PROJECT, "m-1") is None
        assert tx.logged.find(PROJECT, "m-2", deleted=True) is not None
        assert [one.id for one in tx.logged.deleted_with(7, when)] == ["m-2"]
    with hand.write() as tx:
        tx.logged.restore_of(7, when)
    with hand.read() as tx:
        assert tx.logged.known(PROJECT, ["m-1", "m-2"]) == {second.id}
    with hand.write() as tx:
        tx.logged.restore(first)
        tx.logged.touch(first)
    with hand.read() as tx:
        assert tx.logged.find(PROJECT, "m-1") is not None
