from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.digest import digest_of
from loopline.nouns.verdict import Result, Verdict

if TYPE_CHECKING:
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
