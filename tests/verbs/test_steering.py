"""Rollouts that go on by what was recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from loopline.errors import Invalid
from loopline.nouns.change import ChangeState
from loopline.nouns.deployment import Deployment
from loopline.nouns.rolling import Judged, Plan, Step
from loopline.nouns.run import Run
from loopline.nouns.service import Labels
from loopline.signals.entry import Entry, encode
from loopline.signals.labels import Label, append, writing
from loopline.signals.segments import Recorder
from loopline.verbs.judging import judge_again
from loopline.verbs.recorded import signals_of
from loopline.verbs.steering import steer
from tests.signals.recorded import packed

from .conftest import CHAMPION, MODEL, PROJECT
from .test_deploy import DECLARED, DELAY, PROD, train

if TYPE_CHECKING:
    from loopline.nouns.change import Change
    from loopline.nouns.rollout import Rollout
    from loopline.testing.clock import FakeClock

    from .conftest import World

DAY = 86_400_000_000
BRIER = Judged("brier", "loss", 0.05, labelled=True)
PLAN = Plan(
    "canary", (Step(0.2, least=50, slack=3.0), Step(0.5, least=50)), (BRIER, Judged("errors", "events", 0.05)),
    maturity=timedelta(days=1), unit_window=timedelta(hours=1),
)  # fmt: skip
SIGNATURE: dict[str, Any] = {
    "inputs": [{"name": "carrier", "type": "BYTES"}],
    "outputs": [{"name": "predict_proba", "type": "FP64", "shape": [-1, 2]}],
}


class Traffic:
    """What a front would have recorded, by the weights that are in force."""

    def __init__(self, world: World, old: str, new: str) -> None:
        self.world, self.old, self.new = world, old, new
        self.clock: FakeClock = world.loop.clock  # type: ignore[assignment] # a world has that one
        self.start = self.clock.now() - 40 * DAY
        self.folder = signals_of(world.loop, PROD)
        self.rng = np.random.default_rng(1)
        self.places: dict[str, float] = {}
        self.day = 0
        self.number = 0

    def flow(self, units: int, *, gap: float = 0.0, failing: float = 0.0) -> None:
        """A day in which so many units ask once: the new version is off by `gap`, and fails for a share of them."""
        share = rollout(self.world).progress.weight
        now = self.clock.advance(seconds=10)
        recorder, labels = Recorder(self.folder), []
        for _ in range(units):
            self.number += 1
            unit = f"u{self.rng.integers(10**9)}"
            place = self.places.setdefault(unit, self.rng.random())
            new = place < share
            truth = float(self.rng.random() < 0.3)
            proba = min(max(0.3 + self.rng.normal(0, 0.05) + (gap if new else 0.0), 0), 1)
            at = self.start + self.day * DAY + self.number
            status = 503 if new and self.rng.random() < failing else 200
            entry = Entry(
                f"q{self.number}", now, 1, 1, "main", "model/delay@1", self.new if new else self.old, status, 900, event_times=at,
                units=unit, inputs=packed([]),
                outputs=packed([("predict_proba", "FP64", np.array([1 - proba, proba]).tobytes())]),
            )  # fmt: skip
            assert recorder.offer(encode(entry))
            labels.append(Label(truth, at + 5, self.number, id=f"q{self.number}:0", known_at=at + 5))
        assert recorder.close()
        with writing(self.folder):
            append(self.folder, labels)
        self.day += 1


def rollout(world: World) -> Rollout:
    """The newest."""
    found: Rollout = world.do("rollouts")[0]
    return found


@pytest.fixture
def begun(world: World) -> tuple[Change, Traffic]:
    """A second version that rolls, together with the champion, and traffic for it."""
    declared = replace(DECLARED, rollout=PLAN, unit=("carrier",), labels=Labels(positive="1"))
    train(world, signature=SIGNATURE)
    first = world.do("deploy", PROD, declared=replace(declared, arms=()), model=_model(1), also=(CHAMPION,))
    train(world, b"better", signature=SIGNATURE)
    change = world.do("deploy", PROD, declared=declared, model=_model(2), also=(CHAMPION,))
    assert change.state is ChangeState.ROLLING
    answers(world, change.id)
    return change, Traffic(world, first.id, change.id)


def answers(world: World, change: str, message: str = "") -> None:
    """Say, as a host does, which change's version can answer beside the other."""
    with world.loop.ledger.telemetry() as tables:
        tables.deployments.say(PROJECT, Deployment(str(PROD), None, state="ready", rolls=change, message=message))


def _model(number: int) -> Any:
    from loopline.nouns.name import Numbered, Pointer

    return Pointer(MODEL, Numbered(number))


def go(world: World) -> Rollout:
    """Look once."""
    steer(world.loop, "here")
    return rollout(world)


def test_a_good_version_goes_all_the_way(world: World, begun: tuple[Change, Traffic]) -> None:
    """It starts at once, advances by what its units showed, and moves every ref of its change at the end."""
    change, traffic = begun
    assert (go(world).progress.state, rollout(world).progress.weight) == ("rolling", 0.2)
    assert go(world).progress.weight == 0.2  # without data nothing goes on
    seen = []
    for _ in range(12):
        traffic.flow(600)
        traffic.flow(1)  # time goes on, and labels are as old as they may be
        seen.append(go(world).progress.weight)
        if rollout(world).over:
            break
    assert (seen[-1], sorted(set(seen)), seen) == (1.0, sorted({*seen, 1.0}), sorted(seen))
    assert 0.5 in seen
    with world.loop.ledger.read() as tx:
        assert (tx.refs.get(PROD).target, tx.refs.get(CHAMPION).target) == (2, 2)
        assert tx.changes.get(change.id).state is ChangeState.APPLIED
    assert [one.kind for one in world.events()[-3:]] == ["rollout.advanced", "rollout.advanced", "rollout.finished"]


def test_a_worse_version_is_taken_back_and_marked(world: World, begun: tuple[Change, Traffic]) -> None:
    """What labels show to be worse ends the rollout, is put into quarantine with its model, and opens an incident."""
    change, traffic = begun
    go(world)
    for _ in range(12):
        traffic.flow(600, gap=0.6)
        traffic.flow(1)
        if go(world).over:
            break
    one = rollout(world)
    assert (one.progress.state, one.progress.weight) == ("stopped", 0.0)
    assert "brier" in one.progress.reason
    with world.loop.ledger.read() as tx:
        assert (tx.refs.get(PROD).target, tx.refs.get(CHAMPION).target) == (1, 1)
        assert tx.versions.quarantined(DELAY, 2)
        assert tx.versions.quarantined(MODEL, 2)
        assert tx.incidents.list(PROJECT)[0].blames[0].change == change.id


def test_a_version_that_fails_is_found_without_labels(world: World, begun: tuple[Change, Traffic]) -> None:
    """Errors need no label: they end a rollout while its labels are still to come."""
    go(world)
    for _ in range(6):
        begun[1].flow(600, failing=0.5)
        if go(world).over:
            break
    assert "errors" in rollout(world).progress.reason


def test_paused_it_waits_and_still_stops(world: World, begun: tuple[Change, Traffic]) -> None:
    """Nothing is let on while somebody holds it, but what is worse ends it."""
    go(world)
    world.do("pause", str(PROD), why="storm")
    for _ in range(5):
        begun[1].flow(600)
        begun[1].flow(1)
        assert go(world).progress.weight == 0.2
    for _ in range(12):
        begun[1].flow(600, gap=0.6)
        begun[1].flow(1)
        if go(world).over:
            break
    assert rollout(world).progress.state == "stopped"


def test_the_verdict_can_be_had_again(world: World, begun: tuple[Change, Traffic]) -> None:
    """The run of an advance holds what was judged; judged again it gives the same bytes."""
    go(world)
    for _ in range(12):
        begun[1].flow(600)
        begun[1].flow(1)
        if go(world).run:
            break
    with world.loop.ledger.read() as tx:
        run: Run = tx.runs.get(rollout(world).run)
    first, again = judge_again(world.loop, run)
    assert first == again
    assert run.kind == "rollout"


def test_it_waits_for_a_version_that_can_answer(world: World, begun: tuple[Change, Traffic]) -> None:
    """While no host says that the new version can answer no unit meets it; one that never can is not waited for without end."""
    answers(world, "", "No module named 'holidays'")
    assert go(world).progress.state == "waiting"
    begun[1].clock.advance(seconds=8 * 86_400)
    one = go(world)
    assert one.progress.state == "stopped"
    assert "holidays" in one.progress.reason
    with world.loop.ledger.read() as tx:
        assert tx.versions.quarantined(DELAY, 2) is None


def test_what_is_marked_while_it_rolls_is_taken_back(world: World, begun: tuple[Change, Traffic]) -> None:
    """A model that somebody puts into quarantine is not met any longer, nor applied at the end."""
    go(world)
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tx.versions.quarantine(MODEL, 2, reason="leaked key", change=begun[0].id)
        tx.say("version.published", str(MODEL))
    assert go(world).progress.state == "stopped"
    assert "leaked key" in rollout(world).progress.reason


def test_limits_hold_where_nothing_can_be_read(
    world: World, begun: tuple[Change, Traffic], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that cannot be read are told, and do not keep a rollout going for ever."""
    go(world)

    def broken(*_: object) -> object:
        raise Invalid("a file is damaged", kind="damaged", hint="look")

    monkeypatch.setattr("loopline.verbs.steering.look", broken)
    with pytest.raises(Invalid):
        steer(world.loop, "here")
    assert rollout(world).progress.state == "rolling"
    begun[1].clock.advance(seconds=8 * 86_400)
    with pytest.raises(Invalid):
        steer(world.loop, "here")
    assert rollout(world).progress.state == "stopped"


def test_it_is_resumed_with_all_its_time(world: World, begun: tuple[Change, Traffic]) -> None:
    """A pause of weeks does not use up the time of the step, and a rollout that had not begun begins then."""
    world.do("pause", str(PROD))
    begun[1].clock.advance(seconds=20 * 86_400)
    assert world.do("resume", str(PROD)).progress.state == "waiting"
    assert go(world).progress.weight == 0.2
    world.do("pause", str(PROD))
    begun[1].clock.advance(seconds=20 * 86_400)
    world.do("resume", str(PROD))
    assert (go(world).progress.state, go(world).progress.weight) == ("rolling", 0.2)


def test_another_who_steers_meanwhile_is_left_alone(world: World, begun: tuple[Change, Traffic]) -> None:
    """Under somebody else's lease nothing is done; the lease is given back after each look."""
    with world.loop.ledger.telemetry() as tables:
        lease = tables.leases.take(f"rollout {begun[0].id}", "there", lasting=10_000_000)
    assert steer(world.loop, "here") == ()
    with world.loop.ledger.telemetry() as tables:
        tables.leases.give_back(lease)
    assert len(steer(world.loop, "here")) == 1
    assert steer(world.loop, "elsewhere") == ()
