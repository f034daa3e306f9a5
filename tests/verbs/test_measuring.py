"""What the ledger of a real history says, read into deployments, units and troubles."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from loopline.errors import LooplineError
from loopline.insights.calendar import Window
from loopline.insights.learning import Bad, Retrained, Used
from loopline.ledger.delivery import Delivery
from loopline.nouns.alert import Alert
from loopline.nouns.artifact import Artifact
from loopline.nouns.change import Change
from loopline.nouns.digest import digest_of
from loopline.nouns.firing import Firing
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.service import Arm, Service
from loopline.testing.clock import FakeClock
from loopline.verbs import bringing
from loopline.verbs.measuring import History

from .conftest import CHAMPION, DATA, MODEL, PROJECT, World

DAY = timedelta(days=1)
DAY_US = 86_400_000_000
CODE = AssetName(PROJECT, "code", "app")
LIVE, TRUNK = RefName(CODE, "live"), RefName(CODE, "main")
SERVICE = AssetName(PROJECT, "service", "delay")
PROD = RefName(SERVICE, "prod")


class Past:
    """A history that a test writes, day by day."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = cast("FakeClock", world.loop.clock)
        self.start = self.clock.now()

    def count(self, asset: AssetName) -> int:
        """How many versions an asset has."""
        with self.world.loop.ledger.read() as tx:
            return len(tx.versions.list(asset, limit=1000))

    def day(self, number: float) -> None:
        """Go on to a day."""
        self.clock.set(self.at(number))

    def at(self, number: float) -> int:
        """Microseconds of a day."""
        return self.start + int(number * DAY_US)

    def commit(self, *parents: int, made: int | None = None, asset: AssetName = CODE) -> int:
        """Publish a commit."""
        with self.world.loop.ledger.write(PROJECT, self.world.loop.actor) as tx:
            tx.say("test", "commit")
            body = self.world.loop.ids.new().encode()
            return tx.versions.publish(
                asset,
                Artifact(self.world.loop.blobs.put(body), size=len(body)),
                author="person:ann",
                parents=parents,
                event_time=made,
            ).number

    def move(self, ref: RefName, to: int, *, tier: str | None = None) -> Change:
        """Move a ref at once."""
        change: Change = self.world.do("propose", ref, to=Numbered(to), why="w", tier=tier)
        return change

    @contextmanager
    def history(self, since: float = 0, until: float = 100) -> Iterator[History]:
        """Read it, as of now."""
        with self.world.loop.ledger.read() as tx:
            window = Window(self.at(since), self.at(until), max(tx.now, self.at(until)))
            yield History(Delivery(tx.rows, PROJECT), window)

    def incident(self, *blames: Blame) -> None:
        """Open one."""
        with self.world.loop.ledger.write(PROJECT, self.world.loop.actor) as tx:
            tx.say("test", "incident")
            tx.incidents.open(
                Incident(self.world.loop.ids.new(), PROJECT, "t", "low", "person:ann", tx.now, blames=blames)
            )

    def alert(self, kind: str, change: str) -> Alert:
        """Open one under a change."""
        with self.world.loop.ledger.write(PROJECT, self.world.loop.actor) as tx:
            tx.say("test", "alert")
            made = Alert(self.world.loop.ids.new(), PROJECT, str(PROD), kind + change[-4:], kind, "low", "s", tx.now, 0)
            return tx.alerts.open(replace(made, change=change))

    def serve(self, number: int, follows: str = "model/delay@champion") -> Change:
        """Deploy a service that is made of a model, as `deploy` writes it down."""
        loop = self.world.loop
        with loop.ledger.write(PROJECT, loop.actor) as tx:
            tx.say("test", "service")
            model = tx.versions.get(MODEL, number)
            body = repr(Service("service/delay", (Arm("main", str(model), model.artifact.digest),))).encode()
            run = tx.runs.start(
                Run(
                    loop.ids.new(),
                    PROJECT,
                    "deploy",
                    kind="build",
                    actor="person:ann",
                    started_at=tx.now,
                    params={"main": follows},
                )
            )
            link = Link("main", model.artifact.digest, asset=str(MODEL), number=number)
            tx.lineage.record(run.id, project=PROJECT, inputs=[link])
            version = tx.versions.publish(
                SERVICE, Artifact(digest_of(body + run.id.encode()), size=1), author="person:ann", run=run.id
            )
            tx.runs.move(run.id, RunState.FINISHED)
        first = self.world.target(PROD) is None
        return self.move(PROD, version.number, tier="production" if first else None)


@pytest.fixture
def past(world: World) -> Past:
    """Give a world with a clock that a test moves."""
    return Past(world)


def units(history: History, lane: Any) -> dict[str, list[str]]:
    """Name what each change brought."""
    return {change: list(some.ids) for (change, _), some in history.record(lane).units.items()}


def test_only_what_stands_in_production_is_a_deployment(past: Past) -> None:
    """A branch, a staging ref, a move that only goes, and a tier that is only written again are none."""
    one, two = past.commit(), past.commit(1)
    past.move(TRUNK, one)
    first = past.move(LIVE, one, tier="production")
    past.move(RefName(CODE, "test"), two, tier="staging")
    past.world.do("propose", LIVE, to=Numbered(one), why="w", tier="production")
    gone = past.world.do("propose", LIVE, delete=True, why="w")
    past.move(LIVE, two)
    with past.history() as history:
        assert [d.change for d in history.record("code").deployments] == [first.id]
    again = past.move(RefName(CODE, "live2"), two, tier="prod")
    with past.history() as history:
        found = history.record("code").deployments
        assert [(d.change, d.first) for d in found] == [(first.id, True), (again.id, True)]
        assert gone.id not in {d.change for d in found}


def test_a_ref_is_deployed_when_its_tier_becomes_production(past: Past) -> None:
    """What it stood at before was no deployment."""
    one = past.commit()
    past.move(LIVE, one)
    raised = past.move(LIVE, one, tier="production")
    with past.history() as history:
        assert [d.change for d in history.record("code").deployments] == [raised.id]


def test_commits_belong_to_the_deployment_that_brought_them(past: Past) -> None:
    """A feature branch that was merged comes whole; a rollback and the way back to it bring nothing."""
    for parents in ((), (1,), (1,), (2, 3)):
        past.commit(*parents)
    past.move(LIVE, 1, tier="production")
    two = past.move(LIVE, 2)
    merged = past.move(LIVE, 4)
    back = past.world.do("rollback", LIVE, why="w", quarantine=False)
    again = past.move(LIVE, 4)
    with past.history() as history:
        found = units(history, "code")
    assert found[two.id] == ["code/app@2"]
    assert sorted(found[merged.id]) == ["code/app@3", "code/app@4"]
    assert back.id not in found
    assert again.id not in found


def test_a_commit_is_not_older_than_the_ledger_can_know(past: Past) -> None:
    """A time of the world behind that of its recording is a wrong clock: the recording counts."""
    past.move(LIVE, past.commit(), tier="production")
    past.day(5)
    early, late = past.commit(1, made=past.at(2)), past.commit(2, made=past.at(50))
    recorded = past.at(5)
    past.day(6)
    past.move(TRUNK, early)
    past.day(8)
    change = past.move(LIVE, late)
    with past.history() as history:
        found = history.record("code").units[change.id, "code/app@live"]
    assert list(found.ids) == ["code/app@2", "code/app@3"]
    assert found.committed == [past.at(2), recorded]
    assert found.merged == [(1, past.at(6)), (1, None)]


def test_deployments_before_the_window_have_reached_what_they_reached(past: Past) -> None:
    """A window that begins in the middle gives what a window over everything gives for that part."""
    past.move(LIVE, past.commit(), tier="production")
    past.commit(1)
    past.day(5)
    past.move(LIVE, 2)
    past.commit(2)
    past.day(10)
    last = past.move(LIVE, 3)
    with past.history(since=7) as history:
        assert units(history, "code") == {last.id: ["code/app@3"]}


def test_a_model_that_a_production_service_follows_is_in_production(past: Past) -> None:
    """Its alias has no tier; the data that it was trained on are deployed by their main branch."""
    past.world.train(b"one")
    past.world.train(b"two")
    with past.history() as history:
        assert not history.record("model").deployments
    first = past.move(CHAMPION, 1)
    past.move(RefName(MODEL, "challenger"), 2)
    past.serve(1)
    with past.history() as history:
        assert [(d.change, d.ref) for d in history.record("model").deployments] == [(first.id, "model/delay@champion")]
        assert [d.ref for d in history.record("data").deployments] == ["data/flights@main"]
        assert history.lanes_of[first.id] == {"model"}
        assert [one.ref for one in history.serving()] == ["model/delay@champion"]


def test_that_a_change_was_let_through_is_no_failure(past: Past) -> None:
    """An override opens an incident about the change, which is a record and not a trouble; a cause by a person is one."""
    past.commit()
    change = past.move(LIVE, 1, tier="production")
    past.incident(Blame("caused_by", change.id, "override"))
    with past.history() as history:
        assert not history.record("code").troubles
    past.incident(Blame("caused_by", change.id, "human"), Blame("fixes", "other", "human"))
    with past.history() as history:
        record = history.record("code")
    assert [one.fixes for one in record.troubles[change.id]] == [("other",)]
    assert record.linked == {"other"}


def test_a_silent_alert_is_a_failure_of_the_model_behind_the_service(past: Past) -> None:
    """Drift under a service blames the move by which its model came, and the data of that; never code, and errors never data."""
    past.world.train(b"one")
    champion = past.move(CHAMPION, 1)
    service = past.serve(1)
    past.alert("drift", service.id)
    past.alert("service", service.id)
    with past.history() as history:
        assert list(history.record("model").troubles) == [champion.id]
        assert len(history.record("model").troubles[champion.id]) == 1
        assert len(history.record("data").troubles) == 1
        assert not history.record("code").troubles


def test_data_are_used_by_the_first_model_in_production_that_has_them(past: Past) -> None:
    """Through a step in between, with all that the trained version is built on; the second model adds only what is new."""
    past.day(1)
    past.world.data(b_csv=b"2\n")
    past.world.train(b"one", data=2)
    past.day(3)
    past.move(CHAMPION, 1)
    past.serve(1)
    past.world.data(c_csv=b"3\n")
    past.world.train(b"two", data=3)
    past.day(9)
    past.move(CHAMPION, 2)
    with past.history() as history:
        found = {one.id: (one.deployed - past.start) // DAY_US for one in history.used()}
    assert found == {"data/flights@1": 3, "data/flights@2": 3, "data/flights@3": 9}
    with past.history(since=5) as history:
        assert [one.id for one in history.used() if one.deployed >= past.at(5)] == ["data/flights@3"]
        assert isinstance(history.used()[0], Used)


def test_bad_data_are_seen_by_the_first_alert_about_what_was_trained_on_them(past: Past) -> None:
    """What is in quarantine is bad; data that came later are not seen by an earlier alert."""
    past.world.data(b_csv=b"bad\n")
    past.world.train(b"one", data=2)
    past.move(CHAMPION, 1)
    service = past.serve(1)
    past.day(4)
    alert = past.alert("drift", service.id)
    past.world.data(c_csv=b"bad too\n")
    with past.world.loop.ledger.write(PROJECT, past.world.loop.actor) as tx:
        tx.say("test", "quarantine")
        for number in (2, 3):
            tx.versions.quarantine(DATA, number, reason="seconds")
    with past.history() as history:
        found = {one.id: one.seen for one in history.bad()}
    assert found == {"data/flights@2": alert.opened_at, "data/flights@3": None}
    assert Bad("a", 0, None).seen is None


def test_an_alert_that_set_off_a_retraining_ends_with_its_move(past: Past) -> None:
    """The firing knows alert and change; until that is applied it is open."""
    past.world.train(b"one")
    first = past.move(CHAMPION, 1)
    service = past.serve(1)
    alert, other = past.alert("drift", service.id), past.alert("quality", service.id)
    past.world.train(b"two")
    moved = past.move(CHAMPION, 2)
    with past.world.loop.ledger.write(PROJECT, past.world.loop.actor) as tx:
        tx.say("test", "firing")
        for cause, change in ((alert, moved.id), (other, "")):
            tx.firings.add(
                Firing(
                    past.world.loop.ids.new(), PROJECT, "retrain", f"alert:{cause.id}", "w", "done", propose=str(CHAMPION),
                    change=change,
                )
            )  # fmt: skip
    with past.history() as history:
        found = {one.alert: one.moved for one in history.retrained()}
        assert found == {alert.id: moved.closed_at, other.id: None}
        assert first.id in {d.change for d in history.record("model").deployments}
        assert isinstance(history.retrained()[0], Retrained)


def test_a_rollback_tells_how_many_refs_went_together(past: Past) -> None:
    """Two refs that moved in one change return in one."""
    past.world.train(b"one")
    past.world.propose(1, together=True)
    back = past.world.do("rollback", CHAMPION, why="w")
    with past.history() as history:
        assert history.rollbacks() == {back.id: (back.closed_at, 2)}


@pytest.fixture
def tangled(past: Past, request: pytest.FixtureRequest) -> Past:
    """A history by chance: commits with merges, moves back and forth, tiers, services, alerts, incidents, retrainings."""
    dice = random.Random(request.param)
    past.commit()
    past.world.train(b"m0")
    changes = [past.move(CHAMPION, 1).id, past.serve(1).id]
    refs = (LIVE, TRUNK, RefName(CODE, "edge"))
    for step in range(45):
        past.clock.advance(seconds=3600 * dice.randint(1, 60))
        commits = past.count(CODE)
        match dice.choices(("commit", "move", "model", "incident", "alert"), (14, 16, 3, 2, 2))[0]:
            case "commit":
                past.commit(*{dice.randint(max(1, commits - 3), commits) for _ in range(dice.randint(1, 2))})
            case "move":
                to = dice.randint(max(1, commits - 4), commits)
                tier = dice.choice((None, None, "production", "staging"))
                with suppress(LooplineError):  # it is there already
                    changes.append(past.move(dice.choice(refs), to, tier=tier).id)
            case "model":
                past.world.data("main", **{f"f{step}_csv": b"1\n"})
                past.world.train(b"m%d" % step, data=past.count(DATA))
                changes.append(past.move(CHAMPION, past.count(MODEL)).id)
            case "incident":
                blamed, fix = dice.choice(changes), dice.choice(changes)
                past.incident(Blame("caused_by", blamed, "human"), Blame("fixes", fix, "human"))
            case "alert":
                past.alert(dice.choice(("drift", "quality", "service")), dice.choice(changes))
    return past


@pytest.mark.parametrize("tangled", [0, 1, 2, 4], indirect=True)
def test_what_is_left_out_of_a_window_changes_no_number(tangled: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the moves before a window as columns gives what reading all of them in full gives, for any window."""
    now = tangled.clock.now()
    spans = [(begin, end) for begin in range(0, 70, 9) for end in (begin + 4, 200)]
    asked: list[dict[str, Any]] = [
        {"since": tangled.at(begin), "until": min(tangled.at(end), now + 1), "horizon": timedelta(0)}
        for begin, end in spans
        if tangled.at(begin) < now
    ]
    quick = [tangled.world.do("insights", **words) for words in asked]
    monkeypatch.setattr(Delivery, "begins", lambda *_: 0)
    for words, found in zip(asked, quick, strict=True):
        assert found == tangled.world.do("insights", **words), words
    assert any(lane.measures[1].n for found in quick for lane in found.lanes)
    assert any(lane.measures[3].of for found in quick for lane in found.lanes)


@pytest.mark.parametrize("tangled", [0, 1, 2, 4], indirect=True)
def test_units_are_what_walking_from_every_deployment_would_find(
    tangled: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`reach(d.to)` without `reach(e.to)` of all earlier ones, by the definition and one deployment after the other."""
    with tangled.world.loop.ledger.read() as tx:
        delivery = Delivery(tx.rows, PROJECT)
        code = next(key for key, name in delivery.assets().items() if name == ("code", "app"))
        edges: dict[int, list[int]] = {}
        for number, parent in tx.rows.all("SELECT number, parent FROM parents WHERE asset = ?", code):
            edges.setdefault(number, []).append(parent)
        made: dict[int, int] = dict(tx.rows.all("SELECT number, recorded_at FROM versions WHERE asset = ?", code))
        merged: dict[int, int] = {}
        for move in delivery.moves():
            if (move.asset, move.ref) == (code, "main"):
                for at in _reached(move.new or 0, edges):
                    merged.setdefault(at, move.at)
    with tangled.history(until=1000) as history:
        whole = history.record("code")
        targets = {
            (move.change, line.ref): move.new or 0 for line in history.deployed["code"].values() for move in line.moves
        }
    for since in (0, 20, 40):
        monkeypatch.setattr(bringing, "NEAR", since // 20)
        with tangled.history(since=since, until=1000) as history:
            found = history.record("code").units
        seen: dict[str, set[int]] = {}
        for one in whole.deployments:
            if not one.ref.startswith("code/app"):
                continue
            new = _reached(targets[one.key], edges) - seen.setdefault(one.ref, set())
            seen[one.ref] |= new
            if one.finished >= tangled.at(since):
                ids, committed, on_main = found.get(one.key, ((), (), ()))
                there = [when for count, when in on_main for _ in range(count)]
                brought = list(zip(ids, committed, there, strict=True))
                assert brought == [(f"code/app@{at}", made[at], merged.get(at)) for at in sorted(new)]


def _reached(of: int, edges: dict[int, list[int]]) -> set[int]:
    found, ahead = set(), [of]
    while ahead:
        here = ahead.pop()
        if here not in found:
            found.add(here)
            ahead += edges.get(here, ())
    return found


def test_each_change_of_a_rollback_over_several_was_taken_back(past: Past) -> None:
    """Insights count all of them as failed and as work done twice, not the newest alone."""
    changes = [past.world.propose(past.world.train(body).number) for body in (b"1", b"2", b"3")]
    back = past.world.do("rollback", CHAMPION, to="1", why="both bad")
    with past.history() as history:
        assert history.taken_back() == {one.id: back.closed_at for one in changes[1:]}
