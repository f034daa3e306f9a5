from __future__ import annotations

import gzip
import json
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.errors import NotFound
from loopline.nouns.artifact import DATASET
from loopline.nouns.run import RunState

from .conftest import OTHER, RUN, dataset, event, facet

if TYPE_CHECKING:
    from .conftest import World

BATCH = "/api/v1/lineage/batch"


def test_a_run_is_told_from_start_to_end(world: World) -> None:
    """START and COMPLETE become one run with its times, group, params, commit and where it came from."""
    world.tell(
        event(
            run_facets={
                "processingEngine": facet(name="Airflow", version="2.10.0"),
                "executionParameters": facet(
                    parameters=[{"key": "day", "value": "2026-06-30"}, {"key": "n", "value": 3}]
                ),
                "tags": facet(
                    tags=[
                        {"key": key, "value": one}
                        for key, one in (("team", "shop"), ("log", "sha256:x"), ("task.fence", "9"))
                    ]
                ),
                "airflow_version": facet(version={"a": 1}),
            },
            job_facets={
                "jobType": facet(processingType="BATCH", integration="AIRFLOW", jobType="DAG"),
                "sourceCodeLocation": facet(type="git", url="https://git.example.org/x", version="abc123"),
                "ownership": facet(owners=[{"name": "team:shop"}]),
            },
        )
    )
    assert world.run().state is RunState.RUNNING
    world.tell(event("COMPLETE", at="2026-07-01T12:30:00+02:00"))
    run = world.run()
    assert (run.name, run.experiment, run.kind, run.commit) == (
        "shop.load_orders",
        "airflow-prod",
        "pipeline",
        "abc123",
    )
    assert (run.foreign_id, run.actor, run.state) == (RUN, "token:airflow", RunState.FINISHED)
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.ended_at - run.started_at == 30 * 60 * 1_000_000
    assert run.params == {"day": "2026-06-30", "n": "3"}
    assert run.tags["openlineage.engine"] == "Airflow 2.10.0"
    assert (run.tags["team"], run.tags["openlineage.log"]) == ("shop", "sha256:x")
    assert run.tags["openlineage.task.fence"] == "9"
    assert not {"log", "task.fence"} & set(run.tags)
    assert run.tags["openlineage.facets"] == "airflow_version"
    assert [one.kind for one in world.events()] == ["run.started", "run.finished"]
    with world.loop.ledger.read() as tx:
        assert tx.runs.resolve("flights", RUN).id == run.id


@pytest.mark.parametrize(("said", "state"), [("FAIL", RunState.FAILED), ("ABORT", RunState.CANCELLED)])
def test_a_run_that_fails_says_why(world: World, said: str, state: RunState) -> None:
    """The error's message is the run's, and its stack trace is in what was kept of the telling."""
    error = facet(message="table is missing", programmingLanguage="PYTHON", stackTrace="Traceback …")
    world.tell(event(), event(said, run_facets={"errorMessage": error}))
    run = world.run()
    assert (run.state, run.error) == (state, "table is missing")
    told = json.loads(b"".join(world.loop.blobs.get(run.tags[f"observed.{said.lower()}"])))  # type: ignore[arg-type]
    assert told["run"]["facets"]["errorMessage"]["stackTrace"] == "Traceback …"


def test_nothing_that_was_told_is_lost(world: World) -> None:
    """Every event is kept whole, facets that nobody here knows included, and the project holds these bytes."""
    strange = event(run_facets={"spark_plan": facet(nodes=[{"deep": [1, 2.5, None, "ü"]}])}, more={"x": 1})
    world.tell(strange)
    digest = world.run().tags["observed.start"]
    assert json.loads(b"".join(world.loop.blobs.get(digest))) == strange  # type: ignore[arg-type]
    with world.loop.ledger.read() as tx:
        assert tx.holdings.among("flights", [digest]) == {digest}


def test_events_come_in_any_order_and_more_than_once(world: World) -> None:
    """Whatever the order and however often: the same run, times, params and edges."""
    given = facet(parameters=[{"key": "a", "value": "1"}])
    events = [
        event("START", inputs=[dataset("raw.orders")]),
        event("RUNNING", at="2026-07-01T10:05:00Z", run_facets={"executionParameters": given}),
        event("COMPLETE", at="2026-07-01T10:30:00Z", outputs=[dataset("shop.orders")]),
        event("OTHER", at="2026-07-01T10:31:00Z", run_facets={"tags": facet(tags=[{"key": "late", "value": "yes"}])}),
    ]  # fmt: skip
    seen = set()
    for index, order in enumerate(permutations(range(4))):
        number = f"01941f29-7c00-7aaa-8000-{index + 16:012x}"
        for which in (*order, *order[:2]):
            world.tell(events[which] | {"run": {**events[which]["run"], "runId": number}})
        run = world.run(number)
        tags = {key: value for key, value in run.tags.items() if not key.startswith("observed.")}
        seen.add((
            run.state, run.started_at, run.ended_at, str(run.params), str(tags), str([x.digest for x in run.inputs]),
            str([x.digest for x in run.outputs]),
        ))  # fmt: skip
    assert len(seen) == 1
    (only,) = seen
    assert only[0] is RunState.FINISHED
    assert "late" in only[4]


def test_a_redelivery_changes_nothing(world: World) -> None:
    """The same event again is taken, adds no edge, and says of itself that nothing was new."""
    one = event("COMPLETE", inputs=[dataset("raw.orders")], outputs=[dataset("shop.orders")])
    assert world.post(one).json() == {"received": 1, "new": 1}
    before = world.run()
    assert world.post(one).json() == {"received": 1, "new": 0}
    assert world.run() == before
    assert world.events()[-1].kind == "run.unchanged"


def test_a_parent_is_found_whichever_comes_first(world: World) -> None:
    """A task that is told of before its DAG run is inside of it once that is known."""
    inside = {"parent": facet(run={"runId": OTHER.upper()}, job={"namespace": "airflow-prod", "name": "shop"})}
    world.tell(event(run_facets=inside))
    assert world.run().parent is None
    world.tell(event(run=OTHER))
    assert world.run().parent == world.run(OTHER).id
    third = "01941f29-7c00-7aaa-8000-000000000003"
    world.tell(event(run=third, run_facets=inside))
    assert world.run(third).parent == world.run(OTHER).id
    assert world.run(OTHER).parent is None
    assert [run.id for run in world.do("find")] == [world.run(OTHER).id]


def test_lineage_leads_through_data_elsewhere(world: World) -> None:
    """What one program wrote and another read connects their runs, by name, with and without a version."""
    world.tell(
        event("COMPLETE", outputs=[dataset("shop.orders", version={"datasetVersion": "7"})]),
        event("COMPLETE", run=OTHER, inputs=[dataset("shop.orders")], outputs=[dataset("shop.report")]),
    )
    reached = world.do("impact", world.run().id).reached
    assert {one.title for one in reached} == {
        "postgres://db:5432/shop.orders@7", "postgres://db:5432/shop.orders", "postgres://db:5432/shop.report",
    }  # fmt: skip
    assert [one.title for one in world.do("impact", "dataset:postgres://db:5432/shop.orders").reached] == [
        "postgres://db:5432/shop.report"
    ]
    assert world.do("impact", "dataset:postgres://db:5432/shop.orders@7").reached == ()
    why = world.do("why", "dataset:postgres://db:5432/shop.report")
    assert why.title == "postgres://db:5432/shop.report"
    (made,) = why.because
    assert made.key == world.run(OTHER).id
    assert made.because[0].because[0].key == world.run().id
    assert {link.media_type for link in world.run().outputs} == {DATASET}
    for verb in ("impact", "why"):
        with pytest.raises(NotFound):
            world.do(verb, "dataset:postgres://db:5432/nothing")
        with pytest.raises(NotFound):
            world.do(verb, "dataset:postgres://db:5432/shop.orders", project="other")


@pytest.mark.parametrize("way", ["named", "symlink"])
def test_our_own_assets_are_known_again(world: World, way: str) -> None:
    """A dataset in the project's namespace, or with a symlink there, is the version itself: why goes on behind it."""
    digest = world.loop.blobs.put(b"bytes")
    world.do("put", _asset("flights"), digest=digest)
    ours = {"namespace": "loopline://flights", "name": "data/flights"}
    one = {**ours, "facets": {"version": facet(datasetVersion="1")}}
    if way == "symlink":
        one = dataset("x", version={"datasetVersion": "1"}, symlinks={"identifiers": [{**ours, "type": "TABLE"}]})
    world.tell(event("COMPLETE", inputs=[one], outputs=[dataset("shop.report")]))
    (link,) = world.run().inputs
    assert (link.asset, link.number, link.digest) == ("data/flights", 1, digest)
    assert "shop.report" in world.do("impact", "data/flights@1").reached[0].title


def test_another_projects_assets_are_only_names(world: World) -> None:
    """Nothing of another project is looked up, whether it is there or not."""
    world.do("put", _asset("secret"), digest=world.loop.blobs.put(b"x"), project="secret")
    world.tell(event("COMPLETE", inputs=[{"namespace": "loopline://secret", "name": "data/flights"}]))
    assert world.run().inputs[0].asset is None


def test_the_project_is_asked_for_or_named(world: World) -> None:
    """`?project=` says where events belong, a `loopline://` namespace of the job says it for its own."""
    assert world.post(event(), "/api/v1/lineage?project=shop").status_code == 200
    assert world.run(project="shop").project == "shop"
    named = event(run=OTHER, job={"namespace": "loopline://other"})
    assert world.post([event(), named], f"{BATCH}?project=shop").json() == {"received": 2, "new": 1}
    assert world.run(OTHER, project="other").name == "shop.load_orders"
    assert world.post(event(), "/api/v1/lineage?project=NO!").status_code == 400


def test_events_without_a_run_are_kept_too(world: World) -> None:
    """What is told of a dataset or a job alone is in the feed, whole in the store, and once."""
    base = {key: event()[key] for key in ("eventTime", "producer", "schemaURL")}
    about = base | {"dataset": dataset("shop.orders", schema={"fields": [{"name": "id", "type": "INT"}]})}
    job = base | {"job": event()["job"], "inputs": [dataset("a")], "outputs": [dataset("b")]}
    assert world.post([about, job, about], BATCH).json() == {"received": 3, "new": 2}
    first, second, third = world.events()
    assert (first.kind, first.subject) == ("dataset.observed", "postgres://db:5432/shop.orders")
    assert first.payload is not None
    assert json.loads(b"".join(world.loop.blobs.get(first.payload["told"]))) == about
    assert (second.kind, second.payload and second.payload["outputs"]) == ("job.observed", ["postgres://db:5432/b"])
    assert third.kind == "dataset.unchanged"


def test_a_batch_is_taken_whole_or_not_at_all(world: World) -> None:
    """One event that makes no sense refuses the others with its place in the list."""
    answer = world.post([event(), event(run=OTHER), {**event(), "eventTime": "yesterday"}], BATCH)
    assert answer.status_code == 400
    assert (answer.json()["facts"]["event"], answer.json()["facts"]["place"]) == (2, "eventTime")
    assert world.events() == []
    assert world.post([], BATCH).json() == {"received": 0, "new": 0}
    assert world.post({"events": []}, BATCH).status_code == 400
    assert world.post([event()] * 1001, BATCH).status_code == 400


def without(*path: str) -> dict[str, Any]:
    """An event from which something is missing."""
    found = here = event()
    for key in path[:-1]:
        here = here[key]
    del here[path[-1]]
    return found


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([], ""), ("x", ""), (None, ""), (1, ""), ({}, "eventTime"),
        (without("eventTime"), "eventTime"), (without("producer"), "producer"),
        ({**without("run"), "job": None}, "job"), (without("job"), "job"),
        (without("run", "runId"), "run.runId"), (without("job", "name"), "job.name"),
        (without("job", "namespace"), "job.namespace"),
        (event(run="not-a-uuid"), "run.runId"), (event("STARTED"), "eventType"), (event(at="2026-07-01"), "eventTime"),
        (event(at="2026-07-01T10:00:00"), "eventTime"), (event(at="2026-13-41T10:00:00Z"), "eventTime"),
        (event(at=1751364000), "eventTime"), (event(schemaURL=7), "schemaURL"), (event(producer="  "), "producer"),
        (event(inputs={}), "inputs"), (event(inputs=[7]), "inputs[0]"), (event(outputs=[{"name": "x"}]), "outputs[0].namespace"),
        (event(outputs=[{"name": "x", "namespace": "n", "facets": []}]), "outputs[0].facets"),
        (event(outputs=[{"name": "x", "namespace": "n", "outputFacets": {"a": 1}}]), "outputs[0].outputFacets.a"),
        (event(run_facets={"parent": "x"}), "run.facets.parent"), (event(run_facets=[1]), "run.facets"),
        (event(run_facets={"parent": facet(run="x")}), "run.facets.parent.run.runId"),
        (event(run_facets={"nominalTime": facet()}), "run.facets.nominalTime.nominalStartTime"),
        (event(job={"name": "x" * 2001}), "job.name"), (event(inputs=[dataset("x")] * 1001), "inputs"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_place(world: World, value: Any, place: str) -> None:
    """A malformed event is a 400 that names the place in it, and nothing of it is kept."""
    answer = world.post(value)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["kind"], answer.json()["facts"]["place"]) == ("bad-lineage", place)
    assert world.events() == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400), (b"{", {}, 400), (b'{"a": NaN}', {}, 400), (b"\xff", {}, 400), (b"[" * 100_000, {}, 400),
        (json.dumps(event(job={"name": "a\x00b"})).encode(), {}, 400),
        (json.dumps(event(job={"name": "\ud800"})).encode(), {}, 400),
        (b'{"a": 1e999}', {}, 400), (b"x" * (16 << 20) + b"x", {}, 413),
        (gzip.compress(b"0" * ((16 << 20) + 1)), {"Content-Encoding": "gzip"}, 413),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400), (gzip.compress(b"{}", mtime=0)[:-3], {"Content-Encoding": "gzip"}, 400),
        (b"{}", {"Content-Encoding": "br"}, 415), (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)  # fmt: skip
def test_huge_and_broken_bodies_are_refused(world: World, body: bytes, headers: dict[str, str], status: int) -> None:
    """Whatever bytes come in: a problem with the right status, never a defect."""
    answer = world.post(body, **headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_packed_event_is_unpacked(world: World) -> None:
    """Clients that compress are understood."""
    packed = gzip.compress(json.dumps(event()).encode())
    assert world.post(packed, Content_Encoding="gzip").status_code == 200
    assert world.run().name == "shop.load_orders"


def test_names_cannot_inject_a_header(world: World) -> None:
    """Line ends in a name are text: they are kept as they are and reach no header of any answer."""
    nasty = "x\r\nSet-Cookie: a=b\r\n\r\n<script>"
    answer = world.post(event(job={"name": nasty}))
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert world.run().name == nasty
    refused = world.post(event(nasty))
    assert refused.status_code == 400
    assert "set-cookie" not in refused.headers


def test_strangers_learn_and_change_nothing(world: World) -> None:
    """Without a caller, or without the right, the answer is the same for any event, and nothing is kept."""
    known = world.caller
    world.caller = None
    assert world.post(event()).status_code == 401
    assert world.post(b"{").status_code == 401
    assert known is not None
    world.caller = replace(known, open=False, roles={}, scopes=())
    answers = {
        world.post(event(), f"/api/v1/lineage?project={project}").status_code for project in ("flights", "nowhere")
    }
    assert answers == {403}
    assert world.events() == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6,
)  # fmt: skip
FACETS = st.dictionaries(
    st.sampled_from([
        "parent", "nominalTime", "errorMessage", "processingEngine", "executionParameters", "tags", "jobType", "symlinks",
        "sourceCodeLocation", "ownership", "documentation", "version", "datasetVersion", "x",
    ]),
    VALUES | st.dictionaries(
        st.sampled_from([
            "run", "message", "parameters", "tags", "owners", "identifiers", "datasetVersion", "url", "version", "name",
            "jobType",
            "nominalStartTime", "description",
        ]),
        VALUES | st.lists(st.dictionaries(st.sampled_from(["key", "value", "name", "namespace"]), VALUES), max_size=2),
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(run=FACETS, job=FACETS, data=FACETS, said=st.sampled_from(["START", "COMPLETE", "FAIL", None]))
def test_no_facet_is_a_defect(world: World, run: Any, job: Any, data: Any, said: str | None) -> None:
    """Facets of any shape are taken, or refused with a reason."""
    one = {"namespace": "n", "name": "d", "facets": data}
    answer = world.post(event(said, run_facets=run, job_facets=job, inputs=[one], outputs=[one]))
    assert answer.status_code in {200, 400}, answer.text


def _asset(project: str) -> Any:
    from loopline.nouns.name import AssetName

    return AssetName(project, "data", "flights")
