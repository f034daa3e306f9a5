"""Data as clients describe them, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.ledger.datasets import Datasets
from loopline.nouns.artifact import DATASET
from loopline.nouns.dataset import Dataset, Reading
from loopline.nouns.digest import digest_of
from loopline.nouns.run import Link

if TYPE_CHECKING:
    from .conftest import Hand


def _read(hand: Hand, experiment: str, *names: str, use: str = "") -> str:
    run = hand.run(experiment=experiment)
    with hand.write() as tx:
        here = Datasets(tx.rows, tx.taggings)
        for name in names:
            one = Dataset(name, "d1", "local", "{}")
            digest = digest_of(one.written)
            here.describe(digest, one)
            here.tag(run.id, digest, Reading(one, {"use": use} if use else {}))
            tx.lineage.record(run.id, project="flights", inputs=[Link(name, digest, DATASET)])
    return run.id


def test_what_runs_have_read_is_told_in_order(hand: Hand) -> None:
    """With the tags of each run's own reading; a run that has read nothing is left out."""
    first, second = _read(hand, "e", "feb", "jan", use="training"), _read(hand, "e", "jan")
    with hand.read() as tx:
        found = Datasets(tx.rows, tx.taggings).read_by([second, first, hand.ids.new()])
    assert [one.dataset.name for one in found[first]] == ["feb", "jan"]
    assert [one.tags for one in found[first]] == [{"use": "training"}] * 2
    assert [(one.dataset, one.tags) for one in found[second]] == [(Dataset("jan", "d1", "local", "{}"), {})]
    assert len(found) == 2


def test_the_data_of_experiments_are_summed_up(hand: Hand) -> None:
    """Each with each value of a tag once, up to a limit."""
    _read(hand, "a", "jan", use="training")
    _read(hand, "a", "jan", use="training")
    _read(hand, "a", "jan", use="test")
    _read(hand, "b", "jan")
    with hand.read() as tx:
        here, ids = Datasets(tx.rows, tx.taggings), tx.experiments.numbers("flights", ["a", "b"])
        found = here.summaries([ids["a"], ids["b"]], "use", limit=9)
        assert [(one.experiment, one.name, one.tag) for one in found] == [
            (ids["a"], "jan", "test"),
            (ids["a"], "jan", "training"),
            (ids["b"], "jan", None),
        ]
        assert here.summaries([ids["b"]], "use", limit=9) == found[2:]
        assert len(here.summaries([ids["a"], ids["b"]], "use", limit=2)) == 2
