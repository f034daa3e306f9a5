from __future__ import annotations

import json
from typing import Any

import pytest

from loopline.faces.openlineage.emit import emit
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Link, Point, Run, RunState

from .conftest import World, event
from .spec import check

DATA, MODEL = AssetName("flights", "data", "flights"), AssetName("flights", "model", "delay")
COMMIT = "693e35482bc2e526ced2b5f9f76ef83dec6ec691"


def said(world: World, after: int = 0) -> list[dict[str, Any]]:
    """Everything that the feed means in OpenLineage, each held against the specification."""
    with world.loop.ledger.read() as tx:
        found = [one for event in tx.feed.iter("flights", after=after) for one in emit(tx, event)]
    for one in found:
        check(json.loads(json.dumps(one, allow_nan=False)))
    return found


def story(world: World) -> Run:
    """Data, a training with a step that reads them, a model that becomes champion."""
    data, model = world.loop.blobs.put(b"data"), world.loop.blobs.put(b"model")
    fields = [{"name": "carrier", "type": "VARCHAR"}, {"name": "delay", "type": "DOUBLE"}]
    world.do("put", DATA, digest=data, message="July", metadata={"schema": fields})
    run: Run = world.do(
        "start", "train", kind="pipeline", params={"depth": "8"}, tags={"stage": "warm"},
        code=digest_of(b"code"), commit=COMMIT, experiment="delays",
    )  # fmt: skip
    with world.loop.ledger.telemetry() as tables:
        tables.runs.annotate(run.id, tags={"log": digest_of(b"x")})
    step = world.do("start", "fit", kind="step", parent=run.id)
    read, made = Link("data", data, asset=str(DATA), number=1), Link("model", model)
    world.do("log", step.id, inputs=(read,), outputs=(made,))
    world.do("finish", step.id, state=RunState.FAILED, error="out of memory")
    world.do("log", run.id, inputs=(read,), outputs=(made,), points=(Point("auc", 0.7), Point("nan", float("nan"))))
    world.do("put", MODEL, digest=model, run=run.id)
    world.do("finish", run.id)
    world.do("propose", RefName(MODEL, "champion"), to=Numbered(1), why="better")
    return run


def test_a_run_is_told_as_the_specification_says(world: World) -> None:
    """START and COMPLETE with engine, parameters, tags, job type, commit, and datasets with versions and schema."""
    run = story(world)
    events = [one for one in said(world) if one.get("job", {}).get("name") == "train"]
    assert [one["eventType"] for one in events] == ["START", "RUNNING", "COMPLETE"]
    start, _, end = events
    assert start["run"]["runId"].replace("-", "") == run.id
    assert start["job"]["namespace"] == "loopline://flights"
    assert start["run"]["facets"]["executionParameters"]["parameters"] == [{"key": "depth", "value": "8"}]
    assert [one["key"] for one in start["run"]["facets"]["tags"]["tags"]] == ["stage"]
    assert start["job"]["facets"]["sourceCodeLocation"]["version"] == COMMIT
    assert end["run"]["facets"]["loopline_run"]["metrics"] == {"auc": 0.7}
    (read,) = end["inputs"]
    assert (read["namespace"], read["name"]) == ("loopline://flights", "data/flights")
    assert read["facets"]["version"]["datasetVersion"] == "1"
    assert [one["name"] for one in read["facets"]["schema"]["fields"]] == ["carrier", "delay"]
    assert [one["name"] for one in end["outputs"]] == ["model/delay"]


def test_a_step_names_its_parent_and_its_error(world: World) -> None:
    """A run inside another has the parent's facet, its pipeline's name in its own, and says why it failed."""
    run = story(world)
    end = next(one for one in said(world) if one.get("eventType") == "FAIL")
    assert end["job"]["name"] == "train.fit"
    assert end["run"]["facets"]["parent"]["run"]["runId"].replace("-", "") == run.id
    assert end["run"]["facets"]["parent"]["job"]["name"] == "train"
    assert end["run"]["facets"]["errorMessage"]["message"] == "out of memory"


def test_versions_and_moves_are_told_of_datasets(world: World) -> None:
    """A new version creates or overwrites its dataset; a ref that moves does the same to what is current."""
    story(world)
    world.do("put", MODEL, digest=world.loop.blobs.put(b"model 2"))
    world.do("propose", RefName(MODEL, "champion"), to=Numbered(2), why="even better")
    world.do("propose", RefName(MODEL, "champion"), delete=True, why="no more")
    datasets = [one["dataset"] for one in said(world) if "dataset" in one]
    told = []
    for one in datasets:
        facets = one["facets"]
        life = facets["lifecycleStateChange"]["lifecycleStateChange"]
        told.append((one["name"], life, facets.get("version", {}).get("datasetVersion")))
    assert told == [
        ("data/flights", "CREATE", "1"), ("model/delay", "CREATE", "1"), ("model/delay@champion", "CREATE", "1"),
        ("model/delay", "OVERWRITE", "2"), ("model/delay@champion", "OVERWRITE", "2"), ("model/delay@champion", "DROP", None),
    ]  # fmt: skip
    assert datasets[4]["facets"]["loopline_change"]["reason"] == "even better"
    assert datasets[4]["facets"]["symlinks"]["identifiers"][0]["name"] == "model/delay"


@pytest.mark.parametrize(("result", "status"), [("pass", "pass"), ("fail", "fail"), ("error", "skip")])
def test_a_verdict_is_a_test(world: World, result: str, status: str) -> None:
    """What a check said is a test of the check's run; an error is never told as a pass."""
    run = world.do("start", "holdout", kind="check")
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.say("check.answered", "0" * 32, check="eval/holdout", result=result, run=run.id)
    (last,) = said(world, after=1)
    (test,) = last["run"]["facets"]["test"]["tests"]
    assert (last["eventType"], test["name"], test["status"], test["actual"]) == (
        "OTHER",
        "eval/holdout",
        status,
        result,
    )


@pytest.mark.parametrize(
    ("state", "kind"),
    [("finished", "COMPLETE"), ("failed", "FAIL"), ("crashed", "FAIL"), ("cancelled", "ABORT")],
)
def test_every_end_has_its_word(world: World, state: str, kind: str) -> None:
    """A run that is over in any way is told as over."""
    run = world.do("start", "train")
    world.do("finish", run.id, state=RunState(state))
    assert [one["eventType"] for one in said(world)] == ["START", kind]


def test_steps_of_a_pipeline_begin_and_end(world: World) -> None:
    """Steps that are written down together are told one by one; a cached one begins and ends at once."""
    run = world.do("start", "train", kind="pipeline")
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        for name, state in (("read", RunState.CACHED), ("fit", RunState.RUNNING)):
            tx.runs.start(
                Run(world.loop.ids.new(), "flights", name, "step", state, parent=run.id, started_at=1, ended_at=2)
            )
        tx.say("steps.cached", run.id, steps=["read"])
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.say("steps.started", run.id, steps=["fit"])
    events = [(one["job"]["name"], one["eventType"]) for one in said(world, after=1)]
    assert events == [("train.read", "START"), ("train.read", "COMPLETE"), ("train.fit", "START")]


def test_what_others_told_is_not_told_on(world: World) -> None:
    """Two servers that listen to each other would never stop."""
    world.tell(event(), event("COMPLETE"))
    assert said(world) == []


def test_an_erased_event_says_nothing(world: World) -> None:
    """Where the payload is gone, so is what it meant; events of other kinds mean nothing here."""
    world.do("start", "train")
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.feed.erase("flights", 1)
        tx.say("grant.given", "ann", role="team/x")
    assert said(world) == []


def test_there_and_back_again(world: World) -> None:
    """What one loop tells, another takes: the same runs, states, parents, params, errors and edges."""
    run = story(world)
    told = said(world)
    mirror = _another(world)
    for one in told + told[:3]:
        assert mirror.post(one, "/api/v1/lineage?project=elsewhere").status_code == 200
    here = mirror.run(str(_uuid(run.id)))
    assert here.project == "flights"  # the namespace says so
    assert (here.name, here.state, here.params, here.commit) == ("train", RunState.FINISHED, {"depth": "8"}, COMMIT)
    with world.loop.ledger.read() as tx:
        (step,) = tx.runs.children(run.id)
        original = tx.runs.get(run.id)
    there = mirror.run(str(_uuid(step.id)))
    assert (there.parent, there.error, there.state) == (here.id, "out of memory", RunState.FAILED)
    assert (here.started_at, here.ended_at) == (original.started_at, original.ended_at)
    assert [link.name for link in here.inputs] == ["loopline://flights/data/flights@1"]
    assert "loopline://flights/model/delay@1" in [link.name for link in here.outputs]


def _another(world: World) -> World:
    from starlette.applications import Starlette

    from loopline.faces.desk import Desk
    from loopline.faces.openlineage.routes import routes
    from loopline.testing.loop import loop

    from .conftest import _Known

    mirror = World(loop())
    app = Starlette(routes=routes())
    app.state.desk = Desk(mirror.loop, world.app._app.state.desk.threads)
    mirror.app = _Known(app, mirror)
    return mirror


def _uuid(number: str) -> Any:
    from uuid import UUID

    return UUID(number)


def test_facets_of_ours_are_marked_as_ours(world: World) -> None:
    """Whatever the specification has no facet for stands in one that begins with `loopline_`."""
    story(world)
    names = {
        name
        for one in said(world)
        for name in (*one.get("run", {}).get("facets", {}), *one.get("dataset", {}).get("facets", {}))
    }
    assert {name for name in names if name.startswith("loopline_")} == {
        "loopline_run",
        "loopline_artifact",
        "loopline_change",
    }
