"""Runs and experiments as clients of MLflow search for them.

The orders and what is found were compared with a real `mlflow server` (3.17.2, SQLite) that had the same data.
"""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Tracker

ACC = (0.5, 0.7, "NaN", "Infinity", "-Infinity", None, 0.7, "NaN", None, 0.0)
"""Of the runs, by their tag `n`."""
STATUSES = ("FINISHED", "FAILED", "RUNNING", "KILLED", "RUNNING")


@pytest.fixture
def runs(tracker: Tracker) -> Tracker:
    """Ten runs in two experiments, begun in another order than they are numbered; the last was deleted."""
    groups = [tracker.experiment("even"), tracker.experiment("odd")]
    for n, acc in enumerate(ACC):
        run = tracker.post(
            "runs/create", experiment_id=groups[n % 2], start_time=1000 + (n * 7) % 10, run_name=f"run-{'AbC'[n % 3]}-{n}",
            user_id=("ann", "bob")[n % 2], tags=[{"key": "n", "value": str(n)}],
        )["run"]["info"]["run_id"]  # fmt: skip
        metrics = [] if acc is None else [{"key": "acc", "value": acc, "timestamp": 1}]
        tracker.post(
            "runs/log-batch", run_id=run, metrics=metrics, params=[{"key": "Name", "value": f"{'aA'[n % 2]}l{n}"}]
        )
        if STATUSES[n % 5] != "RUNNING":
            tracker.post("runs/update", run_id=run, status=STATUSES[n % 5], end_time=5000 + n)
        if n == 9:
            tracker.post("runs/delete", run_id=run)
    return tracker


def _asked(runs: Tracker, **said: Any) -> dict[str, Any]:
    groups = [
        one["experiment_id"] for one in runs.post("experiments/search", filter="name != 'Default'")["experiments"]
    ]
    answer: dict[str, Any] = runs.post("runs/search", **{"experiment_ids": groups, **said})
    return answer


def _numbers(answer: dict[str, Any]) -> list[int]:
    return [int(next(tag["value"] for tag in one["data"]["tags"] if tag["key"] == "n")) for one in answer["runs"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [7, 4, 1, 8, 5, 2, 6, 3, 0]),
        ("metrics.acc > 0.5", [1, 6, 3]),
        ("metrics.acc != 0.7", [7, 4, 2, 3, 0]),
        ("metrics.acc <= 0.5", [4, 0]),
        ("params.Name LIKE 'al%'", [4, 8, 2, 6, 0]),
        ("params.Name ILIKE 'al%'", [7, 4, 1, 8, 5, 2, 6, 3, 0]),
        ("params.name IS NULL and tags.n != '8'", [7, 4, 1, 5, 2, 6, 3, 0]),
        ("status = 'FINISHED'", [5, 0]),
        ("status LIKE 'F%'", [1, 5, 6, 0]),
        ("status != 'RUNNING' AND user_id = 'ann'", [8, 6, 0]),
        ("attributes.run_name LIKE 'run-A%'", [6, 3, 0]),
        ("tags.`mlflow.runName` = 'run-b-1'", [1]),
        ("start_time >= 1008", [7, 4]),
        ("end_time < 5004", [1, 3, 0]),
        ("start_time = 1001", [3]),
        ("user_id LIKE 'b%'", [7, 1, 5, 3]),
        ("tags.mlflow.user = 'bob' and metrics.acc > 0", [1, 3]),
        ("artifact_uri = 'elsewhere'", []),
    ],
)
def test_a_filter_finds_what_it_finds_in_mlflow(runs: Tracker, text: str, found: list[int]) -> None:
    """The newest first, where nothing else is asked for."""
    assert _numbers(_asked(runs, filter=text)) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (["metrics.acc"], [4, 0, 1, 6, 3, 7, 2, 8, 5]),
        (["metrics.acc DESC"], [3, 1, 6, 0, 4, 7, 2, 8, 5]),
        (["metrics.acc DESC", "start_time"], [3, 6, 1, 0, 4, 2, 7, 5, 8]),
        (["status", "metrics.acc DESC"], [1, 6, 0, 5, 3, 8, 4, 7, 2]),
        (["end_time DESC"], [8, 6, 5, 3, 1, 0, 7, 4, 2]),
        (["params.Name DESC"], [8, 6, 4, 2, 0, 7, 5, 3, 1]),
        (["user_id DESC", "attributes.run_name"], [3, 5, 1, 7, 0, 6, 2, 8, 4]),
        (["tags.nope", "Created"], [0, 3, 6, 2, 5, 8, 1, 4, 7]),
    ],
)
def test_an_order_is_as_in_mlflow(runs: Tracker, order: list[str], found: list[int]) -> None:
    """Values, then NaN, then what is missing, whatever the direction; what is alike, the newest first."""
    assert _numbers(_asked(runs, order_by=order)) == found


@pytest.mark.parametrize(
    ("view", "found"), [("ACTIVE_ONLY", 9), ("DELETED_ONLY", 1), ("ALL", 10), (1, 9), (2, 1), ("3", 10)]
)
def test_deleted_runs_are_found_where_they_are_asked_for(runs: Tracker, view: str | int, found: int) -> None:
    """By a view type, written either way."""
    answer = _asked(runs, run_view_type=view)
    assert len(answer["runs"]) == found
    stages = {one["info"]["lifecycle_stage"] for one in answer["runs"]}
    assert stages == {"ACTIVE_ONLY": {"active"}, "DELETED_ONLY": {"deleted"}}.get(str(view), stages)


@pytest.mark.parametrize("order", [[], ["metrics.acc"], ["metrics.acc DESC", "params.Name"], ["tags.nope", "status"]])
def test_pages_are_the_whole(runs: Tracker, order: list[str]) -> None:
    """A token goes on where a page has ended."""
    whole = _numbers(_asked(runs, order_by=order, run_view_type="ALL"))
    found, token = list[int](), ""
    while True:
        answer = _asked(runs, order_by=order, run_view_type="ALL", max_results=4, page_token=token)
        found += _numbers(answer)
        token = answer.get("next_page_token", "")
        if not token:
            break
    assert found == whole
    assert len(found) == 10


def test_a_run_that_is_begun_meanwhile_moves_nothing(runs: Tracker) -> None:
    """A page holds what it would have held."""
    whole = _numbers(_asked(runs))
    first = _asked(runs, max_results=4)
    group = runs.get("experiments/get-by-name", experiment_name="odd")["experiment"]["experiment_id"]
    runs.post("runs/create", experiment_id=group, start_time=9999, tags=[{"key": "n", "value": "99"}])
    second = _asked(runs, max_results=50, page_token=first["next_page_token"])
    assert _numbers(first) + _numbers(second) == whole
    assert "next_page_token" not in second


def test_a_token_belongs_to_its_search(runs: Tracker) -> None:
    """What was changed, or made up, is refused and never guessed at."""
    token = _asked(runs, max_results=2, order_by=["metrics.acc"])["next_page_token"]
    groups = ["1", "2"]
    for said in (
        {"page_token": token, "order_by": ["metrics.acc desc"]},
        {"page_token": token, "order_by": ["metrics.acc"], "filter": "metrics.acc > 1"},
        {"page_token": token[:-6] + "AAAA=="},
        {"page_token": "!"},
        {"page_token": "eyJvZmZzZXQiOiAxfQ=="},
        {"page_token": "W10="},
    ):
        status, code, message = runs.refused("POST", "runs/search", {"experiment_ids": groups, **said})
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert "page token" in message


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"max_results": 0}, "It must be a positive integer"),
        ({"max_results": 50_001}, "It must be at most 50000"),
        ({"max_results": "many"}, "Invalid value"),
        ({"filter": "metrics.acc > 'x'"}, "Expected numeric value type for metric"),
        ({"filter": "metrics.a > 1 OR metrics.b > 1"}, "Invalid clause(s) in filter string"),
        ({"order_by": [f"metrics.m{at}" for at in range(70)]}, "at most 20 fields"),
        ({"filter": "params.a LIKE '" + "%" * 10_001 + "'"}, "at most 10000 characters"),
        ({"filter": "artifact_uri LIKE 'x'"}, "Invalid comparator 'LIKE'"),
        ({"order_by": ["metrics.a", "metrics.a"]}, "duplicate fields"),
        ({"order_by": ["nope"]}, "Invalid attribute key 'nope'"),
        ({"run_view_type": "SOME"}, "Invalid value"),
        ({"experiment_ids": ["x"]}, "Experiment ID must be a valid integer"),
        ({"experiment_ids": "1"}, "Invalid value"),
    ],
)
def test_what_is_no_search_is_refused(tracker: Tracker, said: dict[str, Any], message: str) -> None:
    """In the words that clients' users know."""
    status, code, told = tracker.refused("POST", "runs/search", {"experiment_ids": ["0"], **said})
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message in told


def test_only_the_experiments_that_are_asked_for_are_looked_into(runs: Tracker) -> None:
    """None where none is named, or one that is not there; never those of another project."""
    assert _asked(runs, experiment_ids=[])["runs"] == []
    assert _asked(runs, experiment_ids=["999", "-1"])["runs"] == []
    assert _asked(runs, experiment_ids=["0"])["runs"] == []
    even = runs.get("experiments/get-by-name", experiment_name="even")["experiment"]["experiment_id"]
    assert sorted(_numbers(_asked(runs, experiment_ids=[even]))) == [0, 2, 4, 6, 8]
    loop = runs.served.loop
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure("other")
        tx.say("test", "other")
    elsewhere = runs.say("POST", "runs/search", {"experiment_ids": [even]}, X_MLFLOW_WORKSPACE="other")
    assert elsewhere["runs"] == []


def test_a_run_of_loopline_is_found_by_what_clients_call_it(tracker: Tracker) -> None:
    """Its parent, commit and state are tags and a status there, whoever has begun it."""
    from loopline.verbs.finish import finish
    from loopline.verbs.start import start

    loop = tracker.served.loop
    outer = start(loop, "outer", experiment="own")
    inner = start(loop, "inner", experiment="own", parent=outer.id, commit="c0ffee", tags={"stage": "warm"})
    finish(loop, inner.id)
    group = tracker.get("experiments/get-by-name", experiment_name="own")["experiment"]["experiment_id"]
    for text in (
        f"tags.mlflow.parentRunId = '{outer.id}'",
        "tags.`mlflow.parentRunId` IS NOT NULL",
        "tags.mlflow.source.git.commit LIKE 'c0%'",
        "status = 'FINISHED' AND tags.stage = 'warm'",
        f"run_id IN ('{inner.id}')",
        f"artifact_uri = 'mlflow-artifacts:/{group}/{inner.id}/artifacts'",
    ):
        found = tracker.post("runs/search", experiment_ids=[group], filter=text)["runs"]
        assert [one["info"]["run_id"] for one in found] == [inner.id], text


def _names(tracker: Tracker, method: str = "POST", **said: Any) -> list[str]:
    return [one["name"] for one in tracker.say(method, "experiments/search", said)["experiments"]]


@pytest.fixture
def experiments(tracker: Tracker) -> Tracker:
    """Three experiments; the last was deleted."""
    for name, tags in (
        ("expA", []),
        ("expB", [{"key": "kind", "value": "Y"}]),
        ("expC", [{"key": "kind", "value": "x"}]),
    ):
        tracker.post("experiments/create", name=name, tags=tags)
        tracker.served.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
    made = tracker.get("experiments/get-by-name", experiment_name="expC")["experiment"]
    tracker.post("experiments/delete", experiment_id=made["experiment_id"])
    return tracker


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, ["expB", "expA", "Default"]),
        ({"view_type": "ALL"}, ["expC", "expB", "expA", "Default"]),
        ({"view_type": "DELETED_ONLY"}, ["expC"]),
        ({"filter": "name = 'Default'"}, ["Default"]),
        ({"filter": "name LIKE 'Def%'"}, ["Default"]),
        ({"filter": "name LIKE 'def%'"}, []),
        ({"filter": "attribute.name ILIKE 'EXP%'"}, ["expB", "expA"]),
        ({"filter": "tags.kind ILIKE 'y'"}, ["expB"]),
        ({"filter": "tags.kind IS NULL"}, ["expA", "Default"]),
        ({"filter": "experiment_id = '0'"}, ["Default"]),
        ({"filter": "experiment_id NOT IN ('0')"}, ["expB", "expA"]),
        ({"filter": "creation_time > 0 AND name != 'Default'", "order_by": ["name"]}, ["expA", "expB"]),
        ({"order_by": ["name DESC"]}, ["expB", "expA", "Default"]),
        ({"order_by": ["experiment_id"]}, ["Default", "expA", "expB"]),
        ({"order_by": ["last_update_time"]}, ["Default", "expA", "expB"]),
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_experiments_are_found_as_in_mlflow(
    experiments: Tracker, method: str, said: dict[str, Any], found: list[str]
) -> None:
    """The default one, too, under the name and number that clients know, before it has any runs."""
    assert _names(experiments, method, **said) == found


def test_experiments_come_in_pages(experiments: Tracker) -> None:
    """The default one stands among them, before it has been begun and after."""
    for _ in range(2):
        found, token = list[str](), ""
        while True:
            answer = experiments.post("experiments/search", max_results=1, page_token=token, order_by=["name"])
            found += [one["name"] for one in answer["experiments"]]
            token = answer.get("next_page_token", "")
            if not token:
                break
        assert found == ["Default", "expA", "expB"]
        experiments.run("0")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"filter": "name > 'a'"}, "Invalid comparator '>'"),
        ({"filter": "experiment_id = 'x'"}, "Experiment ID must be a valid integer"),
        ({"filter": "params.a = 'x'"}, "Invalid entity type 'params'"),
        ({"order_by": ["tags.kind"]}, "nothing is ordered by tags"),
        ({"max_results": 0}, "It must be a positive integer"),
        ({"view_type": "SOME"}, "Invalid value"),
        ({"page_token": "x"}, "Invalid page token"),
    ],
)
def test_what_is_no_search_of_experiments_is_refused(tracker: Tracker, said: dict[str, Any], message: str) -> None:
    """In the words that clients' users know."""
    status, code, told = tracker.refused("POST", "experiments/search", said)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message in told


def test_an_order_may_have_many_fields(tracker: Tracker) -> None:
    """As many as are let through, which every database can join."""
    group = tracker.experiment()
    run = tracker.run(group)
    order = [f"{part}.m{n}" for n in range(10) for part in ("metrics", "params")]
    found = tracker.post("runs/search", experiment_ids=[group], order_by=order)["runs"]
    assert [one["info"]["run_id"] for one in found] == [run]
