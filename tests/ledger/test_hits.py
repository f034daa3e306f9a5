from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.ledger.hits import Hits

from .conftest import CHAMPION, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.nouns.hit import Hit

    from .conftest import Hand


@pytest.fixture
def full(hand: Hand) -> Hand:
    """Give a ledger with a model, a champion, three runs and a change."""
    hand.publish(b"one", b"two")
    hand.move(2, ref=CHAMPION)
    hand.run(params={"lr": "0.1", "depth": "6"}, commit="abcd1234")
    hand.run(params={"lr": "0.2", "Note": "O'Hare 100%"})
    with hand.write() as tx:
        tx.teams.add("flights", "role/approver", "person:bob", by="person:ann")
    return hand


def found(hand: Hand, kind: str, words: str, project: str = "flights") -> list[Hit]:
    """Ask for one kind."""
    with hand.read() as tx:
        hits: Iterator[Hit] = getattr(Hits(tx.rows, tx.assets, project, words.split()), kind)(10)
        return list(hits)


def test_every_kind_is_found(full: Hand) -> None:
    """Assets, refs, runs, changes, events and people, on both databases."""
    assert [(h.key, h.exact) for h in found(full, "assets", "DELAY model")] == [(str(MODEL), False)]
    assert [(h.key, h.exact) for h in found(full, "refs", "champion")] == [(str(CHAMPION), True)]
    assert [h.where for h in found(full, "runs", "train")] == ["name", "name"]
    assert [h.where for h in found(full, "changes", "because")] == ["reason"]
    assert [h.where for h in found(full, "events", "test")][:1] == ["subject"]
    assert [(h.key, h.exact) for h in found(full, "people", "BOB")] == [("person:bob", True)]


def test_runs_are_found_by_params_and_commits(full: Hand) -> None:
    """A value from its beginning, one param by `key=value`, a commit and an id by their first digits."""
    assert len(found(full, "runs", "0.")) == 2
    (one,) = found(full, "runs", "LR=0.1")
    assert one.where == "param lr"
    assert found(full, "runs", "depth=0") == []
    assert [h.where for h in found(full, "runs", "abcd")] == ["commit"]
    assert [(h.key, h.exact) for h in found(full, "runs", one.key)] == [(one.key, True)]


def test_versions_are_found_by_digest(full: Hand) -> None:
    """Twelve digits of what they hold are enough, with or without the algorithm in front."""
    from loopline.nouns.digest import digest_of

    digest = digest_of(b"two")
    for words in (digest[:19], digest.removeprefix("sha256:")[:12]):
        assert [h.key for h in found(full, "versions", words)] == [f"{MODEL}@2"]
    assert found(full, "versions", digest.removeprefix("sha256:")[:11]) == []


def test_signs_of_patterns_mean_themselves(full: Hand) -> None:
    """`%`, `_`, `!` and quotes are looked for as they are."""
    for words in ("%", "_", "d_lay", "!", "'"):
        for kind in ("assets", "refs", "versions", "runs", "changes", "people"):
            assert found(full, kind, words) == []
    assert [h.where for h in found(full, "runs", "O'Hare 100%")] == ["param Note"]


def test_nothing_is_found_in_another_project(full: Hand) -> None:
    """Words find nothing of a project that was not asked."""
    for kind, words in (
        ("assets", "delay"),
        ("refs", "champion"),
        ("runs", "0."),
        ("changes", "b"),
        ("events", "test"),
    ):
        assert found(full, kind, words, "other") == []
