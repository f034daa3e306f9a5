from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.ledger.runs import BY_FOREIGN, BY_ID
from loopline.nouns.digest import digest_of
from loopline.nouns.run import Link, Point, Run, RunState
from loopline.testing.loop import empty_database

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import Hand


def test_a_run_comes_back_whole(hand: Hand) -> None:
    """Params, tags, last metrics, inputs and outputs are all there."""
    run = hand.run(params={"lr": "0.1"}, tags={"who": "me"}, code=digest_of(b"c"), commit="abc", experiment="delay")
    link = Link("data", digest_of(b"d"), "x/y", 3, "data/flights", 2)
    with hand.write() as tx:
        tx.metrics.add(run.id, [Point("auc", 0.5, 1), Point("auc", 0.7, 2)])
        tx.lineage.record(run.id, project="flights", inputs=[link], outputs=[Link("model", digest_of(b"m"))])
        found = tx.runs.get(run.id)
    assert (found.params, found.tags, found.metrics) == ({"lr": "0.1"}, {"who": "me"}, {"auc": 0.7})
    assert found.inputs == (link,)
    assert [o.name for o in found.outputs] == ["model"]
    assert (found.code, found.commit, found.experiment) == (digest_of(b"c"), "abc", "delay")


def test_a_run_that_is_over_stays_as_it_is(hand: Hand) -> None:
    """The first end counts; a late one changes nothing and says so."""
    run = hand.run(state=RunState.PENDING)
    with hand.write() as tx:
        assert tx.runs.move(run.id, RunState.RUNNING)
        assert tx.runs.move(run.id, RunState.FAILED, error="boom")
        assert not tx.runs.move(run.id, RunState.FINISHED)
        found = tx.runs.get(run.id)
    assert (found.state, found.error) == (RunState.FAILED, "boom")
    assert found.started_at is not None
    assert found.ended_at is not None


def test_a_param_is_written_once(hand: Hand) -> None:
    """The same value again is harmless; another is a conflict; a tag is replaced."""
    run = hand.run(params={"lr": "0.1"}, tags={"t": "a"})
    with hand.write() as tx:
        tx.runs.annotate(run.id, params={"lr": "0.1", "depth": "6"}, tags={"t": "b"})
        with pytest.raises(Conflict) as caught:
            tx.runs.annotate(run.id, params={"lr": "0.2"})
        assert tx.runs.get(run.id).tags == {"t": "b"}
    assert caught.value.facts["old"] == "0.1"


def test_runs_are_found_by_their_first_digits(hand: Hand) -> None:
    """A unique beginning is enough; an ambiguous one is a conflict; a foreign id works as well."""
    one, two = hand.run(), hand.run(foreign_id="mlflow-1")
    with hand.read() as tx:
        assert tx.runs.resolve("flights", one.id).id == one.id
        assert tx.runs.resolve("flights", "mlflow-1").id == two.id
        with pytest.raises(Conflict):
            tx.runs.resolve("flights", one.id[:8])
        with pytest.raises(NotFound):
            tx.runs.resolve("other", one.id)
        with pytest.raises(NotFound):
            tx.runs.get("nope")


def test_the_same_id_starts_once(hand: Hand) -> None:
    """Starting a run under an id that is there is a conflict."""
    run = hand.run()
    with hand.write() as tx, pytest.raises(Conflict):
        tx.runs.start(run)


def test_a_cache_key_gives_the_newest_good_run(hand: Hand) -> None:
    """Failed, running and deleted runs are no cache entries; of several good ones the newest counts."""
    key = "k" * 64
    ids = {}
    for name, state in (
        ("old", "finished"),
        ("new", "finished"),
        ("gone", "finished"),
        ("bad", "failed"),
        ("cached", "cached"),
    ):
        run = hand.run(cache_key=key, state=RunState.RUNNING)
        ids[name] = run.id
        with hand.write() as tx:
            tx.lineage.record(run.id, project="flights", outputs=[Link("out", digest_of(name.encode()))])
            tx.runs.move(run.id, RunState(state))
    with hand.write() as tx:
        tx.runs.delete(ids["gone"])
        found = tx.runs.cached("flights", [key, "unknown"])
    assert list(found) == [key]
    assert found[key].id == ids["new"]
    assert found[key].outputs[0].digest == digest_of(b"new")


def test_a_journal_is_taken_once(hand: Hand) -> None:
    """Each sequence of a source advances the mark once; another source has its own."""
    run = hand.run()
    with hand.write() as tx:
        assert tx.runs.advance(run.id, "a", 1)
        assert not tx.runs.advance(run.id, "a", 1)
        assert tx.runs.advance(run.id, "a", 5)
        assert not tx.runs.advance(run.id, "a", 4)
        assert tx.runs.advance(run.id, "b", 1)


def test_children_and_deletion(hand: Hand) -> None:
    """Steps are listed under their pipeline; deleted ones are not, and deleting twice is not found."""
    parent = hand.run(kind="pipeline")
    steps = [hand.run(kind="step", parent=parent.id) for _ in range(3)]
    with hand.write() as tx:
        tx.runs.delete(steps[1].id)
        assert [r.id for r in tx.runs.children(parent.id)] == [steps[0].id, steps[2].id]
        with pytest.raises(NotFound):
            tx.runs.delete(steps[1].id)


def test_many_runs_start_at_once(hand: Hand) -> None:
    """A thousand cached steps are one transaction."""
    runs = [Run(hand.ids.new(), "flights", f"s{i}", state=RunState.CACHED, params={"i": str(i)}) for i in range(1000)]
    with hand.write() as tx:
        tx.runs.start_all(runs)
        assert tx.runs.get(runs[999].id).params == {"i": "999"}


def test_a_foreign_id_finds_its_run(hand: Hand) -> None:
    """By the other program's id, or by our own written as a UUID, and only in the project that was asked for."""
    run = hand.run(foreign_id="airflow-1")
    plain = hand.run()
    written = f"{plain.id[:8]}-{plain.id[8:12]}-{plain.id[12:16]}-{plain.id[16:20]}-{plain.id[20:]}"
    with hand.read() as tx:
        for name, found in (("airflow-1", run.id), (written, plain.id)):
            here = tx.runs.foreign(PROJECT, name)
            assert here is not None
            assert here.id == found
            assert tx.runs.foreign("other", name) is None
        assert tx.runs.foreign(PROJECT, "airflow-2") is None


def test_the_earliest_start_stays(hand: Hand) -> None:
    """A start that is told late moves a run's beginning back, never forward, though the run is over."""
    run = hand.run(started_at=50, state=RunState.FINISHED)
    with hand.write() as tx:
        for time, start in ((60, 50), (40, 40)):
            tx.runs.began(run.id, time)
            assert tx.runs.get(run.id).started_at == start


def test_a_parent_adopts_those_that_name_it(hand: Hand) -> None:
    """Runs with the tag are put inside of it once it is known; one that has a parent, or itself, is not."""
    parent, child, settled, other = hand.run(), hand.run(), hand.run(parent="x" * 32), hand.run()
    with hand.write() as tx:
        for one in (parent, child, settled):
            tx.runs.annotate(one.id, tags={"around": "p"})
        tx.runs.adopt(parent.id, tag="around", value="p")
        parents = [tx.runs.get(one.id).parent for one in (parent, child, settled, other)]
        assert parents == [None, parent.id, "x" * 32, None]


def test_runs_are_counted_by_experiment(hand: Hand) -> None:
    """Steps and deleted runs do not count; the experiment of the newest run comes first."""
    first = hand.run(experiment="a")
    hand.run(experiment="b")
    hand.run(experiment="a", parent=first.id)
    gone = hand.run(experiment="c")
    last = hand.run(experiment="a")
    with hand.write() as tx:
        tx.runs.delete(gone.id)
        assert tx.runs.count(last.project) == 3
        assert tx.runs.experiments(last.project) == [("a", 2), ("b", 1)]
        assert tx.runs.experiments("other") == []


def test_names_are_those_of_the_project(hand: Hand) -> None:
    """Whole ids give names; of nobody, of another project, and of no ids at all there are none."""
    run = hand.run()
    with hand.read() as tx:
        assert tx.runs.names(PROJECT, [run.id, "0" * 32]) == {run.id: "train"}
        assert tx.runs.names("other", [run.id]) == tx.runs.names(PROJECT, []) == {}


@pytest.mark.parametrize(("query", "values"), [(BY_ID, ("a", "b")), (BY_FOREIGN, ("a",))])
def test_a_run_is_found_without_looking_at_the_others(query: str, values: tuple[str, ...]) -> None:
    """However many runs a project has, an id costs a step through an index: a request that names a run is as quick as ever."""
    with empty_database().read() as rows:
        plan = [row[3] for row in rows.all(f"EXPLAIN QUERY PLAN {query}", PROJECT, *values, 0)]
    assert [line for line in plan if line.startswith("SCAN")] == []
    assert any(line.startswith("SEARCH r USING INDEX") and line.count("?") == len(values) + 1 for line in plan), plan


def test_runs_are_known_by_either_id(hand: Hand) -> None:
    """By their own and by the one that another program gave them, deleted or not, in one project."""
    with hand.write() as tx:
        one, two = (tx.runs.start(Run(str(n) * 32, "flights", "x", foreign_id=f"their-{n}")) for n in (1, 2))
        tx.runs.delete(two.id)
        names = [one.id, "their-2", "their-3"]
        assert tx.runs.known("flights", names) == {one.id: one.id, "their-2": two.id}
        assert tx.runs.known("other", names) == {}
        assert {run.id for run in tx.runs.those([one.id, two.id, "3" * 32])} == {one.id, two.id}
        group = tx.runs.experiment("flights", "default")
        assert tx.runs.ids(group, limit=1) == [one.id]
        assert tx.runs.ids(group, after=one.id, limit=5) == [two.id]
