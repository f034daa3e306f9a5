"""A front and its model processes, over HTTP."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loopline.server.serving import number_of
from loopline.serving.desired import Desired, Only, Place
from loopline.serving.mixing import mixed
from loopline.signals.queries import Filter, find
from tests.server.fronting import Fronted, fronted, limited, naughty
from tests.server.naughty import EXIT, GROW, HANG, RAISE, SLOW
from tests.server.running import lives, until

INFER = "/v2/models/n/infer"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    """A front with two workers, short patience, and a small limit of memory."""
    desired = naughty(tmp_path_factory.mktemp("models"), 0, workers=2)
    short = limited(desired, timeout=timedelta(seconds=1), memory=200 << 20, rows=1000, body=1 << 20)
    with fronted(short) as one:
        yield one


def answers(front: Fronted, *values: float) -> list[float]:
    """What the model says about rows."""
    said = front.predict(*values)
    assert said.status == 200, said.data
    return [row["predict"] for row in said.json()["predictions"]]


def test_an_answer_says_where_it_comes_from(front: Fronted) -> None:
    """Artifact, run, change, version and arm stand in the headers and in the body of both routes."""
    for said in (front.predict(1.0), front.post(INFER, infer(1.0))):
        body = said.json()
        stamp = {key.removeprefix("loopline_"): one for key, one in body.get("parameters", body).items()}
        for name in ("version", "artifact", "run", "change", "arm", "service", "number"):
            assert said.headers[f"loopline-{name}"] == stamp[name]
        assert (stamp["version"], stamp["change"], stamp["service"]) == ("model/n@1", "change1", "service/n@prod")


def test_every_address_of_the_protocol_answers(front: Fronted) -> None:
    """Server and model metadata, health, readiness, repository index, configuration and statistics are there."""
    assert front.get("/v2")[1]["name"] == "loopline"
    assert front.get("/v2/health/live") == (200, {"live": True})
    assert front.get("/v2/health/ready") == (200, {"ready": True})
    assert front.get("/v2/models") == (200, {"models": ["n"]})
    for path in ("/v2/models/n", "/v2/models/n/versions/1"):
        status, told = front.get(path)
        assert (status, told["versions"], told["inputs"]) == (
            200,
            ["1"],
            [{"name": "x", "datatype": "FP64", "shape": [-1]}],
        )
    assert front.get("/v2/models/n/ready") == (200, {"name": "n", "ready": True})
    assert front.get("/v2/models/n/config")[1]["input"][0]["data_type"] == "TYPE_FP64"
    front.predict(1.0, 2.0)
    assert front.get("/v2/models/n/stats")[1]["model_stats"][0]["inference_count"] >= 2
    for body in (b"", b"{}"):
        (told,) = front.post("/v2/repository/index", body).json()
        assert (told["name"], told["state"]) == ("n", "READY")
    about = front.get("/")[1]
    assert about["example"]["POST /predict"]["records"][0].keys() == {"x"}


def infer(*values: float, **more: Any) -> dict[str, Any]:
    """A request of the protocol."""
    return {"inputs": [{"name": "x", "shape": [len(values)], "datatype": "FP64", "data": list(values)}], **more}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/v2/models/other", None, 404),
        ("GET", "/v2/models/n/versions/9", None, 404),
        ("GET", "/v2/models/n/else/1", None, 404),
        ("POST", "/v2/models/other/infer", infer(1.0), 404),
        ("POST", "/v2/models/n/versions/9/infer", infer(1.0), 404),
        ("POST", INFER, b"{", 400),
        ("POST", INFER, infer("a"), 400),  # type: ignore[arg-type]
        ("POST", INFER, infer(*[1.0] * 1001), 413),
        ("POST", INFER, b"x" * (2 << 20), 413),
        ("POST", INFER, infer(1.0, outputs=[{"name": "predict_proba"}]), 400),
        ("POST", "/predict", {"records": [{"y": 1}]}, 400),
        ("POST", "/v2/repository/models/n/unload", b"", 501),
        ("POST", "/v2/systemsharedmemory/status", b"", 501),
        ("GET", "/predict", b"", 405),
        ("GET", INFER, b"", 405),
        ("POST", "/else", b"", 404),
        ("DELETE", "/v2", None, 405),
    ],
)
def test_what_cannot_be_answered_says_why(front: Fronted, method: str, path: str, body: Any, status: int) -> None:
    """Wrong names, types, sizes and methods get the status that the protocol's clients know, and a text."""
    raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    said = front.pool.request(method, path, body=raw)
    assert said.status == status
    assert said.json()["error"]


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(front: Fronted, name: str, pack: Any) -> None:
    """A client may pack its request, and a bomb is refused where it passes the limit."""
    body = pack(json.dumps(infer(4.0)).encode())
    assert front.post(INFER, body, content_encoding=name).json()["outputs"][0]["data"] == [4.0]
    assert front.post(INFER, pack(b" " * (64 << 20)), content_encoding=name).status == 413
    assert front.post(INFER, body[:-3], content_encoding=name).status == 400
    assert front.post(INFER, b"plain", content_encoding=name).status == 400
    assert front.post(INFER, body, content_encoding="br").status == 415


def test_names_of_others_are_not_ours(front: Fronted) -> None:
    """A page of somebody else's that leads its name to this machine gets nothing."""
    assert front.get("/v2", Host=f"localhost:{front.port}")[0] == 200
    for name in ("evil.example", f"evil.example:{front.port}", "127.0.0.1.evil.example"):
        assert front.get("/v2", Host=name)[0] == 400


def test_a_model_that_raises_is_an_error_of_those_rows(front: Fronted) -> None:
    """The rows over which a model raises get a 500 with its words, and nobody else is disturbed."""
    said = front.predict(RAISE)
    assert (said.status, said.json()["kind"]) == (500, "model-raised")
    assert "three thousand" in said.json()["error"]
    assert answers(front, 5.0) == [5.0]


@pytest.mark.parametrize(("what", "word"), [(EXIT, "status 3"), (HANG, "hung")])
def test_a_process_that_is_lost_costs_its_batch_alone(front: Fronted, what: float, word: str) -> None:
    """A model that exits or hangs gives its own request one clear 503, others are answered meanwhile, and it comes back."""
    front.until(lambda said: said.whole)
    before = front.said().restarts
    with ThreadPoolExecutor(2) as threads:
        lost = threads.submit(front.predict, what)
        time.sleep(0.05)
        while not lost.done():
            assert answers(front, 7.0) == [7.0]
        said = lost.result()
    assert (said.status, said.json()["kind"]) == (503, "model-died")
    assert word in said.json()["error"]
    assert said.headers["retry-after"]
    assert front.until(lambda said: said.whole and said.restarts > before).restarts == before + 1


def test_a_process_that_is_killed_costs_its_batch_alone(front: Fronted) -> None:
    """kill -9 of a model process in the middle of a batch is a 503 for what it held, once."""
    pids = front.until(lambda said: said.whole).pids[1:]
    with ThreadPoolExecutor(1) as threads:
        lost = threads.submit(front.predict, HANG)
        time.sleep(0.2)
        for pid in pids:
            if not waits_for_work(pid):
                os.kill(pid, signal.SIGKILL)
        assert lost.result().json()["kind"] == "model-died"
    assert answers(front, 1.0) == [1.0]
    front.until(lambda said: said.whole)


def waits_for_work(pid: int) -> bool:
    """Whether a process reads from its socket."""
    return Path(f"/proc/{pid}/wchan").read_text().startswith("unix_stream")


def test_a_process_that_grows_is_replaced_unnoticed(front: Fronted) -> None:
    """A model that leaks beyond its limit is replaced between two batches: no request is lost."""
    before = front.until(lambda said: said.whole)
    assert answers(front, GROW) == [GROW]
    end = time.monotonic() + 20
    while front.said().restarts == before.restarts:
        assert answers(front, 3.0) == [3.0]
        assert time.monotonic() < end
    assert front.until(lambda said: said.whole and "grew" not in said.message).restarts == before.restarts + 1


def test_slow_clients_hold_nobody_up(front: Fronted) -> None:
    """Five hundred clients that send half a request and wait do not keep the others from their answers."""
    slow = []
    try:
        for _ in range(500):
            one = socket.create_connection(("127.0.0.1", front.port))
            one.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
            slow.append(one)
        began = time.monotonic()
        for value in range(20):
            assert answers(front, float(value)) == [float(value)]
        assert time.monotonic() - began < 5
    finally:
        for one in slow:
            one.close()


def test_requests_are_answered_together(front: Fronted) -> None:
    """While the model is busy requests gather, and every one of them gets its own answer."""
    with ThreadPoolExecutor(16) as threads:
        said = list(threads.map(lambda n: answers(front, SLOW, float(n)), range(200)))
    assert said == [[SLOW, float(n)] for n in range(200)]
    told = metrics(front)
    assert (
        told['loopline_service_batches_total{arm="m0",project="p",ref="service/n@prod"}']
        < told[
            'loopline_service_requests_total{arm="m0",project="p",ref="service/n@prod",status="200",version="model/n@1"}'
        ]
    )


def metrics(front: Fronted) -> dict[str, float]:
    """All samples of the scrape."""
    text = front.pool.request("GET", "/metrics").data.decode()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_moving_to_another_version_loses_no_request(tmp_path: Path) -> None:
    """Under load from kept connections, a move is answered without a gap, and after it nobody meets the old version again."""
    one, two = naughty(tmp_path, 0, number=1), naughty(tmp_path, 100, number=2)
    with fronted(one) as front:
        stop, seen, bad = threading.Event(), [], []

        def load() -> None:
            while not stop.is_set():
                said = front.predict(1.0)
                if said.status != 200:
                    bad.append(said.data)
                seen.append((time.monotonic(), said.json()["number"], said.json()["predictions"][0]["predict"]))

        with ThreadPoolExecutor(8) as threads:
            for _ in range(8):
                threads.submit(load)
            time.sleep(0.3)
            front.want(two)
            front.ready(2)
            switched = time.monotonic()
            time.sleep(0.3)
            stop.set()
        assert bad == []
        assert {(number, answer) for _, number, answer in seen} == {("1", 1.0), ("2", 101.0)}
        late = [number for at, number, _ in seen if at > switched + 0.2]
        assert late
        assert set(late) == {"2"}
        front.until(lambda said: len(said.pids) == 2)


def test_a_request_whose_body_takes_its_time_is_answered_by_who_answers_then(tmp_path: Path) -> None:
    """Begun while the first version answered and whole only when its processes are gone: the second one answers it."""
    one, two = naughty(tmp_path, 0, number=1), naughty(tmp_path, 100, number=2)
    body = json.dumps({"records": [{"x": 1.0}]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with fronted(one) as front, socket.create_connection(("127.0.0.1", front.port), timeout=20) as slow:
        slow.sendall(head.encode() + body[:5])
        assert answers(front, 1.0) == [1.0]
        front.want(two)
        front.ready(2)
        front.until(lambda said: len(said.pids) == 2)
        slow.sendall(body[5:])
        said = b"".join(iter(lambda: slow.recv(1 << 16), b""))
        assert said.startswith(b"HTTP/1.1 200"), said
        assert b'"predict":101.0' in said


def test_a_version_that_cannot_be_loaded_takes_nobody_over(tmp_path: Path) -> None:
    """A model that is damaged is named as the reason, and the version before goes on answering."""
    one, two = naughty(tmp_path, 0, number=1), naughty(tmp_path, 100, number=2)
    next(path for path in Path(two.places[0].folder).iterdir() if path.suffix != ".json").write_bytes(b"damaged")
    with fronted(one) as front:
        front.want(two)
        said = front.until(lambda said: "model.json" in said.message)
        assert (said.number, said.wanted, said.ready) == (1, 2, True)
        assert answers(front, 1.0) == [1.0]
        three = naughty(tmp_path, 200, number=3)
        front.want(three)
        assert front.ready(3).message == ""
        assert answers(front, 1.0) == [201.0]


def test_units_stay_with_their_arm_and_rows_come_back_in_order(tmp_path: Path) -> None:
    """One request about many units is answered by several arms, row by row as the units say, always the same."""
    desired = naughty(tmp_path, 0, 1000)
    shared = replace(desired.service, unit=("who",))
    with fronted(replace(desired, service=shared)) as front:
        records = [{"x": float(n), "who": f"u{n}"} for n in range(40)]
        said = [front.post("/predict", {"records": records}).json() for _ in range(2)]
        arms = [row["arm"] for row in said[0]["predictions"]]
        assert set(arms) == {"m0", "m1"}
        assert arms == [row["arm"] for row in said[1]["predictions"]]
        assert [row["predict"] for row in said[0]["predictions"]] == [
            n + (1000 if arm == "m1" else 0) for n, arm in enumerate(arms)
        ]
        for n in (0, 7):
            alone = front.post("/predict", {"records": [records[n]]})
            assert alone.headers["loopline-arm"] == arms[n]
        pinned = front.post("/v2/models/n/versions/1001/infer", infer(1.0)).json()
        assert (pinned["model_version"], pinned["outputs"][0]["data"]) == ("1001", [1001.0])
        assert front.get("/v2/models/n")[1]["versions"] == ["1", "1001"]


def test_rows_without_a_unit_are_spread_and_told_as_such(tmp_path: Path) -> None:
    """Requests that do not say whom they are about meet both arms, a request's rows one of them, and records invent no unit."""
    desired = replace(naughty(tmp_path, 0, 1000), signals=str(tmp_path / "signals"))
    with fronted(replace(desired, service=replace(desired.service, unit=("who",)))) as front:
        asked: list[dict[str, Any]] = [{"x": 1.0, "who": None}, {"x": 2.0, "who": ""}, {"x": 3.0, "who": "u1"}]
        met: list[set[str]] = [set(), set(), set()]
        for _ in range(30):
            said = front.post("/predict", {"records": asked})
            first, second, named = (row.get("arm", said.headers["loopline-arm"]) for row in said.json()["predictions"])
            assert first == second
            for arms, arm in zip(met, (first, named, front.predict(1.0).headers["loopline-arm"]), strict=True):
                arms.add(arm)
        assert (met[0], len(met[1]), met[2]) == ({"m0", "m1"}, 1, {"m0", "m1"})
    kept = find(Path(desired.signals), "s", Filter(), limit=200)
    assert sorted(one.unit for one in kept) == [*[""] * 90, *["u1"] * 30]
    assert find(Path(desired.signals), "s", Filter(where={"unit": ""}), limit=200) == tuple(
        one for one in kept if not one.unit
    )


def test_a_header_may_name_the_unit(tmp_path: Path) -> None:
    """Where a header is the unit, all rows of a request go where it says."""
    desired = naughty(tmp_path, 0, 1000)
    with fronted(replace(desired, service=replace(desired.service, unit=("header:X-User",)))) as front:
        met: dict[str, set[str]] = {}
        for turn in range(60):
            user = f"u{turn % 20}"
            said = front.post("/predict", {"records": [{"x": 1.0}] * 3}, x_user=user)
            met.setdefault(user, set()).add(said.headers["loopline-arm"])
        assert {len(arms) for arms in met.values()} == {1}
        assert {arm for arms in met.values() for arm in arms} == {"m0", "m1"}


def test_a_shadow_changes_nothing_for_anybody(tmp_path: Path) -> None:
    """A shadow that exits over every copy is never seen: each answer is the main arm's, none is late or lost."""
    desired = naughty(tmp_path, 0, 5)
    main, shadow = desired.service.arms
    service = replace(desired.service, arms=(main, replace(shadow, shadow=True)))
    with fronted(replace(desired, service=service)) as front:
        front.until(lambda said: said.whole)
        for value in (1.0, EXIT + 1, 2.0):
            assert answers(front, value) == [value]
        os.kill(front.until(lambda said: said.whole).pids[2], signal.SIGKILL)
        for value in range(10):
            assert answers(front, float(value)) == [float(value)]
        front.until(lambda said: said.whole)
        assert front.get("/v2/models/n")[1]["versions"] == ["1"]


def test_many_clients_at_once_are_no_overload_for_a_model_that_batches(tmp_path: Path) -> None:
    """A model that takes as long for forty rows as for one lets forty in, though one by one they would take two seconds."""
    with fronted(limited(naughty(tmp_path, 0), queue=timedelta(milliseconds=200))) as front:
        for _ in range(5):
            assert answers(front, SLOW) == [SLOW]
        with ThreadPoolExecutor(40) as threads:
            told = [one.status for one in threads.map(lambda _: front.predict(SLOW), range(40))]
        assert told == [200] * 40


def test_overload_is_refused_before_everybody_waits(tmp_path: Path) -> None:
    """More than can be answered in time gets 429 with a time to come back, and what is let in is answered in time."""
    desired = limited(naughty(tmp_path / "more", 0), queue=timedelta(milliseconds=300))
    batch = replace(desired.service, batching=replace(desired.service.batching, rows=1))
    with fronted(replace(desired, service=batch)) as front:
        for _ in range(5):
            assert answers(front, SLOW) == [SLOW]

        def timed(_: int) -> tuple[int, float, str]:
            began = time.monotonic()
            said = front.predict(SLOW)
            return said.status, time.monotonic() - began, said.headers.get("retry-after", "")

        with ThreadPoolExecutor(32) as threads:
            told = list(threads.map(timed, range(96)))
        assert {status for status, _, _ in told} == {200, 429}
        assert all(wait.isdigit() for status, _, wait in told if status == 429)
        assert max(took for status, took, _ in told if status == 200) < 1.5


def test_a_front_ends_in_order(tmp_path: Path) -> None:
    """SIGTERM lets what was asked be answered, then everything is gone, model processes too."""
    front = Fronted(naughty(tmp_path, 0))
    pids = front.ready().pids
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(front.predict, SLOW)
        time.sleep(0.02)
        assert front.end() == 0
        assert under_way.result().status == 200
    assert not any(map(lives, pids))


def test_model_processes_do_not_outlive_their_front(tmp_path: Path) -> None:
    """A front that is killed takes its model processes with it."""
    front = Fronted(naughty(tmp_path, 0))
    pids = front.ready().pids
    front.process.kill()
    front.end()
    until(lambda: not any(map(lives, pids)))


def test_the_number_of_a_version_is_what_clients_see(tmp_path: Path) -> None:
    """`model/n@101` is version 101 of the model n."""
    assert number_of(naughty(tmp_path, 100).service.arms[0]) == "101"


def test_weights_move_without_a_process_being_started(tmp_path: Path) -> None:
    """While a change rolls arms keep their processes: more and fewer units meet the new one, each answer says whose it is."""
    old, new = naughty(tmp_path, 0.0), naughty(tmp_path, 10.0, number=2)

    def rolling(share: float) -> Desired:
        service = mixed(old.service, new.service, 2, share)
        theirs = replace(new.places[0], number=2, change="change2")
        both = {"m0@2": theirs, "m0": old.places[0]}
        return replace(old, service=service, places=tuple(both[arm.name] for arm in service.arms))

    with fronted(old) as front:
        (model,) = front.said().pids[1:]
        front.want(rolling(0.0))
        pids = front.until(lambda said: said.rolls == "change2" and said.whole).pids
        assert model in pids
        for share, low, high in ((0.5, 1, 39), (1.0, 40, 40), (0.0, 0, 0)):
            front.want(rolling(share))
            time.sleep(0.2)
            said = [front.predict(1.0) for _ in range(40)]
            assert {one.status for one in said} == {200}
            moved = [one for one in said if one.json()["predictions"][0]["predict"] == 11.0]
            assert low <= len(moved) <= high
            assert {one.headers["Loopline-Change"] for one in moved} <= {"change2"}
            assert {one.headers["Loopline-Number"] for one in said if one not in moved} <= {"1"}
            assert front.said().pids == pids
        front.want(old)
        front.until(lambda said: said.pids == (pids[0], model))
        assert front.predict(1.0).json()["predictions"][0]["predict"] == 1.0


def test_a_slice_alone_meets_the_new_version(tmp_path: Path) -> None:
    """Of a version that rolls by slice whoever is no member is answered by the old one, however large the share is."""
    old, new = naughty(tmp_path, 0.0), naughty(tmp_path, 10.0, number=2)
    both = {"m0@2": replace(new.places[0], number=2, change="change2"), "m0": old.places[0]}
    service = mixed(old.service, new.service, 2, 0.9999)
    rolling = replace(
        old, service=service, places=tuple(both[arm.name] for arm in service.arms), only=Only("x", ("1", "2"))
    )
    with fronted(rolling) as front:
        front.until(lambda said: said.rolls == "change2")
        said = [one["predict"] for one in front.predict(1.0, 3.0, 2.0, 4.0).json()["predictions"]]
    assert said == [11.0, 3.0, 12.0, 4.0]


def test_a_version_that_cannot_answer_keeps_nobody_waiting(tmp_path: Path) -> None:
    """A front that is started while a change rolls answers with the version that the ref names, whatever the other one does."""
    old, new = naughty(tmp_path, 0.0), naughty(tmp_path, 10.0, number=2)
    lost = Place(str(tmp_path / "nowhere"), number=2, change="change2")
    service = mixed(old.service, new.service, 2, 0.5)
    both = {"m0@2": lost, "m0": old.places[0]}
    rolling = replace(old, service=service, places=tuple(both[arm.name] for arm in service.arms))
    with fronted(rolling) as front:
        said = [front.predict(1.0) for _ in range(10)]
        assert [one.json()["predictions"][0]["predict"] for one in said] == [1.0] * 10
        assert front.said().rolls == ""
