from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.artifact import Artifact
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, Hashed, Latest, Named, Numbered, Pointer
from loopline.testing.loop import empty_database

from .conftest import Hand

MODEL = AssetName("flights", "model", "delay")


def test_numbers_have_no_gap(hand: Hand) -> None:
    """Versions count from 1 per asset, whatever else is published."""
    hand.publish(b"1", b"2")
    hand.publish(b"x", asset=AssetName("flights", "data", "flights"))
    hand.publish(b"3")
    with hand.read() as tx:
        assert [v.number for v in tx.versions.list(MODEL)] == [3, 2, 1]
        assert [v.number for v in tx.versions.list(MODEL, before=3, limit=1)] == [2]


def test_a_version_keeps_what_it_was_given(hand: Hand) -> None:
    """Parents, message, metadata and event time come back as they went in."""
    hand.publish(b"1")
    with hand.write() as tx:
        made = tx.versions.publish(
            MODEL, Artifact(digest_of(b"2"), "x/y", 5), author="person:ann", message="m", parents=[1, 1],
            metadata={"rows": 3, "columns": ["a"]}, event_time=7,
        )  # fmt: skip
    with hand.read() as tx:
        found = tx.versions.get(MODEL, 2)
    assert found == made
    assert (found.parents, found.message, found.metadata, found.event_time) == (
        (1,),
        "m",
        {"rows": 3, "columns": ["a"]},
        7,
    )
    with hand.write() as tx, pytest.raises(NotFound):
        tx.versions.publish(MODEL, Artifact(digest_of(b"3")), author="a", parents=[9])


def test_versions_are_found_by_what_they_say(hand: Hand) -> None:
    """A piece of their metadata as JSON, signs of patterns in it included, oldest first; other assets are not looked at."""
    rows: list[dict[str, Any]] = [{"origin": {"commit": "5%_!"}}, {"origin": {"commit": "5xyz"}}, {"commit": "5%_!"}]
    with hand.write() as tx:
        for asset in (MODEL, AssetName("flights", "model", "other")):
            for said in rows:
                tx.versions.publish(asset, Artifact(digest_of(b"1")), author="person:ann", metadata=said)
    with hand.read() as tx:
        assert [one.number for one in tx.versions.saying(MODEL, '"commit":"5%_!"')] == [1, 3]
        assert [one.number for one in tx.versions.saying(MODEL, '"commit":', limit=2)] == [1, 2]
        assert tx.versions.saying(AssetName("flights", "model", "never"), "5") == []


def test_revisions_mean_what_the_grammar_says(hand: Hand) -> None:
    """A number, a digest's beginning (the newest of several), a ref, and latest each find their version."""
    hand.publish(b"1", b"2", b"1")
    hand.move(2)
    prefix = digest_of(b"1")[: len("sha256:") + 12]
    with hand.read() as tx:
        meant = {
            rev: tx.versions.resolve(Pointer(MODEL, rev)).number
            for rev in (Numbered(1), Hashed(prefix), Named("champion"), Latest())
        }
    assert meant == {Numbered(1): 1, Hashed(prefix): 3, Named("champion"): 2, Latest(): 3}


@pytest.mark.parametrize("revision", [Numbered(9), Hashed("sha256:" + "0" * 12), Named("nope")])
def test_a_revision_that_means_nothing_is_not_found(hand: Hand, revision: Numbered | Hashed | Named) -> None:
    """What is not there is NotFound, never None and never something near."""
    hand.publish(b"1")
    with hand.read() as tx, pytest.raises(NotFound):
        tx.versions.resolve(Pointer(MODEL, revision))


def test_latest_passes_over_quarantine_and_deletion(hand: Hand) -> None:
    """latest is the highest version that is good, computed anew each time."""
    hand.publish(b"1", b"2", b"3")
    with hand.write() as tx:
        tx.versions.quarantine(MODEL, 3, reason="bad labels")
        tx.versions.quarantine(MODEL, 3, reason="a second reason")
        tx.versions.delete(MODEL, 2)
    with hand.read() as tx:
        assert tx.versions.resolve(Pointer(MODEL, Latest())).number == 1
        assert tx.versions.quarantined(MODEL, 3) == "bad labels"
        assert tx.versions.get(MODEL, 3).quarantined
        with pytest.raises(NotFound):
            tx.versions.resolve(Pointer(MODEL, Numbered(2)))
        assert [v.number for v in tx.versions.list(MODEL)] == [3, 1]
    with hand.write() as tx:
        tx.versions.lift(MODEL, 3)
        assert tx.versions.resolve(Pointer(MODEL, Latest())).number == 3


def test_what_is_current_cannot_be_deleted(hand: Hand) -> None:
    """A version that a ref points at stays, and the error names the ref."""
    hand.publish(b"1")
    hand.move(1)
    with hand.write() as tx, pytest.raises(Invalid) as caught:
        tx.versions.delete(MODEL, 1)
    assert caught.value.facts["refs"] == "model/delay@champion"


def test_versions_are_found_by_digest_and_run(hand: Hand) -> None:
    """The same bytes under two assets are two versions; a run knows what it published."""
    other = AssetName("flights", "report", "copy")
    hand.publish(b"1", run="r1")
    hand.publish(b"1", asset=other)
    with hand.read() as tx:
        assert {str(v) for v in tx.versions.by_digest("flights", digest_of(b"1"))} == {"model/delay@1", "report/copy@1"}
        assert [str(v) for v in tx.versions.by_run("r1")] == ["model/delay@1"]
        assert tx.versions.named("flights", [digest_of(b"1"), digest_of(b"9")]) == {
            digest_of(b"1"): ["model/delay@1", "report/copy@1"]
        }


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=2, max_size=30), st.data())
def test_bases_are_the_best_common_ancestors(drawn: list[list[int]], data: st.DataObject) -> None:
    """In any history they are the versions that both come from and that no other such version comes from, newest first."""
    hand = Hand(empty_database())
    above: dict[int, set[int]] = {}
    with hand.write() as tx:
        for number, some in enumerate(drawn, 1):
            parents = sorted({one % number for one in some} - {0})
            tx.versions.publish(
                MODEL, Artifact(digest_of(b"%d" % number), size=1), author="person:ann", parents=parents
            )
            above[number] = {number}.union(*(above[one] for one in parents))
        a, b = (data.draw(st.integers(1, len(drawn))) for _ in range(2))
        common = above[a] & above[b]
        best = [one for one in common if not any(one in above[other] for other in common - {one})]
        assert tx.versions.bases(MODEL, a, b) == sorted(best, reverse=True)
    hand.database.close()


def test_a_base_far_below_is_found(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two long lines meet where they began, however few numbers are read at once."""
    monkeypatch.setattr("loopline.ledger.versions._AHEAD", 7)
    with hand.write() as tx:
        for number in range(1, 62):
            parents = [1 if number in (2, 3) else number - 2] if number > 1 else []
            tx.versions.publish(MODEL, Artifact(digest_of(b"x"), size=1), author="person:ann", parents=parents)
        assert tx.versions.bases(MODEL, 60, 61) == [1]
        assert tx.versions.bases(MODEL, 59, 61) == [59]


def test_a_version_takes_a_number_that_is_free(hand: Hand) -> None:
    """What is between stays free for who asks for it, and the next one gets a higher number; none is given twice."""
    artifact = Artifact(digest_of(b"x"), "x/y", 1)
    with hand.write() as tx:
        numbers = [
            tx.versions.publish(MODEL, artifact, author="person:ann", number=number).number for number in (3, 1, None)
        ]
        assert numbers == [3, 1, 4]
        for number in (3, 0):
            with pytest.raises(Conflict) as refused:
                tx.versions.publish(MODEL, artifact, author="person:ann", number=number)
            assert refused.value.kind == "number-taken"
