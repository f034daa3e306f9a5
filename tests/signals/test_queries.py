"""Questions about predictions: filters, pages, newest, traffic, windows; names and values are never taken for SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from loopline.errors import Invalid
from loopline.signals.queries import Filter, answered, find, newest, place_of, traffic, window
from loopline.signals.sealing import seal
from tests.signals.recorded import DAY, JULY, columns, entry, write

NASTY = ['a"b', "a'b", "x) OR 1=1 --", "in.x", "*", "semi;colon", "ünï", "a.b", "{}", "%s", "?", " ", "\\"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six flights, half of them sealed."""
    some = [entry(n, carrier=["UA", "AA"][n % 2], units="" if n == 4 else f"u{n}") for n in range(6)]
    write(tmp_path, some[:3])
    seal(tmp_path)
    write(tmp_path, some[3:5])
    write(tmp_path, some[5:], finish=False)
    return tmp_path


def numbers(folder: Path, wanted: Filter, **more: object) -> list[int]:
    """Which flights are found, in order."""
    found = find(folder, "service/delay@prod", wanted, **{"limit": 100, **more})  # type: ignore[arg-type]
    return [int(one.id.partition(":")[0], 16) for one in found]


def test_the_newest_predictions_are_seen_at_once(folder: Path) -> None:
    """What is in a segment that is still written to is found as well as what is sealed, newest first."""
    assert numbers(folder, Filter()) == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(id=f"{2:032x}"), [2]),
        (Filter(id=f"{2:032x}:0"), [2]),
        (Filter(unit="u3"), [3]),
        (Filter(arm="other"), []),
        (Filter(status=200, start=JULY + 2, end=JULY + 4), [3, 2]),
        (Filter(where={"carrier": "AA"}), [5, 3, 1]),
        (Filter(where={"in.carrier": "AA", "distance": "103.0"}), [3]),
        (Filter(where={"distance": "103.5"}), []),
        (Filter(where={"unit": ""}), [4]),
        (Filter(where={"version": "model/delay@7", "shadow": "false"}), [5, 4, 3, 2, 1, 0]),
    ],
)
def test_filters(folder: Path, wanted: Filter, expected: list[int]) -> None:
    """Each filter keeps what it says."""
    assert numbers(folder, wanted) == expected


def test_pages_go_on_where_the_last_one_ended(folder: Path) -> None:
    """Also among predictions of one moment, and when others have come meanwhile."""
    write(folder, [entry(n, event_times=JULY + 5, arm="b:1") for n in range(10, 13)])
    seen: list[str] = []
    after = ""
    while page := find(folder, "s", Filter(), limit=2, after=after):
        seen += [one.id for one in page]
        after = place_of(page[-1])
        write(folder, [entry(100 + len(seen), event_times=JULY + DAY)])
    assert len(seen) == len(set(seen)) == 9


@pytest.mark.parametrize("after", ["x", "1:a", "12", ":::", "9" * 30 + ":a:b"])
def test_a_place_that_is_none_is_refused(folder: Path, after: str) -> None:
    """Whatever is written there, it is compared or refused."""
    with pytest.raises(Invalid) as refused:
        find(folder, "s", Filter(), limit=1, after=after)
    assert refused.value.kind == "bad-cursor"


@pytest.mark.parametrize("name", NASTY)
def test_any_name_of_a_column_is_only_a_name(tmp_path: Path, name: str) -> None:
    """Columns are found, filtered and drawn by whatever names a model has."""
    write(tmp_path, [entry(0, inputs=columns(**{name: [name]})), entry(1, inputs=columns(**{name: ["other"]}))])
    seal(tmp_path)
    (found,) = find(tmp_path, "s", Filter(where={f"in.{name}": name}), limit=5)
    assert found.inputs == {name: name}
    (batch,) = window(tmp_path, JULY, JULY + DAY, "champion", [f"in.{name}"])
    assert batch[f"in.{name}"].to_pylist() == [name, "other"]


@pytest.mark.parametrize("name", NASTY)
def test_a_column_that_is_not_there_is_refused(folder: Path, name: str) -> None:
    """A filter on what was never recorded is an error, not an empty answer."""
    with pytest.raises(Invalid) as refused:
        find(folder, "s", Filter(where={name: "1"}), limit=5)
    assert refused.value.kind == "unknown-column"


def test_a_deployment_without_records_has_none(tmp_path: Path) -> None:
    """Where nothing was answered yet, questions have empty answers."""
    assert find(tmp_path / "none", "s", Filter(), limit=5) == ()
    assert traffic(tmp_path / "none", JULY, JULY + DAY, DAY) == ()
    assert list(window(tmp_path / "none", JULY, JULY + DAY, "a", ["in.x"])) == []
    assert newest(tmp_path / "none", "a", before=JULY) is None


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """Characters that DuckDB takes for a pattern are none in a path."""
    home = tmp_path / "a*[b]'?"
    write(home, [entry(0)])
    seal(home)
    assert numbers(home, Filter()) == [0]


def test_traffic_counts_requests_rows_and_errors(tmp_path: Path) -> None:
    """By piece of recorded time and arm; a request of many rows is one, and latency is of answered requests."""
    many = entry(1, rows=3, inputs=columns(x=[1, 2, 3]), outputs=columns(), latency_us=100)
    bad = entry(2, rows=0, inputs=columns(), outputs=columns(), status=503, latency_us=10**6, error="full")
    write(tmp_path, [entry(0, latency_us=300), many, bad, entry(3, recorded_at=JULY + DAY, status=400, arm="b")])
    first, second = traffic(tmp_path, JULY, JULY + 2 * DAY, DAY)
    assert (first.requests, first.rows, first.errors, first.refused, first.p50_us) == (3, 4, 1, 0, 200.0)
    assert (second.start, second.arm, second.requests, second.refused) == (JULY + DAY, "b", 1, 1)
    (failed,) = find(tmp_path, "s", Filter(status=503), limit=2)
    assert (failed.error, failed.inputs) == ("full", {})


def test_a_window_gives_columns(tmp_path: Path) -> None:
    """Those that were recorded, of answered predictions of the arm and time alone; what is missing is null."""
    write(
        tmp_path, [entry(n, inputs=columns(x=[None if n == 1 else n], c=[None if n == 2 else "UA"])) for n in range(3)]
    )
    write(tmp_path, [entry(9, arm="other"), entry(8, status=503), entry(7, event_times=JULY + DAY)])
    asked = ["in.x", "in.c", "out.predict_proba[1]", "status", "in.no"]
    (found,) = window(tmp_path, JULY, JULY + DAY, "champion", asked)
    assert set(found) == {"in.x", "in.c", "out.predict_proba[1]", "status"}
    assert sorted(found["in.x"].to_pylist(), key=str) == [0, 2, None]
    assert sorted(found["in.c"].to_pylist(), key=str) == [None, "UA", "UA"]
    assert found["status"].to_pylist() == [200, 200, 200]
    assert newest(tmp_path, "champion", before=JULY + 2 * DAY) == JULY + DAY
    assert (newest(tmp_path, "champion", before=JULY + DAY) or 0) < JULY + DAY


def test_of_a_large_window_the_same_rows_are_taken(tmp_path: Path) -> None:
    """About as many as were asked for, whole rows, chosen by their ids: the same ones at every asking."""
    write(tmp_path, [entry(n, inputs=columns(x=[n], y=[-n])) for n in range(2_000)])
    taken = []
    for _ in range(2):
        batches = [*window(tmp_path, JULY, JULY + DAY, "champion", ["in.x", "in.y"], limit=500)]
        found = {name: [one for batch in batches for one in batch[name].to_pylist()] for name in ("in.x", "in.y")}
        assert found["in.y"] == [-one for one in found["in.x"]]
        taken.append(sorted(found["in.x"]))
    assert taken[0] == taken[1]
    assert 400 < len(set(taken[0])) == len(taken[0]) < 600


def test_what_some_versions_answered_is_counted(folder: Path) -> None:
    """By version of the service, of those that are named or that hold a model that is named, in a time and without shadows."""
    some: list[dict[str, Any]] = [
        {"number": 4},
        {"number": 4, "status": 503},
        {"number": 4, "shadow": True},
        {"number": 5, "version": "model/x@1"},
    ]
    write(folder, [structs.replace(entry(10 + n), recorded_at=JULY + 10, **facts) for n, facts in enumerate(some)])
    whole = (JULY, JULY + DAY)
    assert answered(folder, *whole, numbers=[4], models=[]) == ((4, 2, 1, 1, JULY + 10, JULY + 10),)
    assert [one[:3] for one in answered(folder, *whole, numbers=[4], models=["model/x@1"])] == [(4, 2, 1), (5, 1, 1)]
    assert [one[:3] for one in answered(folder, JULY, JULY + 3, numbers=[], models=["model/delay@7"])] == [(3, 3, 3)]
    assert answered(folder, *whole, numbers=[], models=[]) == ()
