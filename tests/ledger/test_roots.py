"""Where rows name bytes."""

from __future__ import annotations

from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.logged import LoggedModel, LoggedState
from loopline.nouns.owner import Owner
from loopline.nouns.run import Link
from loopline.nouns.staged import Working

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


def test_files_staged_on_runs_and_models_go_with_them(hand: Hand) -> None:
    """Staged and folded files are roots until their owner was deleted long ago; those of others stay, and it is told whose."""
    run = hand.run()
    model = LoggedModel("m-" + "0" * 31 + "1", PROJECT, 1, "clf")
    owners = [Owner(PROJECT, "run", run.id), model.owner, Owner(PROJECT, "trace", "tr-" + "0" * 32)]
    with hand.write() as tx:
        tx.logged.begin(model)
        for number, owner in enumerate(owners):
            tx.staging.put(owner.key, Entry("staged", digest_of(b"s%d" % number), 1))
            seen = tx.staging.working(owner.key)
            tx.staging.fold(owner.key, Working(1, 0, None, digest_of(b"w%d" % number)), seen=seen)
            tx.staging.put(owner.key, Entry("later", digest_of(b"l%d" % number), 1))
    staged = {digest_of(b"%s%d" % (kind, number)) for kind in (b"s", b"w", b"l") for number in range(3)}
    assert names(hand, before=0) == staged
    with hand.write() as tx:
        tx.runs.delete(run.id)
        tx.logged.delete(model)
        deleted = tx.now
    assert names(hand, before=deleted - 1) == staged
    assert names(hand, before=deleted) == {digest_of(one) for one in (b"s2", b"w2", b"l2")}
    with hand.read() as tx:
        gone = {(root.digest, root.name) for root in tx.roots.gone(before=deleted)}
    assert {(digest_of(b"w0"), owners[0].key), (digest_of(b"l1"), owners[1].key)} <= gone


def test_a_sealed_model_is_a_root_by_itself(hand: Hand) -> None:
    """Also when its run is gone; until it was deleted long ago."""
    run, digest = hand.run(), digest_of(b"tree")
    with hand.write() as tx:
        model = tx.logged.begin(LoggedModel("m-1", PROJECT, 1, "clf", run.id))
        tx.logged.end(model, LoggedState.READY, digest)
        tx.runs.delete(run.id)
    with hand.write() as tx:
        assert names(hand, before=tx.now) == {digest}
        tx.logged.delete(model)
        deleted = tx.now
    assert names(hand, before=deleted) == set()
