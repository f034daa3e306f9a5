from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.assessment import Assessment

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import Hand


def test_the_newest_answer_counts_and_all_are_kept(hand: Hand) -> None:
    """With who said it and when; another project's are its own."""
    with hand.write() as tx:
        tx.assessments.add(PROJECT, Assessment("fairness", "no", "n", "person:ann", 0))
    with hand.write() as tx:
        made = tx.assessments.add(PROJECT, Assessment("fairness", "manual", "n", "person:ann", 0))
        assert made.at == tx.now
    with hand.read() as tx:
        assert tx.assessments.newest(PROJECT) == {"fairness": made}
        assert tx.assessments.newest("other") == {}
        assert tx.rows.all("SELECT COUNT(*) FROM assessments") == [(2,)]
