from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.ledger.schema import prepare
from loopline.ledger.verdicts import Verdicts
from loopline.nouns.digest import digest_of
from loopline.nouns.verdict import Result, Verdict
from tests.ledger.overheard import Overheard

if TYPE_CHECKING:
    from loopline.store.database import Database

    from .conftest import Hand


def test_the_newest_answer_of_each_check_counts(hand: Hand) -> None:
    """A check that failed and then passed has passed, for this head and no other."""
    head, other = digest_of(b"h"), digest_of(b"o")
    with hand.write() as tx:
        for name, where, result in (
            ("a", head, Result.FAIL),
            ("a", head, Result.PASS),
            ("b", head, Result.ERROR),
            ("a", other, Result.FAIL),
        ):
            tx.verdicts.add("flights", Verdict(name, where, result, None, 0))
        assert [(v.check, v.result) for v in tx.verdicts.newest("flights", head)] == [
            ("a", Result.PASS),
            ("b", Result.ERROR),
        ]
        assert tx.verdicts.newest("other", head) == []


def test_what_waits_for_a_run_is_found(hand: Hand) -> None:
    """A check waits for the run that it named last, until something newer is said about the same head."""
    head, other = digest_of(b"h"), digest_of(b"o")
    with hand.write() as tx:
        for name, where, result, run in (
            ("a", head, Result.PENDING, "r1"),
            ("b", head, Result.PENDING, "r1"),
            ("b", head, Result.PASS, "r1"),
            ("c", head, Result.PENDING, "r1"),
            ("c", head, Result.PENDING, "r2"),
            ("a", other, Result.PENDING, "r2"),
        ):
            tx.verdicts.add("flights", Verdict(name, where, result, run, 0))
        assert [(v.check, v.head) for v in tx.verdicts.awaiting("flights", "r1")] == [("a", head)]
        assert [(v.check, v.head) for v in tx.verdicts.awaiting("flights", "r2")] == [("c", head), ("a", other)]
        assert tx.verdicts.awaiting("other", "r1") == []


def test_what_waits_for_a_run_is_found_by_an_index(file_database: Database) -> None:
    """Who buries a run reads what names that run alone, however much was ever said."""
    prepare(file_database)
    with file_database.read() as rows:
        overheard: Any = Overheard(rows)
        assert Verdicts(overheard, 0).awaiting("flights", "r") == []
        plan = overheard.plan()
    assert "verdicts_run" in plan
