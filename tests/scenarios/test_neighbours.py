"""What members of one project try against another, and against the server, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.verbs import VERBS
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

    def ask(self, who: str, verb: str, _project: str = HERE, **words: Any) -> httpx.Response:
        """Ask a verb as somebody."""
        read = next(one for one in VERBS if one.name == verb).cls == "read"
        asked: dict[str, Any] = {"params": {"project": _project, **words}} if read else {"json": words}
        if not read:
            asked["params"] = {"project": _project}
        method = "GET" if read else "POST"
        return self.served.ask(method, f"/api/v1/{verb}", token=self.tokens[who].secret, client="10.0.0.1", **asked)

    def result(self, who: str, verb: str, _project: str = HERE, **words: Any) -> Any:
        """Ask a verb that is let through, and give what it answers."""
        answer = self.ask(who, verb, _project, **words)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()["result"]

    def refused(self, who: str, verb: str, _project: str = HERE, **words: Any) -> str:
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
