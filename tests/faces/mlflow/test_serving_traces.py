"""Operations on traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .conftest import V2, V3
from .telling import TRACE, child, info, root, send

if TYPE_CHECKING:
    from .conftest import Tracker


def search(tracker: Tracker, group: str = "0", **more: Any) -> Any:
    """Give a page of traces."""
    return tracker.say(
        "POST", f"{V3}/traces/search", {"locations": [{"mlflow_experiment": {"experiment_id": group}}], **more}
    )


def ids(tracker: Tracker, group: str = "0", **more: Any) -> list[str]:
    """Give the ends of the ids of traces that are found."""
    return [one["trace_id"][-2:] for one in search(tracker, group, **more)["traces"]]


def many(tracker: Tracker, count: int, group: str = "0") -> None:
    """Send traces, the oldest first: their ids end in 01, 02, …."""
    for at in range(1, count + 1):
        said = info(
            group,
            trace_id="tr-" + f"{at:032x}",
            request_time=f"2026-05-28T20:26:{at:02}.000Z",
            execution_duration=f"{at}.5s",
        )
        tracker.say("POST", f"{V3}/traces", said)


def test_a_trace_that_is_told_is_given_back(tracker: Tracker) -> None:
    """With all that the client said, and where its files lie."""
    group, run = tracker.experiment(), tracker.run()
    said = info(
        group,
        client_request_id="c-1",
        request_preview="in",
        response_preview="out",
        state="ERROR",
        trace_metadata={
            "mlflow.sourceRun": run,
            "mlflow.trace.session": "s",
            "mlflow.trace.tokenUsage": '{"total_tokens": 3}',
            "mlflow.trace.cost": '{"total_cost": 0.25}',
            "mlflow.user": "ann",
        },
        tags={"mlflow.traceName": "ask", "team": "é"},
    )
    told = tracker.say("POST", f"{V3}/traces", said)["trace"]["trace_info"]
    assert told == tracker.get(f"{V3}/traces/{TRACE}")["trace"]["trace_info"]
    expected = said["trace"]["trace_info"]
    artifacts = f"mlflow-artifacts:/{group}/traces/{TRACE}/artifacts"
    assert told == {**expected, "tags": {**expected["tags"], "mlflow.artifactLocation": artifacts}}
    assert ids(tracker, group, filter=f"run_id = '{run}'") == ["01"]


def test_telling_again_adds_and_corrects(tracker: Tracker) -> None:
    """A client whose answer was lost tries again: one trace comes of it, also behind its spans."""
    send(tracker, root(name="from spans", attributes={"mlflow.spanInputs": "x"}), child())
    told: Any = None
    for duration in ("1s", "2.25s"):
        told = tracker.say("POST", f"{V3}/traces", info(execution_duration=duration, tags={duration: "1"}))["trace"][
            "trace_info"
        ]
    assert (told["execution_duration"], told["request_preview"]) == ("2.250s", "x")
    assert {"1s", "2.25s", "mlflow.trace.spansLocation"} <= set(told["tags"])
    assert len(search(tracker)["traces"]) == 1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"trace_id": ""}, "trace_id"),
        ({"trace_id": "tr-1"}, "trace_id"),
        ({"trace_id": "../" + "0" * 29}, "trace_id"),
        ({"trace_id": "TR-" + "A" * 32}, "trace_id"),
        ({"request_time": "yesterday"}, "request_time"),
        ({"request_time": "99999-01-01T00:00:00Z"}, "request_time"),
        ({"execution_duration": "-1s"}, "execution_duration"),
        ({"execution_duration": "1e9s"}, "execution_duration"),
        ({"state": "DONE"}, "state"),
        ({"state": 9}, "state"),
        ({"tags": {"x" * 251: "y"}}, "250"),
        ({"tags": {"x": "y" * 8_001}}, "8000"),
        ({"tags": {"..": "y"}}, "'..'"),
        ({"tags": {str(at): "" for at in range(1_001)}}, "1000"),
        ({"trace_metadata": {"x": "\0"}}, "NUL"),
        ({"trace_metadata": {"mlflow.trace.tokenUsage": "[1]"}}, "tokenUsage"),
        ({"request_preview": "x" * 10_001}, "10000"),
        ({"trace_location": None}, "trace_location"),
        ({"trace_location": {"type": "INFERENCE_TABLE"}}, "trace_location"),
        ({"trace_metadata": {"x": 5}}, "trace"),
    ],
)
def test_what_cannot_be_a_trace_is_refused_by_name(tracker: Tracker, fields: dict[str, Any], word: str) -> None:
    """With a 400 that says what is wrong, and nothing is kept."""
    status, code, message = tracker.refused("POST", f"{V3}/traces", info(**fields))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert word in message
    assert search(tracker)["traces"] == []


def test_a_trace_needs_an_experiment_that_takes_it(tracker: Tracker) -> None:
    """Neither one that is not there nor one that was deleted."""
    assert tracker.refused("POST", f"{V3}/traces", info("77"))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    group = tracker.experiment()
    tracker.post("experiments/delete", experiment_id=group)
    assert tracker.refused("POST", f"{V3}/traces", info(group))[0] == 400
    bodies: tuple[Any, ...] = ({}, {"trace": {}}, {"trace": 7}, {"trace": {"trace_info": []}})
    for body in bodies:
        assert tracker.refused("POST", f"{V3}/traces", body)[0] == 400


def test_pages_hold_every_trace_once(tracker: Tracker) -> None:
    """Also where others come in while somebody reads."""
    many(tracker, 5)
    first = search(tracker, max_results=2)
    tracker.say("POST", f"{V3}/traces", info(trace_id="tr-" + "f" * 32))
    second = search(tracker, max_results=2, page_token=first["next_page_token"])
    third = search(tracker, max_results=2, page_token=second["next_page_token"])
    assert [one["trace_id"][-1] for page in (first, second, third) for one in page["traces"]] == [
        "5",
        "4",
        "3",
        "2",
        "1",
    ]
    assert "next_page_token" not in third
    place = {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}], "page_token": first["next_page_token"]}
    assert "another search" in tracker.refused("POST", f"{V3}/traces/search", {**place, "filter": "status = 'OK'"})[2]


def test_filters_and_orders_are_those_of_mlflow(tracker: Tracker) -> None:
    """Times are milliseconds, states its words; what has no value comes last."""
    many(tracker, 3)
    for text, found in (
        ("execution_time_ms >= 2500", ["03", "02"]),
        ("execution_time_ms = 1500", ["01"]),
        ("status = 'OK'", ["03", "02", "01"]),
        ("status IN ('ERROR')", []),
        ("status LIKE 'O%'", ["03", "02", "01"]),
        ("status ILIKE 'err__'", []),
        (f"request_id = 'tr-{1:032x}'", ["01"]),
        ("name IS NULL", ["03", "02", "01"]),
        ("tag.x = 'y'", []),
        ("timestamp < 9999999999999", ["03", "02", "01"]),
        ("timestamp < 999999999999999999", ["03", "02", "01"]),
        ("execution_time_ms > -999999999999999999", ["03", "02", "01"]),
        ("end_time_ms > 1e400", []),
        ("status LIKE '%_%_%_%_%_%_%_%_%_%_%_%_Z'", []),
    ):
        assert ids(tracker, filter=text) == found, text
    assert ids(tracker, order_by=["timestamp_ms ASC"]) == ["01", "02", "03"]
    assert ids(tracker, order_by=["execution_time DESC"], max_results=1) == ["03"]
    tracker.say("PATCH", f"{V3}/traces/tr-{2:032x}/tags", {"key": "mlflow.traceName", "value": "b"})
    assert ids(tracker, order_by=["name ASC"]) == ["02", "03", "01"]
    assert ids(tracker, filter="name = 'b'") == ["02"]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "status"},
        {"filter": "nope = 'x'"},
        {"filter": "status = 'OK' OR status = 'ERROR'"},
        {"filter": "execution_time_ms > 'x'"},
        {"order_by": ["nope"]},
        {"max_results": 501},
        {"max_results": 0},
        {"page_token": "x"},
        {"page_token": "WzEsIC0xXQ=="},
        {"page_token": "WzFlOTksIDFd"},
        {"filter": "prompt LIKE 'x/1'"},
        {"filter": "name RLIKE 'a'"},
        {"filter": "'; DROP TABLE traces"},
    ],
)
def test_what_cannot_be_looked_for_is_refused(tracker: Tracker, asked: dict[str, Any]) -> None:
    """As a client's mistake."""
    place = [{"mlflow_experiment": {"experiment_id": "0"}}]
    assert tracker.refused("POST", f"{V3}/traces/search", {"locations": place, **asked})[0] == 400
    assert tracker.refused("POST", f"{V3}/traces/search", {})[0] == 400


def test_only_the_experiments_that_are_named_are_searched(tracker: Tracker) -> None:
    """One that is not there has nothing."""
    group = tracker.experiment()
    many(tracker, 2)
    many(tracker, 0, group)
    assert (ids(tracker, group), ids(tracker, "77")) == ([], [])
    both = [{"mlflow_experiment": {"experiment_id": one}} for one in ("0", group, "77")]
    assert len(tracker.say("POST", f"{V3}/traces/search", {"locations": both})["traces"]) == 2
    assert tracker.say("POST", f"{V3}/traces/search", {"locations": []})["traces"] == []


def test_many_are_read_at_once(tracker: Tracker) -> None:
    """Those that are there: with spans only the whole ones."""
    send(tracker, root(), child())
    many(tracker, 1)
    names = [TRACE, f"tr-{1:032x}", "tr-nope"]
    infos = tracker.say("POST", f"{V3}/traces/batchGetInfos", {"trace_ids": names})["trace_infos"]
    assert [one["trace_id"] for one in infos] == names[:2]
    asked = "&".join(f"trace_ids={name}" for name in names)
    traces = tracker.get(f"{V3}/traces/batchGet?{asked}")["traces"]
    assert [(one["trace_info"]["trace_id"], len(one["spans"])) for one in traces] == [(TRACE, 2)]
    assert (
        tracker.say("POST", f"{V3}/traces/batchGetInfos", {"trace_ids": names, "experiment_ids": ["77"]})["trace_infos"]
        == []
    )
    assert tracker.refused("POST", f"{V3}/traces/batchGetInfos", {"trace_ids": ["x"] * 1_001})[0] == 400


def test_a_trace_that_lacks_spans_is_given_in_part_or_not_at_all(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has said how many there are."""
    monkeypatch.setattr("loopline.faces.mlflow.serving_traces.WAITS", (0.01,))
    tracker.say("POST", f"{V3}/traces", info(trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 2}'}))
    for spans in ((), (root(),)):
        if spans:
            send(tracker, *spans)
        assert tracker.refused("GET", f"{V3}/traces/get?trace_id={TRACE}")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
        part = tracker.get(f"{V3}/traces/get", trace_id=TRACE, allow_partial="true")["trace"]
        assert len(part["spans"]) == len(spans)
    send(tracker, child())
    assert len(tracker.get(f"{V3}/traces/get", trace_id=TRACE)["trace"]["spans"]) == 2
    assert tracker.refused("GET", f"{V3}/traces/get?trace_id=nope")[0] == 404


@pytest.mark.parametrize("api", [V2, V3])
def test_tags_are_set_and_taken_away(tracker: Tracker, api: str) -> None:
    """But for those that the server says itself; a tag that is not there cannot go."""
    many(tracker, 1)
    name = f"tr-{1:032x}"

    def tags() -> dict[str, str]:
        return dict(tracker.get(f"{V3}/traces/{name}")["trace"]["trace_info"]["tags"])

    tracker.say("PATCH", f"{api}/traces/{name}/tags", {"key": "a b", "value": "x" * 8_000})
    assert tags()["a b"] == "x" * 8_000
    tracker.say("DELETE", f"{api}/traces/{name}/tags", {"key": "a b"})
    assert "a b" not in tags()
    assert tracker.refused("DELETE", f"{api}/traces/{name}/tags", {"key": "a b"})[:2] == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )
    assert tracker.refused("PATCH", f"{api}/traces/tr-nope/tags", {"key": "a", "value": "x"})[0] == 404
    for body in (
        {"key": "a", "value": "x" * 8_001},
        {"key": "", "value": "x"},
        {"key": "mlflow.trace.spansLocation", "value": "x"},
        {"key": "a", "value": "\0"},
    ):
        assert tracker.refused("PATCH", f"{api}/traces/{name}/tags", body)[0] == 400
    assert set(tags()) == {"mlflow.artifactLocation"}


@pytest.mark.parametrize("api", [V2, V3])
def test_deleting_is_for_good(tracker: Tracker, api: str) -> None:
    """By ids, or up to a time, the oldest first; the feed says who did it."""
    many(tracker, 4)
    one = f"tr-{3:032x}"

    def delete(**body: Any) -> int:
        said = tracker.say("POST", f"{api}/traces/delete-traces", {"experiment_id": "0", **body})
        return int(said["traces_deleted"])

    files = "/api/2.0/mlflow-artifacts/artifacts/0/traces"
    for name in (one, f"tr-{4:032x}"):
        assert tracker.ask("PUT", f"{files}/{name}/artifacts/traces.json", b"{}").status_code == 200
    assert delete(request_ids=[one, "tr-nope"]) == 1
    assert tracker.ask("GET", f"{files}/{one}/artifacts/traces.json").status_code == 404
    assert tracker.ask("GET", f"{files}/tr-{4:032x}/artifacts/traces.json").status_code == 200
    with tracker.served.loop.ledger.read() as tx:
        assert [owner.rpartition("/")[2] for owner, _ in tx.staging.files("flights")] == [f"tr-{4:032x}"]
    assert tracker.refused("GET", f"{V3}/traces/{one}")[0] == 404
    assert delete(max_timestamp_millis=9_999_999_999_999, max_traces=2) == 2
    assert ids(tracker) == ["04"]
    assert delete(max_timestamp_millis=1) == 0
    for body in (
        {},
        {"max_traces": 5},
        {"request_ids": ["x"], "max_timestamp_millis": 5},
        {"request_ids": ["x"], "max_traces": 1},
        {"max_timestamp_millis": 5, "max_traces": 0},
        {"max_timestamp_millis": 2**62},
    ):
        assert tracker.refused("POST", f"{api}/traces/delete-traces", {"experiment_id": "0", **body})[0] == 400
    with tracker.served.loop.ledger.read() as tx:
        kinds = [event.kind for event in tx.feed.list(tracker.served.loop.project)]
    assert kinds.count("traces.deleted") == 2


def test_traces_belong_to_runs_and_prompts(tracker: Tracker) -> None:
    """Those that are not there are passed over; a run must be there."""
    many(tracker, 2)
    run, one = tracker.run(), f"tr-{1:032x}"
    tracker.post("traces/link-to-run", trace_ids=[one, "tr-nope"], run_id=run)
    assert ids(tracker, filter=f"run_id = '{run}'") == ["01"]
    assert tracker.refused("POST", "traces/link-to-run", {"trace_ids": [one], "run_id": "f" * 32})[0] == 404
    assert tracker.refused("POST", "traces/link-to-run", {"trace_ids": [one] * 101, "run_id": run})[0] == 400
    tracker.post("traces/link-prompts", trace_id=one, prompt_versions=[{"name": "greet", "version": "3"}])
    assert ids(tracker, filter="prompt = 'greet/3'") == ["01"]
    assert (
        tracker.refused(
            "POST", "traces/link-prompts", {"trace_id": "tr-nope", "prompt_versions": [{"name": "a", "version": "1"}]}
        )[0]
        == 404
    )
    assert (
        tracker.refused(
            "POST", "traces/link-prompts", {"trace_id": one, "prompt_versions": [{"name": "a", "version": "x"}]}
        )[0]
        == 400
    )
