"""Leases in any order: who may act, by a clock that jumps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple, rule

from loopline.errors import Conflict
from loopline.ledger.leases import Lease
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from tests.scenarios.crashing import Crashing, writes

LASTING = [1, 60, 4000]
"""Seconds: a jump of the clock ends some leases, all, or none."""


class LeaseMachine(RuleBasedStateMachine):
    """Takes, checks, renews and gives back, and keeps its own idea of who holds what."""

    leases = Bundle("leases")
    rolls = Bundle("rolls")
    """Leases of refs, each with the change that rolled when it was taken."""
    loop: Loop
    database: Crashing
    fuse: int | None
    held: dict[str, Lease]
    """The newest lease of each name."""

    def died(self) -> None:
        """Go on as another process would."""

    def _take(self, tx: Tables, name: str, holder: str, seconds: int) -> Lease:
        """Take a lease, and hold the ledger to who may have it. Raise Conflict."""
        held, lasting = self.held.get(name), seconds * 1_000_000
        free = held is None or held.until <= tx.now or held.holder == holder
        try:
            lease = tx.leases.take(name, holder, lasting=lasting)
        except Conflict as error:
            assert (error.kind, free) == ("lease-held", False)
            raise
        assert free, "somebody else has it"
        assert lease == Lease(name, holder, held.fence + 1 if held else 1, tx.now + lasting)
        return lease

    def _check(self, tx: Tables, lease: Lease) -> None:
        """Check a lease, and hold the ledger to whether it still counts. Raise Conflict."""
        held = self.held[lease.name]
        counts = held.fence == lease.fence and held.until > tx.now
        try:
            tx.leases.check(lease)
        except Conflict as error:
            assert (error.kind, counts) == ("lease-lost", False)
            raise
        assert counts, "it has run out, or somebody else has taken it"

    def _give_back(self, tx: Tables, lease: Lease) -> Lease:
        """Give a lease back, and tell who has it then; a lost one changes nothing."""
        tx.leases.give_back(lease)
        held = self.held[lease.name]
        return replace(held, until=0) if held.fence == lease.fence else held

    @rule(
        target=leases,
        name=st.sampled_from(["relay", "ticker"]),
        holder=st.sampled_from("xy"),
        seconds=st.sampled_from(LASTING),
    )
    @writes
    def take(self, name: str, holder: str, seconds: int) -> Any:
        """Begin to act on something that is no ref."""
        try:
            with self.loop.ledger.telemetry() as tables:
                lease = self._take(tables, name, holder, seconds)
        except Conflict:
            return multiple()
        self.held[name] = lease
        return lease

    @rule(lease=leases)
    def act(self, lease: Lease) -> None:
        """Do something that only the holder may."""
        with suppress(Conflict), self.loop.ledger.read() as tables:
            self._check(tables, lease)

    @rule(lease=leases | rolls.map(lambda rolling: rolling[0]), seconds=st.sampled_from(LASTING))
    @writes
    def renew(self, lease: Lease, seconds: int) -> None:
        """Hold on to a lease for longer; a lost one stays lost."""
        try:
            with self.loop.ledger.telemetry() as tables:
                self._check(tables, lease)
                longer = tables.leases.renew(lease, lasting=seconds * 1_000_000)
                assert longer == replace(lease, until=tables.now + seconds * 1_000_000)
        except Conflict as error:
            assert error.kind == "lease-lost"
            return
        self.held[lease.name] = longer

    @rule(lease=leases | rolls.map(lambda rolling: rolling[0]))
    @writes
    def give_back(self, lease: Lease) -> None:
        """Let go of a lease before its time."""
        with self.loop.ledger.telemetry() as tables:
            left = self._give_back(tables, lease)
        self.held[lease.name] = left
