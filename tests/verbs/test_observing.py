from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import NotFound
from loopline.ledger.schema import prepare
from loopline.nouns.digest import digest_of
from loopline.nouns.run import RunState
from loopline.testing.loop import loop
from loopline.verbs.observing import Dataset, Noted, Observed, descriptors, digests_of, elsewhere, observe
from loopline.wiring import open_database

if TYPE_CHECKING:
    from .conftest import World

RUN = "01941f29-7c00-7aaa-8000-000000000001"


def told(what: str = "start", at: int = 10, **more: Any) -> Observed:
    """One telling of one run."""
    return Observed(run=RUN, name="load", at=at, told=f"{what} {at} {more}".encode(), what=what, **more)


def test_a_param_is_written_once_and_a_tag_is_the_newest(world: World) -> None:
    """Another value for a param becomes a tag beside it, and an older telling replaces no tag."""
    observe(world.loop, [told(params={"day": "1"}, tags={"stage": "b"}, at=10)])
    observe(world.loop, [told(params={"day": "2", "n": "3"}, tags={"stage": "a", "more": "x"}, at=5)])
    (run,) = world.do("find")
    assert run.params == {"day": "1", "n": "3"}
    assert (run.tags["stage"], run.tags["more"], run.tags["param.day"]) == ("b", "x", "2")


def test_all_or_nothing_and_an_event_for_each(world: World) -> None:
    """Several tellings are kept together, each as an event of its own."""
    several: list[Observed | Noted] = [
        told(),
        told("complete", 20, state=RunState.FINISHED),
        Noted("job.observed", "n/j", b"{}"),
    ]
    before = len(world.events())
    assert observe(world.loop, several) == 3
    assert [event.kind for event in world.events()[before:]] == ["run.started", "run.finished", "job.observed"]
    assert observe(world.loop, several) == 0
    nothing: Any = None
    broken = replace(told("other", 30), run="another", experiment=nothing)
    with pytest.raises(Exception, match="NOT NULL"):
        observe(world.loop, [told("running", 25), broken])
    assert len(world.events()) == before + 6


def test_our_own_run_is_known_by_its_id(world: World) -> None:
    """What another program says of a run that was started here is said of that run."""
    run = world.do("start", "train", run=RUN.replace("-", ""))
    observe(world.loop, [told("complete", 20, state=RunState.FINISHED)])
    assert world.do("find")[0].state is RunState.FINISHED
    assert world.do("find")[0].id == run.id


def test_a_run_of_another_project_is_another_run(world: World) -> None:
    """The same foreign id in two projects is two runs."""
    observe(world.loop, [told()])
    observe(world.abroad().loop, [told()])
    assert len({world.do("find")[0].id, world.abroad().do("find")[0].id}) == 2


def test_data_elsewhere_is_found_by_how_it_is_written(world: World) -> None:
    """Namespaces and names hold slashes and at-signs: each way to cut the text in two is looked for."""
    datasets = (Dataset("s3://bucket", "raw/orders/day=1"), Dataset("db", "a@b", "7"))
    observe(world.loop, [told(inputs=datasets)])
    with world.loop.ledger.read() as tx:
        for dataset in datasets:
            digest = digest_of(next(iter(descriptors(dataset))))
            written = dataset.written + (f"@{dataset.version}" if dataset.version else "")
            assert digest in digests_of(written)
            assert elsewhere(tx, world.loop, f"dataset:{written}") == [digest]
        with pytest.raises(NotFound):
            elsewhere(tx, world.loop, "dataset:s3://bucket/raw")


def test_both_databases_keep_a_telling_together(postgres_ledger: str) -> None:
    """On PostgreSQL, too, several tellings are one transaction, and the last of them can undo the first."""
    database = open_database(postgres_ledger)
    prepare(database)
    here = loop(database=database)
    datasets = (Dataset("db", "orders", "7"),)
    first, second = told(outputs=datasets, began=True), told("complete", 20, state=RunState.FINISHED, inputs=datasets)
    assert observe(here, [first, second]) == 2
    assert observe(here, [second, first]) == 0
    nothing: Any = None
    with pytest.raises(Exception, match="null value"):
        observe(here, [told("other", 30), replace(first, run="another", experiment=nothing)])
    with here.ledger.read() as tx:
        run = tx.runs.foreign(here.project, RUN)
        assert run is not None
        assert (run.state, len(run.outputs), len(run.inputs)) == (RunState.FINISHED, 2, 1)
        assert tx.feed.head(here.project).seq == 4
        assert "observed.other" not in run.tags
    database.close()
