"""The document is complete, and what it says is so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from jsonschema.validators import Draft202012Validator
from starlette.routing import Route

from loopline.faces.native.openapi import document
from loopline.faces.native.statuses import EVERY
from loopline.nouns.artifact import TREE
from loopline.nouns.digest import digest_of
from loopline.verbs import VERBS

from .test_blobs import frame

if TYPE_CHECKING:
    import httpx

    from .conftest import Face

HEX = "0" * 32


def resolve(found: Any) -> Any:
    """Follow a reference into the document."""
    while isinstance(found, dict) and "$ref" in found:
        place: Any = document()
        for part in found["$ref"].removeprefix("#/").split("/"):
            place = place[part]
        found = place
    return found


def check(answer: httpx.Response, path: str, method: str) -> None:
    """Hold an answer against what the document says of it."""
    operation = document()["paths"][path][method]
    described = resolve(operation["responses"][str(answer.status_code)])
    if method == "head":
        return
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if "content" not in described:
        assert answer.content == b""
        return
    schema = described["content"][kind]["schema"]
    if kind.endswith("json"):
        rooted = {**schema, "components": document()["components"]}
        Draft202012Validator(rooted).validate(answer.json())


def test_it_is_openapi(face: Face) -> None:
    """The document says which OpenAPI it is, every reference in it leads somewhere, and each schema is one."""
    said = face.get("/openapi.json").json()
    assert said["openapi"] == "3.1.0"
    assert said == json.loads(json.dumps(document()))

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            assert resolve(value) is not None
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(said)
    for schema in said["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    ids = [op["operationId"] for path in said["paths"].values() for name, op in path.items() if name != "parameters"]
    assert len(ids) == len(set(ids))


def test_every_verb_is_in_it() -> None:
    """Each verb of the wire has its path and method, its parameters and a described answer; local ones have none."""
    paths = document()["paths"]
    for verb in VERBS:
        path = paths.get(f"/api/v1/{verb.name}", {})
        if verb.cls == "local":
            assert not path
            continue
        operation = path["get" if verb.cls == "read" else "post"]
        assert operation["summary"] == verb.summary or operation["summary"]
        assert ("202" if verb.cls == "work" else "200") in operation["responses"]
        assert set(EVERY) <= set(operation["responses"])


BARE = {  # reads that name nothing which must be there
    "about", "alerts", "feed", "feed_events", "find", "insights", "overview", "search", "services", "whoami",
}  # fmt: skip
PREFIXED = {"compare", "impact", "postmortem", "retrace", "review", "rollouts", "series", "show", "tail", "why"}
"""Reads that take the first digits of an id, which may mean several things."""


def test_no_operation_has_a_status_that_it_cannot_give() -> None:
    """A refusal stands where there is what it is about, and nowhere else: a body, a key, a range, a name, a count of tries."""
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            name, statuses = operation["operationId"], set(operation["responses"])
            content = operation.get("requestBody", {}).get("content", {})
            fields = {resolve(one)["name"] for one in operation["parameters"]}
            form = "application/x-www-form-urlencoded" in content
            told = f"{method} {path}"
            assert "405" not in statuses, told
            assert ("413" in statuses) is bool(content and not form), told
            assert ("415" in statuses) is bool(content and not form and "application/octet-stream" not in content), told
            assert ("416" in statuses) is ("Range" in fields), told
            assert ("429" in statuses) is (name == "login_device"), told
            assert ("403" in statuses) is (name not in ("openapi", "whoami")), told
            assert ("409" in statuses) is (
                "Idempotency-Key" in fields or name in PREFIXED or path == "/api/v1/uploads/{upload}"
            ), told
            if method == "get" and "/blobs/" not in path:
                assert "507" not in statuses, told
                assert ("404" in statuses) is (name not in BARE | {"openapi"}), told
            if "Idempotency-Key" in fields:
                assert "507" in statuses, told


def test_every_live_route_is_in_it() -> None:
    """Whatever a server answers below /api/v1, verbs apart, the document has with its methods; and nothing else."""
    from loopline.server.app import routes

    live: dict[str, set[str]] = {}
    for route in routes():
        if not isinstance(route, Route) or not route.path.startswith("/api/v1/"):
            continue
        path = route.path.replace(":path", "")
        if path in ("/api/v1/{verb}", "/api/v1/{rest}"):
            continue
        known = getattr(route.endpoint, "methods", None) or route.methods or ()
        live.setdefault(path, set()).update(method.lower() for method in known)
    verbs = {f"/api/v1/{verb.name}" for verb in VERBS}
    described = {
        path: {name for name in operations if name != "parameters"}
        for path, operations in document()["paths"].items()
        if path not in verbs
    }
    assert sorted(live) == sorted(described)
    for path, methods in described.items():
        assert methods <= live[path], path
        assert live[path] - methods <= {"head"}, path


def test_fields_are_described_where_they_stand() -> None:
    """What the source says under a field is in the document."""
    schemas = document()["components"]["schemas"]
    assert schemas["Link"]["properties"]["name"]["description"].startswith("The name of the parameter")
    assert schemas["RunState"]["enum"][0]
    assert schemas["Run"]["properties"]["id"]["description"].startswith("128 bits")


@pytest.fixture
def story(face: Face) -> Face:
    """Tell a short story over the wire: data, a training, models, a policy, a change that waits, one that was taken back."""
    from loopline.checks.document import Document, dump_document
    from loopline.datasets.tree import build
    from loopline.nouns.check import Check
    from loopline.nouns.entry import Entry
    from loopline.nouns.expectation import Expectation
    from loopline.nouns.policy import Approvals, Policy
    from loopline.store.memory import MemoryBlobs

    here, root = MemoryBlobs(), ""
    for body in (b"a,b\n1,2\n", b"a,b\n1,3\n"):
        root = build(here, [Entry("t.csv", here.put(body), len(body))])
        face.ask("POST", "/blobs/pack", content=frame(body, here.read(root)))
        face.result("add", {"asset": "data/flights", "tree": root, "message": "more"})
    for auc in (0.7, 0.8):
        run = face.result("start", {"name": "train", "params": {"lr": "0.1"}, "packages": {"numpy": "2.0"}})
        model = face.ask("POST", "/blobs/pack", content=frame(b"%f" % auc)).json()["digests"][0]
        link = {"name": "data", "digest": root, "asset": "data/flights", "number": 2}
        face.result(
            "log",
            {"run": run["id"], "points": [{"key": "auc", "value": auc}, {"key": "odd", "value": "NaN"}], "inputs": [link],
             "outputs": [{"name": "model", "digest": model}]},
        )  # fmt: skip
        face.result("put", {"asset": "model/delay", "digest": model, "run": run["id"], "metadata": {"x": [1, None]}})
        face.result("finish", {"run": run["id"]})
    face.result("propose", {"ref": "model/delay@champion", "to": "1", "why": "first", "tier": "production"})
    face.result("propose", {"ref": "model/delay@champion", "to": "2", "why": "better"})
    face.result("rollback", {"ref": "model/delay@champion", "why": "worse"})
    rules = Policy("champion", ("model/*@champion",), approvals=Approvals(count=1))
    check = Check("flights/rows", ("data/flights@main",), expect=(Expectation(("b",), type="whole", max=1),))
    face.result("policy", {"document": dump_document(Document((rules,), (check,))).decode()})
    change = face.result("propose", {"ref": "model/delay@champion", "to": "2", "why": "again", "lift": True})
    face.result("comment", {"change": change["id"], "text": "why?"})
    face.result("issue", {"name": "ci", "actor": "token:ci", "scopes": ["read:flights"]})
    face.result("subscribe", {"url": "https://example.com/hook", "name": "hook", "secret": "env:HOOK_SECRET"})
    face.post("/verify", {})
    return face


def disagree(story: Face) -> None:
    """Begin a merge in which a path clashes, and take something for it; name a version, too."""
    story.result("tag", {"name": "code", "version": "data/flights@1"})
    code = story.get("/get?pointer=data/flights@1").json()["result"]["artifact"]["digest"]
    story.result("branch", {"asset": "data/flights", "name": "fix"})
    story.result("revert", {"version": "data/flights@2", "into": "data/flights@fix"})
    story.result("put", {"asset": "data/flights", "digest": code, "media_type": TREE})
    assert story.result("merge", {"source": "data/flights@2", "into": "data/flights@fix"})["state"] == "nothing"
    assert (
        story.result("cherry_pick", {"version": "data/flights@4", "into": "data/flights@main"})["state"] == "clashing"
    )
    assert story.result("merge", {"take": "base", "paths": ["t.csv"]})["left"] == 0


def test_every_read_answers_what_the_document_says(story: Face) -> None:
    """Real answers of every read fit their schemas to the last field."""
    runs = story.get("/find").json()["result"]
    change = story.get("/find?what=changes&open=true").json()["result"][0]["id"]
    incident = story.get("/find?what=incidents").json()["result"][0]["id"]
    disagree(story)
    asked = {
        "ls": ["", "what=data", "what=data/flights@2", "what=data/flights&itself=true", "what=data/flights@2&folder="],
        "staged": ["ref=data/flights@main"],
        "preview": ["version=data/flights@2&path=t.csv"],
        "expect": ["version=data/flights@2", "version=data/flights@2&base=data/flights@1"],
        "diff": ["old=data/flights@1&new=data/flights@2", "old=model/delay@1&new=model/delay@2"],
        "compare": [f"runs={runs[0]['id']}&runs={runs[1]['id']}"],
        "series": [f"runs={runs[0]['id']}"],
        "tail": [f"run={runs[0]['id']}"],
        "get": ["pointer=model/delay@1"],
        "review": [f"change={change}"],
        "retrace": ["ref=model/delay@champion", "ref=model/delay@champion&quarantine=false"],
        "overview": [""],
        "show": [
            f"what={one}" for one in ("model/delay@champion", "model/delay@2", runs[0]["id"], change, incident)
        ],
        "card": ["pointer=model/delay@1"],
        "postmortem": [f"incident={incident}"],
        "find": [f"what={what}" for what in (
            "runs", "changes", "incidents", "subscriptions", "deliveries", "tasks", "tokens", "people", "silences",
        )] + ["limit=1", "order=metrics.auc&limit=1"],
        "search": ["words=delay"],
        "feed": ["", "limit=2"],
        "why": ["what=model/delay@champion"],
        "impact": ["what=data/flights@2", "what=data/flights@2&limit=1"],
        "history": ["what=data/flights", "what=model/delay@champion&limit=1"],
        "whoami": [""],
        "about": [""],
        "services": [""],
        "alerts": ["", "open=true"],
        "rollouts": ["", "limit=1"],
        "triggers": [""],
        "insights": ["", "days=3&timezone=Europe/Berlin"],
        "merges": ["", "ref=data/flights@main", "ref=data/flights@main&limit=1"],
        "monitors": [""],
        "traffic": ["ref=service/delay@prod"],
        "predictions": ["ref=service/delay@prod"],
        "quality": ["ref=service/delay@prod"],
        "drift": ["ref=service/delay@prod"],
        "monitoring": ["service=service/delay@prod"],
    }  # fmt: skip
    missing = {"tail", "traffic", "predictions", "quality", "drift", "monitoring"}  # nothing is served here
    reads = {verb.name for verb in VERBS if verb.cls == "read"}
    assert reads - set(asked) == set(), "say here how it is asked"
    for verb, queries in asked.items():
        for query in queries:
            answer = story.get(f"/{verb}?{query}")
            assert answer.status_code in (200, 400, 404, 503), (verb, query, answer.text)
            if verb not in missing:
                assert answer.status_code == 200, (verb, query, answer.text)
            try:
                check(answer, f"/api/v1/{verb}", "get")
            except jsonschema.ValidationError as error:
                pytest.fail(f"{verb}?{query}: {error.message} at {list(error.absolute_path)}")


def test_writes_and_transfers_answer_what_the_document_says(story: Face) -> None:
    """Writes, work, blobs, uploads, tasks and each kind of problem fit their schemas."""
    digest = digest_of(b"x")
    asked: list[tuple[str, str, str, dict[str, Any]]] = [
        ("post", "/start", "/start", {"json": {"name": "x"}}),
        ("post", "/start", "/start", {"json": {}}),
        ("post", "/start", "/start", {"content": b"x", "headers": {"Content-Type": "text/plain"}}),
        ("post", "/apply", "/apply", {"json": {"change": "model/delay@champion"}}),
        ("post", "/approve", "/approve", {"json": {"change": "model/delay@champion"}}),
        ("post", "/grant", "/grant", {"json": {"who": "bob", "role": "team/leads"}}),
        ("post", "/policy", "/policy", {"json": {}}),
        ("post", "/delete", "/delete", {"json": {"what": "model/none"}}),
        ("post", "/verify", "/verify", {"json": {}}),
        ("post", "/blobs/missing", "/blobs/missing", {"json": {"digests": [digest]}}),
        ("post", "/blobs/pack", "/blobs/pack", {"content": frame(b"a")}),
        ("post", "/blobs/pack", "/blobs/pack", {"content": b"a"}),
        ("put", f"/blobs/{digest}", "/blobs/{digest}", {"content": b"x"}),
        ("put", f"/blobs/{digest}", "/blobs/{digest}", {"content": b"y"}),
        ("get", f"/blobs/{digest}", "/blobs/{digest}", {}),
        ("get", f"/blobs/{digest}", "/blobs/{digest}", {"headers": {"Range": "bytes=9-"}}),
        ("get", f"/blobs/{digest}", "/blobs/{digest}", {"headers": {"If-None-Match": "*"}}),
        ("get", f"/blobs/{digest}/pieces", "/blobs/{digest}/pieces", {}),
        ("post", "/blobs/fetch", "/blobs/fetch", {"json": {"digests": [digest]}}),
        ("post", "/uploads", "/uploads", {"json": {"digest": digest, "size": 1}}),
        ("head", f"/uploads/{HEX}", "/uploads/{upload}", {}),
        ("patch", f"/uploads/{HEX}", "/uploads/{upload}", {}),
        ("delete", f"/uploads/{HEX}", "/uploads/{upload}", {}),
        ("get", f"/tasks/{HEX}", "/tasks/{task}", {}),
        ("get", f"/tasks/{HEX}/events", "/tasks/{task}/events", {}),
        ("get", "/feed/events?after=x", "/feed/events", {}),
    ]
    for method, path, template, given in asked:
        answer = story.ask(method.upper(), path, **given)
        try:
            check(answer, f"/api/v1{template}", method)
        except (jsonschema.ValidationError, KeyError) as error:
            pytest.fail(f"{method} {path}: {answer.status_code} {error}")
    task = story.get("/find?what=tasks").json()["result"][0]["id"]
    check(story.get(f"/tasks/{task}"), "/api/v1/tasks/{task}", "get")
