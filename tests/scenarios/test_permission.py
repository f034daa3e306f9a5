"""Whoever can reach the server but is not allowed gets nothing, not even the names of things (DESIGN §3, 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from starlette.routing import BaseRoute, Mount, Route

from loopline.faces.gateway import Gateway
from loopline.faces.login.throttle import MOST, Throttle
from loopline.nouns.actor import parse_actor
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Point
from loopline.verbs import VERBS, load
from loopline.verbs.asking import ask
from loopline.verbs.issue import issue
from loopline.verbs.revoke import revoke
from loopline.verbs.usage import Param, usage_of
from tests.server.serving import Served

if TYPE_CHECKING:
    import httpx

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SECRET: Final = "zebra"
"""A project that nobody here may look into."""
NEVER: Final = "unicorn"
"""A project that there is not."""
CANARIES: Final = ("okapi", "quagga", "gazelle")
"""Names of what is in it: an asset, a run, a reason."""
PUBLIC: Final = (
    ("GET", "/health"), ("HEAD", "/health"), ("GET", "/health/ready"), ("HEAD", "/health/ready"), ("GET", "/login"),
    ("HEAD", "/login"), ("POST", "/login"), ("GET", "/login/provider"), ("HEAD", "/login/provider"), ("GET", "/login/callback"),
    ("HEAD", "/login/callback"), ("POST", "/api/v1/login/device"), ("POST", "/api/v1/login/token"),
    ("GET", "/static/{version}/{name}"), ("HEAD", "/static/{version}/{name}"),
)  # fmt: skip
"""What answers a stranger. Nothing else does."""
UPLOADS: Final = (
    ("POST", "/api/v1/blobs/missing"), ("POST", "/api/v1/blobs/pack"), ("PUT", "/api/v1/blobs/{digest:path}"),
    ("POST", "/api/v1/uploads"),
)  # fmt: skip
"""Who may record for some asset of a project may bring bytes to it: they are of no asset yet."""
OWN: Final = {"/api/v1/whoami", "/api/v1/openapi.json", "/logout", "/", "/device"}
"""What answers whoever is signed in: about themselves, or about no project."""


@dataclass
class World:
    """A server, and what is in its secret project."""

    served: Served
    there: dict[str, str] = field(default_factory=dict)
    """What a path may name → something that exists."""
    missing: dict[str, str] = field(default_factory=dict)
    """The same names → something that does not."""
    callers: dict[str, str] = field(default_factory=dict)
    """Who asks → their token."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve a project full of things, and callers who must not see them."""
    world = World(Served(tmp_path_factory.mktemp("permission")))
    fill(world)
    world.served.app.state.throttles = dict.fromkeys(
        MOST, Throttle(most=10**6)
    )  # the walk is faster than people are let
    loop = world.served.loop
    token = world.served.token
    token("ann", "admin", everywhere=True)
    world.there["upload"] = begun(world, token("eva", "admin", everywhere=True).secret)
    expired = issue(loop, "x", actor=parse_actor("ann"), expires=timedelta(seconds=1))
    revoked, shut = token("ann"), token("carl", "admin", everywhere=True)
    loop.clock.advance(seconds=2)  # type: ignore[attr-defined]
    revoke(loop, revoked.token.id)
    with loop.ledger.telemetry() as tx:
        tx.people.disable("person:carl")
    world.callers = {
        "nobody": "",
        "expired": expired.secret,
        "revoked": revoked.secret,
        "shut out": shut.secret,
        "made up": "ll_aaaaaaaaaaaa_" + "0" * 43,
        "of another project": token("bob", "maintainer").secret,
        "without a role": token("dora").secret,
        "of another scope": token("ann", scopes=("finish:nowhere",)).secret,
        "of another asset": token("ann", scopes=("*:*:env/none",)).secret,
    }
    yield world
    world.served.close()


def fill(world: World) -> None:
    """Put one of everything into the secret project."""
    loop = replace(world.served.loop, project=SECRET)

    def do(verb: str, *args: Any, **asked: Any) -> Any:
        return load(verb)(loop, *args, **asked)

    model = AssetName(SECRET, "model", "okapi")
    run = do("start", "quagga")
    do("log", run.id, points=(Point("auc", 0.7),))
    digest: Digest = loop.blobs.put(b"bytes of the okapi")
    do("put", model, digest=digest, run=run.id)
    change = do("propose", RefName(model, "champion"), to=Numbered(1), why="gazelle")
    made = issue(loop, "secret", actor=parse_actor("token:ci"), role="viewer")
    task = ask(loop, "run", {"pipeline": "okapi"})
    world.there = {
        "project": SECRET, "run": run.id, "change": change.id, "digest": digest, "token": made.token.id, "task": task.id,
        "asset": "model/okapi",
        "ref": "model/okapi@champion", "what": "model/okapi", "pointer": "model/okapi@1", "version": "model/okapi@1",
    }  # fmt: skip
    world.missing = {
        "project": SECRET, "run": "0" * 32, "change": "0" * 32, "digest": f"sha256:{'0' * 64}", "token": "a" * 12,
        "asset": "model/never", "ref": "model/never@champion", "what": "model/never", "pointer": "model/never@1",
        "version": "model/never@1", "task": "0" * 32, "upload": "0" * 32,
    }  # fmt: skip


def begun(world: World, token: str) -> str:
    """Begin an upload in the secret project, and give its id."""
    answer = world.served.ask(
        "POST",
        "/api/v1/uploads",
        token=token,
        params={"project": SECRET},
        json={"digest": f"sha256:{'1' * 64}", "size": 9},
    )
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rpartition("/")[2].partition("?")[0]


def live(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, str]]:
    """Give each path of the app with each method that anybody might try."""
    for route in routes:
        if isinstance(route, Mount):
            yield from live(list(route.routes), before + route.path)
            continue
        if isinstance(route, Gateway):  # test_door.py of each of the two faces walks over its operations
            continue
        assert isinstance(route, Route), f"a kind of route that this walk does not know: {route}"
        yield from ((before + route.path, method) for method in METHODS)


def asked(world: World, method: str, path: str, names: dict[str, str], token: str) -> dict[str, httpx.Response]:
    """Ask one route, where it stands for verbs each of them, and give the answers by address."""
    found = {}
    for verb in VERBS if "{verb}" in path else (None,):
        if verb and method not in (("GET", "HEAD") if verb.cls == "read" else ("POST",)):
            continue
        values = {**names, "rest": names["asset"], "name": "loopline.css", "version": "x"}
        where = filled(path, {**values, "verb": verb.name} if verb else values, names["run"])
        words = {one.name: word(one, names) for one in usage_of(load(verb.name)).params if one.required} if verb else {}
        more: dict[str, Any] = {"params": {"project": names["project"]}} if where.startswith("/api/") else {}
        if method in ("GET", "HEAD"):
            more["params"] = {**more.get("params", {}), **words}
        elif method != "DELETE":
            more |= {"json": words} if verb else body(path, method, names)
        found[where] = world.served.ask(method, where, token=token, client="127.0.0.1", **more)
    return found


def body(path: str, method: str, names: dict[str, str]) -> dict[str, Any]:
    """Give what a route that stands for no verb wants to be sent."""
    match path, method:
        case "/api/v1/lineage", _:
            return {"json": lineage(names)}
        case "/api/v1/lineage/batch", _:
            return {"json": [lineage(names)]}
        case (("/api/v1/blobs/missing" | "/api/v1/blobs/fetch"), _):
            return {"json": {"digests": [names["digest"]]}}
        case "/api/v1/blobs/pack", _:
            return {"content": (3).to_bytes(8, "big") + b"abc"}
        case "/api/v1/uploads", _:
            return {"json": {"digest": names["digest"], "size": 3}}
        case _, "PATCH":
            piece = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
            return {"content": b"abc", "headers": piece}
        case _, "PUT":
            return {"content": b"bytes of the okapi"}
        case _:
            return {"data": {"token": "x", "code": "BCDF-GHJK"}}


def lineage(names: dict[str, str]) -> dict[str, Any]:
    """Write an event of OpenLineage about a job of the project."""
    return {
        "eventType": "START", "eventTime": "2026-07-01T12:00:00.000Z", "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "0190b0a0-0000-7000-8000-000000000001"}, "job": {"namespace": names["project"], "name": "words"},
    }  # fmt: skip


def filled(path: str, values: dict[str, str], other: str) -> str:
    """Write a route's path with values in place of its parameters."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: quote(values.get(found[1], other), safe="/:@"), path)


def word(param: Param, names: dict[str, str]) -> Any:
    """Write something for a parameter that must be given."""
    if param.choices:
        one: Any = param.choices[0]
    elif param.name in names:
        one = names[param.name]
    else:
        one = {
            "ASSET": names["asset"], "REF": names["ref"], "VERSION": names["version"], "DIGEST": names["digest"], "REV": "1",
            "N": 1, "ACTOR": "bob", "JSON": {"id": "words", "label": 1},
        }.get(param.word, "words")  # fmt: skip
    return {"many": [one], "pairs": {"a": "b"}}.get(param.shape, one)


def refused(answer: httpx.Response) -> bool:
    """Tell whether an answer is a refusal and nothing else."""
    to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
    return to_login or answer.status_code in (401, 403, 405)


def told(answer: httpx.Response, names: dict[str, str]) -> tuple[int, str, list[tuple[str, str]]]:
    """Give everything of an answer but the words that were in the question."""
    text, digits = answer.text, names["digest"].partition(":")[2]
    said = {*names.values(), *(quote(one, safe="") for one in names.values()), digits, digits[:12], names["run"][:16]}
    for name in sorted(said, key=len, reverse=True):
        text = text.replace(name, "…")
    headers = [
        (name, "…" if name in ("content-length", "location", "etag", "date") else value)
        for name, value in answer.headers.items()
    ]
    return answer.status_code, text, sorted(headers)


def seldom(*who: str) -> list[Any]:
    """Leave to the long tests who is told from others in one place, before any route is looked for."""
    return [pytest.param(one, marks=pytest.mark.long) for one in who]


@pytest.mark.parametrize("who", ["nobody", *seldom("expired", "revoked", "shut out", "made up")])
def test_nobody_strange_gets_anything_but_the_public_pages(world: World, who: str) -> None:
    """Each live route, with each method, refuses who shows no token or a dead one; the list of exceptions is whole."""
    let_in = []
    for path, method in live(world.served.app.routes):
        if (method, path) in PUBLIC:
            continue
        for where, answer in asked(world, method, path, world.there, world.callers[who]).items():
            if not refused(answer) or leaks(answer):
                let_in.append((method, where, answer.status_code, answer.text[:100]))
    assert let_in == []


@pytest.mark.parametrize(
    "who", ["without a role", *seldom("of another project", "of another scope", "of another asset")]
)
def test_nobody_without_the_right_gets_anything_of_a_project(world: World, who: str) -> None:
    """A role elsewhere, no role, a scope for something else: known, and refused at each route of the secret project."""
    let_in = []
    for path, method in live(world.served.app.routes):
        if (method, path) in PUBLIC:
            continue
        for where, answer in asked(world, method, path, world.there, world.callers[who]).items():
            own = where in OWN or (who == "of another asset" and ((method, path) in UPLOADS or path.startswith("/p/")))
            fine = refused(answer) or answer.status_code == 404 or (own and answer.status_code < 500)
            if not fine or leaks(answer):
                let_in.append((method, where, answer.status_code, answer.text[:200]))
    assert let_in == []


@pytest.mark.long
@pytest.mark.parametrize(
    "who",
    ["nobody", "expired", "revoked", "of another project", "without a role", "of another scope", "of another asset"],
)
def test_no_answer_tells_whether_a_thing_is_there(world: World, who: str) -> None:
    """What exists and what does not are refused alike, to the byte, but for the words of the question; so are projects."""
    differ = []
    token = world.callers[who]
    unknown = {**world.missing, "project": NEVER}
    for path, method in live(world.served.app.routes):
        if (method, path) in PUBLIC or (who == "of another asset" and (method, path) in UPLOADS):
            continue
        here = list(asked(world, method, path, world.there, token).values())
        for names in (world.missing, unknown):
            there = list(asked(world, method, path, names, token).values())
            for one, other in zip(here, there, strict=True):
                if told(one, world.there) != told(other, names):
                    differ.append((method, str(one.request.url), one.status_code, one.text[-300:], other.text[-300:]))
    assert differ == []


def test_the_walk_finds_what_it_should(world: World) -> None:
    """The secret project is full and its admin sees it: a walk over closed or empty rooms would prove nothing."""
    admin = world.served.token("ann").secret
    seen = "".join(
        answer.text
        for path in dict.fromkeys(path for path, _ in live(world.served.app.routes))
        if not path.endswith("/events")  # these last
        for answer in asked(world, "GET", path, world.there, admin).values()
        if answer.status_code == 200
    )
    assert [one for one in CANARIES if one not in seen] == []
    assert {method for _, method in live(world.served.app.routes)} == set(METHODS)


@pytest.mark.parametrize(("method", "path"), PUBLIC)
def test_what_is_public_tells_nothing(world: World, method: str, path: str) -> None:
    """The pages that everybody gets name nothing of any project."""
    where = path.replace("{version}", "x").replace("{name}", "loopline.css")
    answer = world.served.ask(method, where, client="10.0.0.1")
    assert not leaks(answer)
    assert world.served.loop.project not in answer.text


def leaks(answer: httpx.Response) -> list[str]:
    """Give what an answer tells that its question did not say."""
    asked_for = str(answer.request.url)
    return [one for one in CANARIES if one in answer.text and one not in asked_for]


def test_no_value_of_a_request_makes_a_header(world: World, tmp_path: Path) -> None:
    """A line break in a path, a query, a form or an actor's name ends up in no header of the answer."""
    bad = "x\r\nSet-Cookie: a=b\r\n\r\n<script>"
    for where in (
        f"/p/{quote(bad, safe='')}",
        f"/login?next={quote(bad)}",
        f"/api/v1/{quote(bad, safe='')}",
        f"/{quote(bad)}",
    ):
        for token in ("", world.callers["of another project"]):
            answer = world.served.ask("GET", where, token=token)
            assert "set-cookie" not in answer.headers
            assert all("\n" not in value and "\r" not in value for value in answer.headers.values())
    answer = world.served.ask("POST", "/login", data={"token": bad, "next": bad}, client="10.0.0.1")
    assert "a=b" not in str(answer.headers)
