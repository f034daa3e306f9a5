"""What members of one project try against another, and against the server, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import build
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.person import Person
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs import VERBS, load
from loopline.verbs.holding import took
from tests.server.serving import Served

if TYPE_CHECKING:
    import httpx

    from loopline.nouns.token import Issued

HERE, THERE = "flights", "secret"
"""The project that everybody here is in, and one that only Sam is in."""


@dataclass
class World:
    """A server with two projects."""

    served: Served
    tokens: dict[str, Issued] = field(default_factory=dict)

    def ask(self, who: str, verb: str, _project: str = HERE, /, **words: Any) -> httpx.Response:
        """Ask a verb as somebody."""
        read = next(one for one in VERBS if one.name == verb).cls == "read"
        asked: dict[str, Any] = {"params": {"project": _project, **words}} if read else {"json": words}
        if not read:
            asked["params"] = {"project": _project}
        method = "GET" if read else "POST"
        return self.served.ask(method, f"/api/v1/{verb}", token=self.tokens[who].secret, client="10.0.0.1", **asked)

    def result(self, who: str, verb: str, _project: str = HERE, /, **words: Any) -> Any:
        """Ask a verb that is let through, and give what it answers."""
        answer = self.ask(who, verb, _project, **words)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()["task" if answer.status_code == 202 else "result"]

    def refused(self, who: str, verb: str, _project: str = HERE, /, **words: Any) -> str:
        """Ask a verb that is not let through, and give the kind of its error."""
        answer = self.ask(who, verb, _project, **words)
        assert answer.status_code >= 400, answer.text
        return str(answer.json()["kind"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Serve two projects: Bea contributes, Vic looks and Max maintains here, Sam maintains there, Ann is the server's admin."""
    served = Served(tmp_path)
    there = Served.__new__(Served)
    there.loop = replace(served.loop, project=THERE)
    tokens = {
        "ann": served.token("ann", "admin", everywhere=True), "bea": served.token("bea", "contributor"),
        "vic": served.token("vic", "viewer"), "max": served.token("max", "maintainer"), "sam": there.token("sam", "maintainer"),
    }  # fmt: skip
    yield World(served, tokens)
    served.close()


def test_no_tag_names_a_file_of_the_server(world: World, tmp_path: Path) -> None:
    """A log that is a path is refused when it is told, and opens nothing where it stands in an older ledger."""
    secret = tmp_path / "shadow"
    secret.write_bytes(b"of the machine")
    path = f"sha256:{'../' * 20}{str(secret).lstrip('/')}"
    assert world.refused("bea", "start", name="t", tags={"log": path}) == "reserved-tag"
    run = world.result("bea", "start", name="t")["id"]
    assert world.refused("bea", "log", run=run, tags={"log": path}) == "reserved-tag"
    loop = world.served.loop
    with loop.ledger.write(HERE, loop.actor) as tx:
        tx.runs.annotate(run, tags={"log": path})
        tx.say("test", run)
    answer = world.ask("bea", "tail", run=run)
    assert (answer.status_code, answer.json()["result"]["size"]) == (200, 0)


def test_no_tag_stops_the_burying_of_runs(world: World) -> None:
    """A fence of five thousand digits is refused, and harms nobody where it stands."""
    tags = {"task.fence": "9" * 5000, "task": "x"}
    assert world.refused("bea", "start", name="x", tags=tags) == "reserved-tag"


def test_no_tag_reaches_a_task_of_another_project(world: World) -> None:
    """A run that says it came of Sam's task neither cancels it nor shows it."""
    task = world.result("sam", "verify", THERE)
    assert world.refused("bea", "start", name="x", tags={"task": task["id"]}) == "reserved-tag"
    run = world.result("bea", "start", name="x")["id"]
    loop = world.served.loop
    with loop.ledger.write(HERE, loop.actor) as tx:
        tx.runs.annotate(run, tags={"task": task["id"]})
        tx.say("test", run)
    assert world.refused("bea", "cancel", task=run) == "no-task"
    assert world.result("sam", "find", THERE, what="tasks")[0]["state"] == "queued"


def hush(world: World) -> tuple[str, str]:
    """Make a version in the other project with a run behind it, and a run here that read it; give its digest and this run."""
    loop = replace(world.served.loop, project=THERE)
    digest = loop.blobs.put(b"hush hush")
    took(loop, [digest])
    run = world.result("sam", "start", THERE, name="quagga", params={"okapi": "1"})["id"]
    world.result("sam", "put", THERE, asset="data/hush", digest=digest, message="gazelle", run=run)
    here = world.result("bea", "start", name="reader")["id"]
    link = {"name": "i", "digest": digest, "asset": f"{THERE}:data/hush", "number": 1}
    world.result("ann", "log", run=here, inputs=[link])
    return digest, here


def test_why_ends_at_the_border_of_a_project(world: World) -> None:
    """Who may look into one project is told of the other's data that a run read nothing but the digest, by any way of asking."""
    digest, run = hush(world)
    (read,) = world.result("vic", "why", what=run)["because"]
    assert (read["kind"], read["key"], read["title"]) == ("artifact", digest, "in another project")
    assert (read["facts"], read["because"]) == ({}, [])
    answers = [
        world.ask("vic", "why", what=digest),
        world.ask("vic", "impact", what=digest),
        world.ask("vic", "why", what=run),
    ]
    page = {"token": world.tokens["vic"].secret, "client": "10.0.0.1"}
    answers += [world.served.ask("GET", f"/p/{HERE}/lineage?of={of}", **page) for of in (run, digest)]
    for answer in answers:
        assert answer.status_code == 200
        assert [word for word in ("gazelle", "quagga", "okapi", "person:sam", "hush") if word in answer.text] == []


def test_why_goes_on_for_who_may_look_there(world: World) -> None:
    """An admin is told the whole way, and how what lies elsewhere is asked for."""
    _, run = hush(world)
    (read,) = world.result("ann", "why", what=run)["because"]
    assert (read["key"], read["title"]) == (f"{THERE}:data/hush@1", "gazelle")
    assert [one["title"] for one in read["because"]] == ["quagga"]
    assert world.result("ann", "why", what=read["key"])["title"] == "gazelle"


def test_a_token_for_some_assets_learns_no_others(world: World) -> None:
    """Kept to reports, it is told of a report what it is, and neither of its run, nor of data that it was made from or became."""
    run = world.result("bea", "start", name="quagga", params={"okapi": "1"})["id"]
    loop = world.served.loop
    digests = [loop.blobs.put(body) for body in (b"data", b"report", b"model")]
    took(loop, digests)
    world.result("bea", "put", asset="data/gazelle", digest=digests[0])
    world.result(
        "bea", "log", run=run, inputs=[{"name": "i", "digest": digests[0], "asset": "data/gazelle", "number": 1}]
    )
    for asset, digest in (("report/seen", digests[1]), ("model/seen", digests[2])):
        world.result("bea", "put", asset=asset, digest=digest, run=run, message="fine")
    world.tokens["narrow"] = world.served.token("vic", scopes=(f"read:{HERE}:report/*", f"read:{HERE}:model/seen"))
    told = world.result("narrow", "why", what="report/seen@1")
    assert (told["title"], [one["title"] for one in told["because"]]) == ("fine", ["beyond what your token covers"])
    asked = [
        world.ask("narrow", "why", what="report/seen@1"), world.ask("narrow", "card", pointer="model/seen@1"),
        world.ask("narrow", "diff", old="report/seen@1", new="report/seen@1"),
    ]  # fmt: skip
    for answer in asked:
        assert answer.status_code == 200, answer.text
        assert [word for word in ("gazelle", "quagga", "okapi") if word in answer.text] == []
    assert world.refused("narrow", "impact", what="report/seen@1") == "not-allowed"
    assert "okapi" in world.ask("vic", "card", pointer="model/seen@1").text


def test_a_review_tells_of_data_elsewhere_only_their_number(world: World) -> None:
    """Models that were made from data of another project can be reviewed; those data are compared for who may look there."""
    loop, change = replace(world.served.loop, project=THERE), ""
    for number, word in ((1, b"okapi"), (2, b"gazelle")):
        tree = build(loop.blobs, [Entry("quagga.csv", loop.blobs.put(word), len(word))])
        load("add")(loop, AssetName(THERE, "data", "hush"), tree=tree, message="quagga")
        run = world.result("bea", "start", name="train")["id"]
        link = {"name": "i", "digest": tree, "asset": f"{THERE}:data/hush", "number": number}
        world.result("ann", "log", run=run, inputs=[link])
        model = world.served.loop.blobs.put(b"model" + word)
        took(world.served.loop, [model])
        world.result("bea", "put", asset="model/m", digest=model, run=run)
        change = world.result("bea", "propose", ref="model/m@best", to=str(number), why="x")["id"]
    told = world.result("vic", "review", change=change)
    assert [(one["name"], one["old"], one["new"]) for one in told["comparisons"][0]["data"]] == [
        ("secret:data/hush", "@1", "@2")
    ]
    assert told["data"] == []
    assert [note for note in told["notes"] if "secret:data/hush" in note and "left out" in note]
    (data,) = world.result("ann", "review", change=change)["data"]
    assert [one["path"] for one in data["files"]] == ["quagga.csv"]


@pytest.mark.parametrize("actor", ["trigger:ticker", "trigger:relay", "trigger:mine"])
def test_nobody_speaks_as_the_server(world: World, actor: str) -> None:
    """No token and no role is for a trigger, whoever asks: what the feed says of the server is said by the server."""
    for who in ("max", "ann"):
        assert world.refused(who, "issue", name="z", actor=actor) == "bad-actor"
        assert world.refused(who, "issue", name="z", actor=actor, role="viewer") == "bad-actor"
        assert world.refused(who, "grant", who=actor, role="role/viewer") == "bad-actor"
        assert world.refused(who, "grant", who=actor, role="team/leads") == "bad-actor"
    assert (
        world.result("max", "issue", name="z", actor="assistant:helper", role="viewer")["token"]["actor"]
        == "assistant:helper"
    )


def test_a_token_for_one_project_reaches_nobody_elsewhere(world: World) -> None:
    """An admin's token that is kept to a project lists, ends and makes tokens only for those who have all their rights in it."""
    world.tokens["ann here"] = world.served.token("ann", scopes=(f"*:{HERE}",))
    for what in ("tokens", "people"):
        listed = {one["actor"] for one in world.result("ann here", "find", what=what)}
        assert "person:sam" not in listed
    assert {one["actor"] for one in world.result("ann", "find", what="tokens")} >= {"person:sam", "person:bea"}
    sams = world.tokens["sam"].token.id
    assert world.refused("ann here", "revoke", token=sams) == "no-token"
    assert world.refused("ann here", "issue", name="x", actor="sam") == "beyond-your-scope"
    assert (
        world.refused("ann here", "issue", name="x", actor="sam", role="viewer", everywhere=True) == "beyond-your-scope"
    )
    assert world.refused("ann here", "grant", who="bea", role="role/viewer", everywhere=True) == "beyond-your-scope"
    assert world.result("sam", "whoami", THERE)
    assert world.result("ann here", "revoke", token=world.tokens["bea"].token.id)["revoked_at"]
    assert world.result("ann", "revoke", token=sams)["revoked_at"]


def test_people_of_other_projects_are_not_found(world: World) -> None:
    """Search finds the people whom `find people` lists: oneself, a project's own, or for an admin everybody."""
    with world.served.loop.ledger.telemetry() as tables:
        for who in ("sam", "bea", "vic"):
            tables.people.see(Person(f"person:{who}", email=f"{who}@example.org", title="Zebra"))

    def found(who: str) -> set[str]:
        return {one["key"] for one in world.result(who, "search", words="example.org")}

    assert found("vic") == {"person:vic"}
    assert found("max") == {"person:bea", "person:vic"}
    assert found("ann") == {"person:sam", "person:bea", "person:vic"}


def test_a_project_tells_of_no_strange_teams_and_machines(world: World) -> None:
    """Of the server's teams a viewer is told those that count here, and of its workers that there are some."""
    loop = world.served.loop
    for name, team in (("zed", "team/strange"), ("bea", "team/leads"), ("max", "team/judges")):
        load("grant")(loop, name, team, everywhere=True)
    load("grant")(loop, "team/leads", "role/approver")
    rule = Policy("best", ("model/*@best",), approvals=Approvals(source=("team/judges",)))
    load("policy")(loop, document=dump_document(Document((rule,), ())).decode(), why="x")
    with loop.ledger.telemetry() as tables:
        tables.tasks.present("rack7:4711", "default", started_at=1, version="1")
    for who, teams, worker in (
        ("vic", {"team/leads", "team/judges"}, "worker 1"),
        ("max", {"team/leads", "team/judges"}, "rack7:4711"),
        ("ann", {"team/leads", "team/judges", "team/strange"}, "rack7:4711"),
    ):
        told = world.result(who, "about")
        for held in ("teams", "everywhere"):
            assert {one for one in told[held] if one.startswith("team/")} == teams
        assert [one["name"] for one in told["workers"]] == [worker]
        assert "role/admin" in told["everywhere"]
    assert "person:zed" not in world.ask("max", "find", what="people").text
