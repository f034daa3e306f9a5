"""Where rows name bytes."""

from __future__ import annotations

from loopline.nouns.digest import digest_of
from loopline.nouns.run import Link

from .conftest import CHAMPION, MODEL, PROJECT, Hand


def names(hand: Hand, *, before: int) -> set[str]:
    """Give the digests of all roots."""
    with hand.read() as tx:
        return {root.digest for root in tx.roots.iter(before=before)}


def test_a_version_is_a_root_until_its_deletion_is_old(hand: Hand) -> None:
    """Deleted just now it still is; before the time it is not, and is told as gone; with a ref it always is."""
    hand.publish(b"one", b"two")
    hand.move(2)
    one, two = digest_of(b"one"), digest_of(b"two")
    with hand.write() as tx:
        tx.versions.delete(MODEL, 1)
        deleted = tx.now
    assert {one, two} <= names(hand, before=deleted - 1)
    assert names(hand, before=deleted) == {two}
    with hand.read() as tx:
        assert [(root.digest, root.name) for root in tx.roots.gone(before=deleted)] == [(one, "flights/model/delay@1")]
    assert CHAMPION.asset == MODEL


def test_runs_name_code_environment_links_and_logs(hand: Hand) -> None:
    """All of it stays, until the run is deleted and that is old."""
    code, environment, made, read, log = (digest_of(one) for one in (b"c", b"e", b"m", b"r", b"l"))
    run = hand.run(code=code, environment=environment, tags={"log": log, "team": "ops"})
    with hand.write() as tx:
        tx.lineage.record(run.id, project=PROJECT, inputs=[Link("data", read)], outputs=[Link("model", made)])
    assert names(hand, before=0) == {code, environment, made, read, log}
    with hand.write() as tx:
        tx.runs.delete(run.id)
        deleted = tx.now
    assert names(hand, before=deleted - 1) == {code, environment, made, read, log}
    assert names(hand, before=deleted) == set()
