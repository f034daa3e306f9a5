"""Rollbacks under any order of events: what was told before is what happens, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from loopline.errors import LooplineError
from loopline.nouns.name import Numbered, RefName
from loopline.nouns.wayback import WayBack
from loopline.testing.loop import loop
from tests.verbs.conftest import CHAMPION, DATA, MODEL, PROJECT, World
from tests.verbs.test_deploy import DECLARED, DELAY, PROD, champion, train

REFS = (CHAMPION, RefName(MODEL, "theirs"), RefName(DATA, "released"), RefName(DATA, "nightly"), PROD)
VERSIONS = 4
SECOND = 1_000_000
NO_WAY = {"nothing-to-undo", "nothing-to-move", "never-there", "taken-back", "quarantined", "no-ref", "ref-moved"}
"""Kinds of errors that say that there is none."""


class Ways(RuleBasedStateMachine):
    """Five refs move together and apart, and go back in every way that there is."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(loop(PROJECT))
        self.world.data(a_csv=b"1")
        for number in range(1, VERSIONS + 1):
            train(self.world, str(number).encode())
            champion(self.world, number)
            self.world.data("main", **{f"b{number}_csv": b"x"})
            self.world.do("deploy", PROD, declared=DECLARED)
        self.start = self.world.loop.clock.now()
        self.backs: list[tuple[RefName, str]] = []

    def teardown(self) -> None:
        self.world.loop.ledger.close()

    def stand(self) -> dict[RefName, int | None]:
        """Tell where every ref stands."""
        return {ref: self.world.target(ref) for ref in REFS}

    def marked(self) -> set[str]:
        """Name what is in quarantine."""
        with self.world.loop.ledger.read() as tx:
            return {
                f"{asset}@{number}" for asset in (MODEL, DATA, DELAY) for number in range(1, VERSIONS + 1)
                if tx.versions.quarantined(asset, number) is not None
            }  # fmt: skip

    @rule(picked=st.lists(st.sampled_from(REFS), min_size=1, max_size=3, unique=True), to=st.integers(1, VERSIONS))
    def move(self, picked: list[RefName], to: int) -> None:
        self.world.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
        first, *rest = picked
        also = {str(ref): str(to) for ref in rest if self.world.target(ref) != to}
        try:
            self.world.do("propose", first, to=Numbered(to), why="on", also=also)
        except LooplineError as error:
            assert error.kind in {"quarantined", "nothing-to-move"}

    @rule(
        ref=st.sampled_from(REFS), how=st.sampled_from(["plain", "to", "time", "newest", "rollback"]),
        number=st.integers(1, VERSIONS), ago=st.integers(0, 20), quarantine=st.booleans(),
        also=st.lists(st.sampled_from(REFS[:4]), max_size=1), leave=st.lists(st.sampled_from(REFS), max_size=1),
    )  # fmt: skip
    def back(
        self,
        ref: RefName,
        *,
        how: str,
        number: int,
        ago: int,
        quarantine: bool,
        also: list[RefName],
        leave: list[RefName],
    ) -> None:
        self.world.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
        asked: dict[str, Any] = {
            "quarantine": quarantine, "also": tuple(also), "leave": tuple(one for one in leave if one != ref),
        }  # fmt: skip
        if how == "to":
            asked["to"] = str(number)
        elif how == "time":
            asked["to"] = f"@{max(self.start, self.world.loop.clock.now() - ago * SECOND - SECOND // 2)}"
        elif how == "newest" and self.world.target(ref):
            asked["change"] = self.world.do("history", str(ref))[0].change
        elif how == "rollback" and self.backs:
            ref, asked["change"] = self.backs[-1]
            asked["leave"] = ()
        self.go(ref, asked)

    def go(self, ref: RefName, asked: dict[str, Any]) -> None:
        """Ask for the way, go it, and hold one against the other."""
        before, marked = self.stand(), self.marked()
        try:
            way: WayBack = self.world.do("retrace", ref, **asked)
        except LooplineError as error:
            assert error.kind in NO_WAY
            assert (self.stand(), self.marked()) == (before, marked)
            return
        going = {one.move.ref: one.move.new for one in way.moves}
        assert {one.move.ref: one.move.old for one in way.moves} == {one: before[one] for one in going}
        assert way.moves[0].move.ref == ref
        assert going[ref] != before[ref]
        assert not set(going) & set(asked["leave"])
        assert ref == PROD or going.get(PROD, 1) is not None
        with self.world.loop.ledger.read() as tx:
            past = {one: [m for m in tx.changes.history(one, limit=1000) if m.seq > way.seq] for one in going}
        assert going == {one: moves[-1].old for one, moves in past.items()}
        done = self.world.do("rollback", ref, why="wrong", expect=way.digest, **asked)
        assert self.stand() == before | going
        assert self.marked() == (marked | set(way.quarantines)) - set(way.lifts)
        assert not self.marked() & {f"{one.asset}@{to}" for one, to in going.items()}
        if not way.forward:
            (incident,) = [
                one for one in self.world.do("find", "incidents") if done.id in {b.change for b in one.blames}
            ]
            causes = {one.change for one in incident.blames if one.relation == "caused_by"}
            assert causes == {one.change for one in way.undoes}
            assert done.undoes in causes
            self.backs.append((ref, done.id))


@pytest.mark.slow
@pytest.mark.parametrize("histories", [12, pytest.param(150, marks=pytest.mark.long)])
def test_what_was_told_is_what_happens(histories: int) -> None:
    """After any history, what was to move stands where it stood behind the event that was told, and nothing else has moved."""
    run_state_machine_as_test(
        Ways,
        settings=settings(
            max_examples=histories, stateful_step_count=20, deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip
