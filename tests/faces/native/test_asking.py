from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Unavailable
from loopline.verbs import VERBS

if TYPE_CHECKING:
    from .conftest import Face

KEY = {"Idempotency-Key": "k1"}


def test_a_write_and_a_read_go_over_the_wire(face: Face) -> None:
    """What a POST did a GET tells, in plain form."""
    run = face.result("start", {"name": "train", "params": {"depth": "8"}})
    assert face.result("log", {"run": run["id"], "points": [{"key": "auc", "value": 0.7}]}) is True
    found = face.get("/find", params={"where": "metrics.auc > 0.6", "limit": "5"}).json()
    assert [one["id"] for one in found["result"]] == [run["id"]]
    assert found["result"][0]["metrics"] == {"auc": 0.7}


def test_repeatable_words_repeat_their_name_in_a_query(face: Face) -> None:
    """A list and a mapping in a query are the same key again; anything else twice is refused."""
    assert face.get("/find?limit=1&limit=2").json()["kind"] == "repeated-parameter"
    assert face.get("/find?project=flights&project=b").json()["kind"] == "repeated-parameter"
    assert face.get("/find?what=runs&steps=true&limit=3").status_code == 200


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.cls == "read"], ids=lambda verb: verb.name)
def test_every_read_is_asked_by_get(face: Face, verb: Any) -> None:
    """No read is refused its method, and no read is asked by POST."""
    assert face.get(f"/{verb.name}").status_code in (200, 400, 404)
    answer = face.post(f"/{verb.name}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb.cls in ("write", "work")], ids=lambda verb: verb.name)
def test_every_write_is_asked_by_post(face: Face, verb: Any) -> None:
    """No write happens by GET, and each one answers a POST."""
    answer = face.get(f"/{verb.name}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert face.post(f"/{verb.name}", {"no such": 1}).json()["kind"] == "unknown-parameter"


def test_the_project_is_said_in_the_query(face: Face) -> None:
    """A request is about the server's project unless it names another; a name that breaks the rules is refused."""
    run = face.result("start", {"name": "x"}, params={"project": "other"})
    assert run["project"] == "other"
    assert face.get("/find").json()["result"] == []
    assert face.get("/find?project=../x").json()["kind"] == "bad-project"
    assert face.post("/start?dry=1", {"name": "x"}).json()["kind"] == "unknown-parameter"


def test_the_same_key_is_done_once(face: Face) -> None:
    """A request that is sent again is answered as before, and nothing happens twice."""
    first = face.post("/start", {"name": "train"}, headers=KEY)
    again = face.post("/start", {"name": "train"}, headers=KEY)
    assert first.json() == again.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert face.events() == ["run.started"]


def test_a_key_is_for_one_request_of_one_actor(face: Face) -> None:
    """Another body under the same key is a conflict; another actor has keys of its own."""
    face.result("start", {"name": "train"}, headers=KEY)
    answer = face.post("/start", {"name": "other"}, headers=KEY)
    assert (answer.status_code, answer.json()["kind"]) == (409, "idempotency-key-reused")
    from dataclasses import replace

    from loopline.nouns.actor import Actor

    assert face.caller
    face.caller = replace(face.caller, actor=Actor("person", "bob"))
    assert face.post("/start", {"name": "other"}, headers=KEY).status_code == 200
    assert face.events() == ["run.started", "run.started"]


def test_a_refusal_is_kept_with_what_it_wrote_down(face: Face) -> None:
    """An error is an answer: it comes again under the same key, and what the verb recorded before it stays, once."""
    run = face.result("start", {"name": "train", "params": {"a": "1"}})
    body = {"run": run["id"], "params": {"a": "2"}}
    first = face.post("/log", body, headers=KEY)
    assert (first.status_code, first.json()["kind"]) == (409, "param-exists")
    assert first.headers["content-type"] == "application/problem+json"
    again = face.post("/log", body, headers=KEY)
    assert (again.status_code, again.json(), again.headers["content-type"]) == (
        409, first.json(), "application/problem+json",
    )  # fmt: skip
    assert face.events() == ["run.started"]


def test_a_refused_apply_is_recorded_once(face: Face) -> None:
    """A policy's no is an event of the feed; asking again under the same key adds no second one."""
    from loopline.checks.document import Document, dump_document
    from loopline.nouns.policy import Approvals, Policy

    rules = Policy("champion", ("model/*@champion",), approvals=Approvals(count=1))
    face.result("policy", {"document": dump_document(Document((rules,), ())).decode()})
    body = face.ask("POST", "/blobs/pack", content=b"\x00" * 7 + b"\x01m").json()["digests"][0]
    face.result("put", {"asset": "model/delay", "digest": body})
    change = face.result("propose", {"ref": "model/delay@champion", "to": "1", "why": "x"})
    answers = [face.post("/apply", {"change": change["id"]}, headers=KEY) for _ in range(3)]
    assert {one.status_code for one in answers} == {403}
    assert face.events().count("change.refused") == 1


def test_what_was_not_available_may_be_tried_again(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 503 keeps no reply and leaves no effect behind: the retry under the same key does the work."""
    from loopline.faces.native import wire

    usage = wire.usage_for("start")

    def broken(loop: Any, *args: Any, **asked: Any) -> None:
        usage.function(loop, *args, **asked)
        raise Unavailable("the disk is away", kind="disk-error", hint="wait")

    monkeypatch.setattr(wire, "usage_for", lambda _: usage._replace(function=broken))
    answer = face.post("/start", {"name": "train"}, headers=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert face.events() == []
    monkeypatch.undo()
    assert face.post("/start", {"name": "train"}, headers=KEY).status_code == 200
    assert face.events() == ["run.started"]


def test_effect_and_reply_are_one(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends between the effect and its reply has done neither: both commit at once."""
    from loopline.ledger.replies import Replies

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Replies, "keep", die)
    with pytest.raises(KeyboardInterrupt):
        face.post("/start", {"name": "train"}, headers=KEY)
    monkeypatch.undo()
    assert face.events() == []
    assert face.post("/start", {"name": "train"}, headers=KEY).status_code == 200
    assert face.events() == ["run.started"]


def test_two_at_once_with_one_key_do_it_once(face: Face) -> None:
    """Requests that meet get one answer: one does the work, the others wait for it."""
    answers: list[Any] = []

    def send() -> None:
        answers.append(face.post("/start", {"name": "train"}, headers=KEY).json())

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["result"]["id"] for answer in answers}) == 1
    assert face.events() == ["run.started"]


def test_a_rehearsal_changes_nothing(face: Face) -> None:
    """With Loopline-Dry-Run the answer is what would be, nothing is kept, and the key stays free."""
    dry = {"Loopline-Dry-Run": "true", **KEY}
    assert face.post("/start", {"name": "train"}, headers=dry).json()["result"]["name"] == "train"
    assert face.events() == []
    assert face.post("/start", {"name": "other"}, headers=KEY).status_code == 200
    assert face.post("/start", {"name": "x"}, headers={"Loopline-Dry-Run": "maybe"}).json()["kind"] == "bad-header"


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "ä"])
def test_a_key_that_cannot_be_kept_is_refused(face: Face, key: str) -> None:
    """A key is 1 to 200 printable ASCII characters; none at all is no key."""
    answer = face.post("/start", {"name": "train"}, headers={"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["kind"]) == (400, "bad-idempotency-key")


def test_work_is_queued(face: Face) -> None:
    """Work answers 202 with a task and its address, once under one key."""
    answers = [face.post("/verify", {"deep": True}, headers=KEY) for _ in range(2)]
    task = answers[0].json()["task"]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["location"] == f"/api/v1/tasks/{task['id']}"
    assert (task["verb"], task["words"], task["state"], task["actor"]) == (
        "verify",
        {"deep": True},
        "queued",
        "person:ann",
    )
    assert face.post("/verify?queue=gpu", {}).json()["task"]["queue"] == "gpu"
    assert face.post("/verify?queue=../x", {}).json()["kind"] == "bad-queue"
    assert face.post("/start?queue=gpu", {"name": "x"}).json()["kind"] == "unknown-parameter"
    assert face.post("/verify", {}, headers={"Loopline-Dry-Run": "true"}).json()["kind"] == "no-rehearsal"
    told = face.get(f"/tasks/{task['id']}").json()["result"]
    assert told["id"] == task["id"]
    assert face.get("/tasks/" + "0" * 32).json()["kind"] == "no-task"
    assert face.get(f"/tasks/{task['id']}?project=other").status_code == 404


def test_bytes_that_a_project_does_not_hold_cannot_be_named(face: Face) -> None:
    """Who knows the digest of another project's bytes can neither publish nor log it as its own."""
    blob = face.ask("POST", "/blobs/pack?project=secret", content=b"\x00" * 7 + b"\x06secret").json()["digests"][0]
    stolen = face.post("/put", {"asset": "data/x", "digest": blob})
    assert (stolen.status_code, stolen.json()["kind"]) == (404, "blob-missing")
    run = face.result("start", {"name": "x"})
    link = {"name": "model", "digest": blob}
    assert face.post("/log", {"run": run["id"], "outputs": [link]}).json()["kind"] == "blob-missing"
    assert face.post("/log", {"run": run["id"], "tags": {"log": blob}}).json()["kind"] == "reserved-tag"
    assert face.post("/start", {"name": "x", "code": blob}).json()["kind"] == "blob-missing"
    assert face.get(f"/blobs/{blob}").status_code == 404


def test_a_tree_cannot_open_what_is_below_it(face: Face) -> None:
    """A tree that lists the digest of another project's file is not taken: possession is proved by bytes."""
    from loopline.datasets.tree import build
    from loopline.nouns.entry import Entry
    from loopline.store.memory import MemoryBlobs

    def frame(data: bytes) -> bytes:
        return len(data).to_bytes(8, "big") + data

    secret = face.ask("POST", "/blobs/pack?project=secret", content=frame(b"secret")).json()["digests"][0]
    here = MemoryBlobs()
    root = build(here, [Entry("a.txt", secret, 6)])
    face.ask("POST", "/blobs/pack", content=frame(here.read(root)))
    answer = face.post("/add", {"asset": "data/x", "tree": root})
    assert (answer.status_code, answer.json()["facts"]["digests"]) == (404, [secret])
    assert face.get(f"/blobs/{secret}").status_code == 404
    face.ask("POST", "/blobs/pack", content=frame(b"secret"))
    assert face.post("/add", {"asset": "data/x", "tree": root}).status_code == 200
    assert face.get(f"/blobs/{secret}").content == b"secret"


@pytest.mark.parametrize(
    "path",
    [
        "/find?limit=99999999999999999999", "/find?limit=--5", "/get?pointer=data/x@99999999999999999999", "/feed?after=-1e3",
        "/history?what=data/x&after=99999999999999999999", "/find?where=%00", "/show?what=%ff", "/find?order=%F0%9F%98%80",
        "/find?where=metrics.a%20%3E%201e999", "/why?what=sha256:" + "0" * 64, "/ls?after=" + "%25" * 2000,
    ],
)  # fmt: skip
def test_no_query_is_a_defect(face: Face, path: str) -> None:
    """Numbers that no database holds, text that is none and endless words are 400 or 404."""
    assert face.get(path).status_code in (200, 400, 404)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"3", b'"x"', b"{", b"\xff\xfe", b'{"name": "\\ud800"}', b'{"name": "a\\u0000b"}', b"[" * 50_000,
        b'{"name":' * 2000 + b"1" + b"}" * 2000, b'{"name": 1}', b'{"name": "x", "started_at": 1e999}',
        b'{"name": "x", "name": 3}',
        b'{"name": "x", "started_at": 99999999999999999999999}', b'{"name": "x", "params": {"a": {"b": 1}}}', b'{"name": NaN}',
        b'{"name": "x", "params": [["a"]]}', b'{"name": "x", "code": "sha256:../../x"}', b'{"name": null}',
    ],
)  # fmt: skip
def test_no_body_is_a_defect(face: Face, body: bytes) -> None:
    """Whatever a body holds, the answer is a problem that says what to mend, and nothing happened."""
    answer = face.ask("POST", "/start", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"title", "status", "detail", "kind", "hint", "facts"}
    assert face.events() == []


def test_a_secret_is_shown_once(face: Face) -> None:
    """The reply that is kept of a new token does not hold its secret: who did not hear it makes another one."""
    first = face.post("/issue", {"name": "ci", "actor": "token:ci"}, headers=KEY)
    assert first.status_code == 200, first.text
    secret = first.json()["result"]["secret"]
    again = face.post("/issue", {"name": "ci", "actor": "token:ci"}, headers=KEY)
    assert (again.status_code, again.json()["kind"]) == (409, "shown-once")
    with face.loop.ledger.read() as tx:
        assert secret not in str(tx.rows.all("SELECT * FROM replies"))
        assert len(tx.tokens.list()) == 1


def test_a_body_has_an_end(face: Face) -> None:
    """More than a JSON body may have is a 413, announced or not; the log of a run may bring more."""
    big = b'{"name": "' + b"x" * (8 << 20) + b'"}'
    kind = {"Content-Type": "application/json"}
    assert face.ask("POST", "/start", content=big, headers=kind).status_code == 413

    async def chunks() -> Any:
        for at in range(0, len(big), 1 << 20):
            yield big[at : at + (1 << 20)]

    assert face.ask("POST", "/start", content=chunks(), headers=kind).status_code == 413
    run = face.result("start", {"name": "x"})
    points = [{"key": "loss" * 50, "value": 0.5, "step": step} for step in range(40_000)]
    assert len(json.dumps(points)) > 8 << 20
    assert face.result("log", {"run": run["id"], "points": points}) is True
