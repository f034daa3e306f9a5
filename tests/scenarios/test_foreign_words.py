"""Who is at home in one project and names things of another, in any word of any verb, learns nothing (DESIGN §3, 13)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import pytest

from loopline.datasets.tree import build
from loopline.loop import Loop
from loopline.nouns.actor import parse_actor
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Link, Point
from loopline.verbs import VERBS, Verb, load
from loopline.verbs.asking import ask
from loopline.verbs.usage import Param, usage_of
from tests.scenarios.test_permission import SECRET, asked, live, word
from tests.server.serving import HOME, Served

HIDDEN: Final = (
    "quagga", "gazelle", "bongo", "addax", "dikdik", "kudu", "serval", "genet", "eland", "oryx", "impala", "nyala",
)  # fmt: skip
"""What only the secret project says: of runs, changes, tasks and people, in bytes, file names and logs. No question has them."""
KEYS: Final = ("log", "task", "data", "parent", "origin", "run", "x")
"""Keys of pairs: those that some verb gives a meaning to, and one that has none."""
NEVER: Final = f"sha256:{'0' * 64}"
CHOSEN: Final = {
    ("start", "run"): "an id that a caller makes up: one that is taken is taken, and that is all that is said",
    (
        "experiment",
        "rename",
    ): "a name that a caller makes up: what the first question was given, the second finds taken",
}
"""Words that are not asked, and why."""
ASKED: Final = [verb for verb in VERBS if verb.cls != "local"]


@dataclass
class Home:
    """A server with a secret project, and somebody who may do everything but give rights in a project of their own."""

    served: Served
    loop: Loop
    """That of the own project."""
    secret: dict[str, str]
    """What is in the secret project, by what it is."""
    shared: dict[str, str]
    """More of it, which somebody with rights in both projects has used in the own one."""
    missing: dict[str, str]
    """The same names, of what is nowhere."""
    headers: dict[str, str]
    runner: asyncio.Runner
    http: httpx.AsyncClient

    def ask(self, method: str, path: str, **asked: Any) -> httpx.Response:
        """Send one request as that somebody."""
        headers = {**self.headers, **asked.pop("headers", {})}
        return self.runner.run(self.http.request(method, path, headers=headers, **asked))

    def verb(self, verb: Verb, words: Mapping[str, Any], *, dry: bool = False) -> httpx.Response:
        """Ask a verb of the own project."""
        way: dict[str, Any] = {"params": {"project": self.loop.project}}
        if verb.cls == "read":
            way["params"] |= words
            return self.ask("GET", f"/api/v1/{verb.name}", **way)
        headers = {"Loopline-Dry-Run": "true"} if dry and verb.cls == "write" else {}
        return self.ask("POST", f"/api/v1/{verb.name}", json=dict(words), headers=headers, **way)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Fill both projects, and sign Bob in."""
    served = Served(tmp_path_factory.mktemp("words"))
    there = replace(served.loop, project=SECRET, actor=parse_actor("genet"))
    secret, shared = (fill(there, name, lambda animal: animal) for name in ("okapi", "zorilla"))
    token = served.token("bob", "maintainer").secret
    served.token("ann", "admin", everywhere=True)
    twin = {kind: f"{secret[kind][:16]}{'beef' * 4}" for kind in ("run", "step", "change", "task", "comment")}
    missing = {
        **twin, **dict.fromkeys(("digest", "tree", "log"), NEVER),
        "ref": f"{SECRET}:model/never@champion", "version": f"{SECRET}:data/never@1", "asset": f"{SECRET}:model/never",
        "path": secret["path"].replace(secret["step"], twin["step"]),
    }  # fmt: skip
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False, client=("127.0.0.1", 50_000))
    with asyncio.Runner() as runner:
        http = httpx.AsyncClient(transport=transport, base_url=HOME, timeout=60)
        yield Home(served, served.loop, secret, shared, missing, {"Authorization": f"Bearer {token}"}, runner, http)
        runner.run(http.aclose())
    served.close()


def fill(loop: Loop, name: str, say: Callable[[str], str]) -> dict[str, str]:
    """Put one of everything into a project, and give how each is named."""

    def do(verb: str, *args: Any, **asked: Any) -> Any:
        return load(verb)(loop, *args, **asked)

    def kept(text: str) -> Digest:
        return loop.blobs.put(f"{say(text)} in {loop.project} {loop.ids.new()}\n".encode())

    row, log, digest = kept("eland"), kept("impala"), kept("eland")
    size = loop.blobs.size(row) or 0
    tree = build(loop.blobs, [Entry(f"{say('oryx')}.py", row, size)])
    data, model = AssetName(loop.project, "data", name), AssetName(loop.project, "model", name)
    do("add", data, tree=tree, message=say("serval"))
    run = do("start", say("quagga"), params={"p": say("bongo")}, code=tree, environment=row)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.runs.annotate(run.id, tags={"log": log})  # as a worker keeps what a run printed
        tx.say("run.logged", run.id)
    step = do("start", say("addax"), parent=run.id, tags={"t": say("bongo")})
    do(
        "log", run.id, points=(Point("auc", 0.7),), inputs=(Link("data", tree, asset=f"data/{name}", number=1),),
        outputs=(Link(say("nyala"), digest),),
    )  # fmt: skip
    growing = loop.work / "logs" / f"{step.id}.log"
    growing.parent.mkdir(parents=True, exist_ok=True)
    growing.write_text(f"{say('impala')}\n")
    do("put", model, digest=digest, run=run.id, message=say("serval"), metadata={"m": say("bongo")})
    change = do("propose", RefName(model, "champion"), to=Numbered(1), why=say("gazelle"))
    comment = do("comment", change.id, text=say("dikdik"))
    task = ask(loop, "run", {"pipeline": say("kudu")})
    own = f"{loop.project}:"
    return {
        "run": run.id, "step": step.id, "change": change.id, "comment": comment.id, "task": task.id, "digest": digest,
        "tree": tree, "log": log, "ref": f"{own}model/{name}@champion", "version": f"{own}data/{name}@1",
        "asset": f"{own}model/{name}", "path": f"sha256:../../cache/logs/{step.id}.log",
    }  # fmt: skip


def words_of(home: Home, verb: Verb) -> dict[str, Any]:
    """Give words that a verb must be given, about fresh things of the own project."""
    own = fill(home.loop, f"plain-{home.loop.ids.new()[-12:]}", lambda animal: f"own-{len(animal)}")
    names = {
        **own,
        "what": own["asset"],
        "runs": own["run"],
        "pointer": own["version"],
        "name": "words",
        "text": "words",
    }
    needed = {one.name: word(one, names) for one in usage_of(load(verb.name)).params if one.required}
    match verb.name:
        case "propose":
            return needed | {"ref": f"{own['asset']}@other", "to": "1"}
        case "comment":
            return needed | {"text": "words"}
        case _:
            return needed


def forms(param: Param, value: str, own: str) -> list[Any]:
    """Write a name as the values of a parameter, in each way in which it might be understood."""
    if param.choices or param.shape == "switch" or param.word in ("N", "TIME", "KEY=NUMBER", "ACTOR"):
        return []
    if param.name in ("inputs", "outputs"):
        digest = value if value.startswith("sha256:") else own
        return [[{"name": "x", "digest": digest}], [{"name": "x", "digest": digest, "asset": value, "number": 1}]]
    if param.word == "JSON":
        return []
    if param.shape == "pairs":
        return [dict.fromkeys(KEYS, value), {value: "1"}]
    return [[value]] if param.shape == "many" else [value]


def told(answer: httpx.Response) -> tuple[int, str]:
    """Give what an answer tells besides the names that were asked for; of one that did something, that it did."""
    if answer.status_code < 400:
        return 200, ""
    return answer.status_code, re.sub(r"[0-9a-f]{8,}|okapi|never", "…", answer.text)


def heard(answer: httpx.Response) -> list[str]:
    """Give what an answer tells of the secret project."""
    return [one for one in HIDDEN if one in answer.text]


def after(home: Home, words: Mapping[str, Any], answer: httpx.Response) -> Iterator[httpx.Response]:
    """Look at what a write has made or touched, in all ways, and for bytes that it may have let into the project."""
    text = json.dumps(dict(words)) + answer.text
    found = set(re.findall(r"\b[0-9a-f]{32}\b", text)) - set(home.secret.values())
    found |= set(re.findall(r"(?:data|model)/[a-z0-9-]+@[0-9]+", text))
    for name in sorted(found):
        if "/" not in name:
            yield home.ask("POST", "/api/v1/cancel", params={"project": home.loop.project}, json={"task": name})
        for verb, word_ in (
            ("show", "what"),
            ("why", "what"),
            ("tail", "run"),
            ("get", "pointer"),
            ("preview", "version"),
        ):
            if (verb in ("get", "preview")) == ("/" in name) or verb in ("show", "why"):
                yield home.ask("GET", f"/api/v1/{verb}", params={"project": home.loop.project, word_: name})
        if "/" in name:
            yield home.ask("GET", "/api/v1/ls", params={"project": home.loop.project, "what": name})
    for name in ("digest", "tree", "log"):
        yield home.ask("GET", f"/api/v1/blobs/{home.secret[name]}", params={"project": home.loop.project})


def state(home: Home) -> list[Any]:
    """Give what has happened in the secret project, and whether its work goes on."""
    with home.loop.ledger.read() as tx:
        said: list[Any] = [(one.kind, one.subject) for one in tx.feed.iter(SECRET)]
        return [*said, tx.tasks.get(home.secret["task"]).state, tx.tasks.asked_to_stop(home.secret["task"])]


@pytest.mark.long
@pytest.mark.parametrize("verb", ASKED, ids=lambda verb: verb.name)
def test_no_word_of_a_verb_reaches_into_another_project(home: Home, verb: Verb) -> None:
    """Each word of each verb, asked in one's own project with names of another, tells nothing of it, nor does what it makes."""
    wrong: list[tuple[Any, ...]] = []
    before = state(home)
    base = words_of(home, verb)
    for param in usage_of(load(verb.name)).params:
        if (verb.name, param.name) in CHOSEN:
            continue
        for kind, value in home.secret.items():
            twins = zip(forms(param, value, NEVER), forms(param, home.missing[kind], NEVER), strict=True)
            for form, twin in twins:
                asked_ = {**base, param.name: form}
                one, other = home.verb(verb, asked_, dry=True), home.verb(verb, {**base, param.name: twin}, dry=True)
                if told(one) != told(other):
                    wrong.append((param.name, form, "tells what is there", told(one), told(other)))
                answers = [one, home.verb(verb, asked_)] if verb.cls == "write" else [one]
                if answers[-1].status_code < 400 and verb.cls == "write":
                    answers += after(home, asked_, answers[-1])
                wrong += [
                    (param.name, form, str(at.request.url).removeprefix(HOME), heard(at))
                    for at in answers
                    if heard(at) or at.status_code >= 500
                ]
    assert wrong == []
    assert state(home) == before


def test_no_address_of_the_own_project_shows_another_ones_things(home: Home) -> None:
    """Pages, bytes, tasks and uploads, asked for in one's own project by names of another, are as those that are nowhere."""
    wrong = []
    token = home.headers["Authorization"].removeprefix("Bearer ")
    for path, method in live(home.served.app.routes):
        if "{verb}" in path or path.endswith("/events") or path.startswith("/login") or (method, path) in MADE:
            continue
        here, there = (
            list(asked(home, method, path, {**names, "upload": "0" * 32, "project": home.loop.project}, token).values())  # type: ignore[arg-type]
            for names in (home.secret, home.missing)
        )
        for one, other in zip(here, there, strict=True):
            if heard(one) or one.status_code >= 500 or (told(one) != told(other)):
                wrong.append((method, str(one.request.url), heard(one), told(one), told(other)))
    assert wrong == []


MADE: Final = (("PUT", "/api/v1/blobs/{digest:path}"),)
"""What takes bytes under the name that they really have: whoever has them may bring them."""


@pytest.mark.parametrize("verb", ["show", "why", "impact", "tail", "series", "compare", "get", "card", "history"])
def test_what_was_made_of_another_projects_things_tells_nothing_of_them(home: Home, verb: str) -> None:
    """A run that somebody with rights in both projects made of data of the other says their name, and not what is in there."""

    def do(name: str, *args: Any, **asked: Any) -> Any:
        return load(name)(home.loop, *args, **asked)

    run = do("start", "crossing")
    data = Link("data", Digest(home.shared["tree"]), asset=home.shared["version"].partition("@")[0], number=1)
    made = home.loop.blobs.put(b"made of both")
    do("log", run.id, inputs=(data,), outputs=(Link("model", made),))
    version = str(do("put", AssetName(home.loop.project, "model", f"crossing-{verb}"), digest=made, run=run.id))
    for name in (run.id, version, made, home.shared["tree"]):
        for word_ in ("what", "run", "runs", "pointer"):
            answer = home.ask("GET", f"/api/v1/{verb}", params={"project": home.loop.project, word_: name})
            assert heard(answer) == [], answer.text


def test_nothing_of_another_project_is_listed_or_found(home: Home) -> None:
    """Lists, the feed and the search of the own project are without it, whatever was named there before."""
    whats = next(one for one in usage_of(load("find")).params if one.name == "what").choices
    questions = [("find", {"what": what}) for what in whats] + [("feed", {}), ("overview", {}), ("about", {})]
    wrong: list[tuple[Any, ...]] = []
    for verb, words in questions:
        answer = home.ask("GET", f"/api/v1/{verb}", params={"project": home.loop.project, **words})
        wrong += [(verb, words, heard(answer))] if heard(answer) else []
    for animal in HIDDEN:
        found = home.ask("GET", "/api/v1/search", params={"project": home.loop.project, "words": animal}).json()
        wrong += [("search", animal, found)] if found["result"] else []
    assert wrong == []


def test_the_walk_says_what_works(home: Home) -> None:
    """Asked at home, most verbs do what they should, and in the secret project there is all that must not be heard."""
    good = {verb.name for verb in ASKED if home.verb(verb, words_of(home, verb)).status_code < 300}
    assert {
        "add",
        "start",
        "log",
        "put",
        "propose",
        "comment",
        "why",
        "tail",
        "show",
        "get",
        "cancel",
        "review",
    } <= good
    admin = home.served.token("ann").secret
    seen = "".join(
        home.served.ask("GET", f"/api/v1/{verb}", token=admin, params={"project": SECRET, **words}).text
        for verb, words in (
            ("show", {"what": home.secret["run"]}), ("why", {"what": home.secret["run"]}), ("tail", {"run": home.secret["step"]}),
            ("show", {"what": home.secret["change"]}), ("review", {"change": home.secret["change"]}),
            ("ls", {"what": home.secret["version"]}), ("find", {"what": "tasks"}), ("show", {"what": home.secret["step"]}),
            ("get", {"pointer": home.secret["version"]}), ("history", {"what": home.secret["asset"]}),
        )
    )  # fmt: skip
    seen += home.served.ask(
        "GET", f"/api/v1/blobs/{home.secret['digest']}", token=admin, params={"project": SECRET}
    ).text
    assert [one for one in HIDDEN if one not in seen] == []
