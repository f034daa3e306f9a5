from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict

if TYPE_CHECKING:
    from .conftest import Hand

SECOND = 1_000_000


def test_one_holder_at_a_time(hand: Hand) -> None:
    """While a lease lasts nobody else gets it; when it has run out, the next holder gets a greater fence."""
    with hand.write() as tx:
        first = tx.leases.take("ref:x", "a", lasting=SECOND)
        with pytest.raises(Conflict):
            tx.leases.take("ref:x", "b", lasting=SECOND)
    hand.clock.advance(seconds=2)
    with hand.write() as tx:
        second = tx.leases.take("ref:x", "b", lasting=SECOND)
        assert second.fence > first.fence
        with pytest.raises(Conflict):
            tx.leases.check(first)
        with pytest.raises(Conflict):
            tx.leases.renew(first, lasting=SECOND)
        tx.leases.check(second)


def test_a_holder_renews_and_gives_back(hand: Hand) -> None:
    """Renewing keeps it past its first end; giving back frees it at once; giving a lost one back harms nobody."""
    with hand.write() as tx:
        lease = tx.leases.take("x", "a", lasting=SECOND)
        lease = tx.leases.renew(lease, lasting=10 * SECOND)
    hand.clock.advance(seconds=5)
    with hand.write() as tx:
        tx.leases.check(lease)
        tx.leases.give_back(lease)
        other = tx.leases.take("x", "b", lasting=SECOND)
        tx.leases.give_back(lease)
        tx.leases.check(other)


def test_a_restarted_holder_fences_its_former_self(hand: Hand) -> None:
    """The same name taking again is another process: the older fence is worth nothing."""
    with hand.write() as tx:
        old = tx.leases.take("x", "a", lasting=SECOND)
        tx.leases.take("x", "a", lasting=SECOND)
        with pytest.raises(Conflict):
            tx.leases.check(old)
