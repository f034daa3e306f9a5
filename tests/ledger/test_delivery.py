from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.ledger.delivery import Delivery
from loopline.nouns.alert import Alert
from loopline.nouns.artifact import Artifact
from loopline.nouns.change import Approval, ChangeState, Decision, Move
from loopline.nouns.digest import digest_of
from loopline.nouns.firing import Firing
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.verdict import Result, Verdict

from .conftest import CHAMPION, MODEL, PROJECT

if TYPE_CHECKING:
    from .conftest import Hand

DATA = AssetName(PROJECT, "data", "flights")
CODE = AssetName(PROJECT, "code", "app")
SERVICE = AssetName(PROJECT, "service", "delay")
FAR = 1 << 60
MADE_ON = {number: [number - 1] for number in range(2, 12)} | {1: [], 5: [4, 1], 6: [3], 8: [4, 2]}
"""What the versions of a history are made on."""


def made(
    hand: Hand, kind: str, *, reads: tuple[AssetName, int] | None = None, makes: str = "", code: bytes = b""
) -> str:
    """Record a run that reads a version or loose bytes and makes loose bytes."""
    with hand.write() as tx:
        run = tx.runs.start(
            Run(
                hand.ids.new(),
                PROJECT,
                "r",
                kind=kind,
                actor="person:ann",
                started_at=tx.now,
                code=digest_of(code) if code else None,
            )
        )
        links = []
        if reads:
            links.append(Link("x", tx.versions.get(*reads).artifact.digest, asset=str(reads[0]), number=reads[1]))
        outputs = [Link("y", digest_of(makes.encode()))] if makes else []
        tx.lineage.record(run.id, project=PROJECT, inputs=links, outputs=outputs)
        tx.runs.move(run.id, RunState.FINISHED)
        return run.id


def read(hand: Hand, method: str, *args: Any) -> Any:
    """Ask one question."""
    with hand.read() as tx:
        return getattr(Delivery(tx.rows, PROJECT), method)(*args)


def test_moves_are_told_in_order_with_what_they_move(hand: Hand) -> None:
    """Policies are none, another project's are none, and a ref has its whole name."""
    hand.publish(b"1", b"2")
    first, second = hand.move(1), hand.move(2)
    hand.publish(b"p", asset=AssetName(PROJECT, "policy", "flights"))
    hand.move(1, ref=RefName(AssetName(PROJECT, "policy", "flights"), "main"))
    found = read(hand, "moves")
    assert [(one.change, one.old, one.new, one.whole) for one in found] == [
        (first.id, None, 1, "model/delay@champion"), (second.id, 1, 2, "model/delay@champion"),
    ]  # fmt: skip
    with hand.read() as tx:
        assert Delivery(tx.rows, "other").moves() == []
        assert Delivery(tx.rows, "other").assets() == {}


def test_what_was_before_a_time_is_told_as_columns(hand: Hand) -> None:
    """Each move is before or after the first that was applied from then on, in the order of the feed, and none is both."""
    hand.publish(b"1", b"2", b"3")
    changes = [hand.move(number) for number in (1, 2, 3, 1)]
    with hand.read() as tx:
        delivery = Delivery(tx.rows, PROJECT)
        every = delivery.moves()
        for place, change in enumerate(changes):
            begins = delivery.begins(change.closed_at or 0)
            later = delivery.moves(begins)
            before = delivery.before(begins)
            assert begins == every[place].seq
            assert [one.change for one in later] == [one.id for one in changes[place:]]
            assert [tuple(row) for row in before] == [
                (one.asset, one.ref, one.old, one.new, one.tier, one.at, one.seq) for one in every[:place]
            ]
        end = delivery.begins((changes[-1].closed_at or 0) + 1)
        assert (delivery.moves(end), len(delivery.before(end))) == ([], 4)
        assert delivery.moves_of([changes[2].id, changes[2].id, "nobody"]) == [every[2]]


def test_versions_are_given_in_pieces(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """How they follow each other, and when each was made, or the world was told, from one to another."""
    with hand.write() as tx:
        for number in range(1, 12):
            tx.versions.publish(
                DATA, Artifact(digest_of(b"%d" % number), size=1), author="a", parents=MADE_ON[number],
                event_time=5 if number == 3 else None if number < 11 else FAR,
            )  # fmt: skip
        asset = tx.assets.id_of(DATA)
        now = tx.now
    assert read(hand, "lines", asset, 3, 5) == ([], [(5, 1)]), "only what leads below, where a line leads to all others"
    assert read(hand, "lines", asset, 1, 5) == ([1], [])
    assert read(hand, "lines", asset, 1, 9) == ([1, 6, 8], [(5, 1), (6, 3), (8, 2), (8, 4)])
    assert read(hand, "lines", asset, 7, 11) == ([8], [(8, 2), (8, 4)])
    with hand.read() as tx:
        delivery = Delivery(tx.rows, PROJECT)
        assert delivery.made(asset or 0, 3, 4, told=True) == [5, now]
        assert delivery.made(asset or 0, 3, 3, told=False) == [now]
        assert delivery.made(asset or 0, 1, 11, told=True) == [now, now, 5, *[now] * 8]
        monkeypatch.setattr("loopline.ledger.delivery.COLUMN", 2)
        assert delivery.made(asset or 0, 2, 6, told=True) == [now, 5, now, now, now]
        assert delivery.made(asset or 0, 12, 13, told=True) == []
        assert delivery.about(asset or 0, [3, 4, 11]) == [5, FAR]


def test_what_a_model_was_trained_on_is_found_however_far_back(hand: Hand) -> None:
    """Through loose bytes that a step made of a table, through a table that was made of another, and never through a result."""
    hand.publish(b"raw", asset=DATA)
    clean = made(hand, "step", reads=(DATA, 1), makes="clean")
    hand.publish(b"clean", asset=DATA, run=clean)
    fit = made(hand, "pipeline", reads=(DATA, 2), makes="model")
    hand.publish(b"model", run=fit)
    hand.publish(b"by hand")
    with hand.read() as tx:
        model, data = tx.assets.id_of(MODEL), tx.assets.id_of(DATA)
    assert sorted(read(hand, "closures", model)) == [(1, data, 1), (1, data, 2)]
    assert read(hand, "closures", data) == [(2, data, 1)]


def test_what_a_service_carries_is_the_source_of_its_models(hand: Hand) -> None:
    """The run that trained them had a source tree, which is a version of code."""
    hand.publish(b"tree", asset=CODE)
    hand.publish(b"model", run=made(hand, "pipeline", code=b"tree"))
    hand.publish(b"service", asset=SERVICE, run=made(hand, "build", reads=(MODEL, 1)))
    with hand.read() as tx:
        model, code, service = (tx.assets.id_of(one) for one in (MODEL, CODE, SERVICE))
    assert read(hand, "carried") == [(service, 1, code, 1)]
    assert read(hand, "served") == [(service, 1, model, 1)]
    assert read(hand, "followed") == []


def test_what_went_wrong_is_told_with_its_edges(hand: Hand) -> None:
    """Edges but those of overrides, alerts that know their change, those that set a trigger off, data in quarantine."""
    hand.publish(b"1")
    hand.publish(b"d", asset=DATA)
    change = hand.move(1)
    with hand.write() as tx:
        blames = (Blame("caused_by", change.id, "human"), Blame("fixes", change.id, "override"))
        tx.incidents.open(Incident("i", PROJECT, "t", "low", "person:ann", 0, blames=blames))
        for key, under in (("a", change.id), ("b", "")):
            tx.alerts.open(Alert(key, PROJECT, "service/x@prod", key, "drift", "low", "s", 0, 0, change=under))
        tx.firings.add(Firing(hand.ids.new(), PROJECT, "t", "alert:b", "w", "done", propose="model/delay@champion"))
        tx.versions.quarantine(DATA, 1, reason="seconds")
    assert [row[:4] for row in read(hand, "blames")] == [("i", "caused_by", change.id, "human")]
    assert [row[:3] for row in read(hand, "alerts")] == [("a", change.id, "drift")]
    assert [(row[0], row[2]) for row in read(hand, "retrained")] == [("b", "")]
    assert len(read(hand, "quarantined")) == 1


def test_the_way_of_a_change_has_all_its_times(hand: Hand) -> None:
    """When it was made, checked, answered and began to roll; outside of the span there is nothing."""
    hand.publish(b"1", run=made(hand, "pipeline"))
    check = made(hand, "check")
    with hand.write() as tx:
        change = tx.changes.propose(hand.change(Move(CHAMPION, None, 1)))
        for name, result in (("a", Result.PENDING), ("a", Result.PASS), ("b", Result.PASS)):
            tx.verdicts.add(PROJECT, Verdict(name, change.head, result, check, 0))
        tx.changes.approve(
            change, Approval("person:bob", "approve", change.head, change.head, verified=True, at=tx.now)
        )
        tx.changes.decide(change, Decision(tx.now, "a", "start", None, change.head, passed=True, results=()))
        tx.changes.move(change, ChangeState.APPLIED, seq=tx.seq)
        now = tx.now
    span = (0, FAR)
    assert len(read(hand, "checking", *span)) == 1
    assert read(hand, "verdicts", *span) == [(change.id, now, now, now, now, now)]
    assert read(hand, "answers", *span) == [(change.id, now, now, 1)]
    assert read(hand, "rolling", *span) == [(change.id, now)]
    back = hand.change(Move(CHAMPION, 2, 1))
    with hand.write() as tx:
        tx.changes.move(tx.changes.propose(replace(back, kind="rollback")), ChangeState.APPLIED, seq=tx.seq)
        later = tx.now
    assert read(hand, "proposed", *span) == [
        (change.id, now, now, now - 2, now - 3, now - 3), (back.id, later, later, None, None, None),
    ], "a rollback makes nothing"  # fmt: skip
    assert read(hand, "models", [change.id, "nobody"]) == [(change.id, "pipeline", 0, 1, 1)]
    for method in ("proposed", "checking", "verdicts", "answers", "rolling"):
        assert read(hand, method, 0, 1) == []
        assert read(hand, method, FAR, FAR + 1) == []


@pytest.mark.parametrize("count", [1, 501, 1200])
def test_more_values_than_one_statement_takes_are_asked_in_pieces(hand: Hand, count: int) -> None:
    """Numbers that are far apart are asked for by name, as many as there are."""
    with hand.read() as tx:
        numbers = list(range(1, 10 * count, 10))
        assert Delivery(tx.rows, PROJECT).about(7, numbers) == []
