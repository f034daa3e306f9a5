"""The unmodified client of OpenLineage against `loopline up`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from loopline.faces.openlineage.emit import emit
from loopline.loop import Loop
from loopline.nouns.name import AssetName, Numbered, RefName
from loopline.nouns.run import Link, RunState
from loopline.testing.loop import loop
from loopline.verbs import load

from .conftest import ask

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("compression", ["", "gzip"])
def test_the_client_tells_of_its_runs(client: Client, server: str, compression: str) -> None:
    """What openlineage-python sends becomes runs with states, parents, errors and edges that `why` and `impact` walk."""
    assert client("openlineage", "openlineage_client.py", "send", server, compression) == "sent\n"
    runs = {run["name"]: run for run in ask(server, "find?what=runs&steps=true&limit=100")}
    assert {name: run["state"] for name, run in runs.items()} == {
        "shop": "finished", "shop.load": "finished", "shop.report": "failed",
    }  # fmt: skip
    load_ = runs["shop.load"]
    assert load_["parent"] == runs["shop"]["id"]
    assert (load_["kind"], load_["commit"], load_["experiment"]) == ("step", "abc", "airflow")
    assert load_["tags"]["team"] == "shop"
    assert runs["shop.report"]["error"] == "boom"
    assert [link["name"] for link in load_["inputs"]] == ["postgres://db:5432/raw.orders"]
    assert [link["name"] for link in load_["outputs"]] == ["s3://lake/orders@7", "s3://lake/orders"]
    reached = ask(server, f"impact?what={quote('dataset:postgres://db:5432/raw.orders')}")["reached"]
    assert {one["title"] for one in reached} == {"s3://lake/orders@7", "s3://lake/orders"}
    why = ask(server, f"why?what={quote('dataset:s3://lake/orders')}")
    assert why["because"][0]["key"] == load_["id"]


def test_the_client_understands_what_we_tell(client: Client) -> None:
    """Every event and facet that we write is one of the client's own classes, under the schema that the class names."""
    world = loop()
    run = _story(world)
    with world.ledger.read() as tx:
        told = [one for event in tx.feed.iter("flights") for one in emit(tx, event)]
    assert {one.get("eventType") for one in told} == {None, "START", "RUNNING", "COMPLETE", "FAIL", "OTHER"}
    assert int(client("openlineage", "openlineage_client.py", "read", given=json.dumps(told))) > 20
    assert run


def _story(world: Loop) -> str:
    """Data, a training with a step that fails, a check, a model that becomes champion."""

    def do(verb: str, *args: Any, **asked: Any) -> Any:
        return load(verb)(world, *args, **asked)

    data = world.blobs.put(b"data")
    asset = AssetName("flights", "data", "flights")
    do("put", asset, digest=data, message="July", metadata={"schema": [{"name": "id", "type": "INT64"}]})
    run = do("start", "train", kind="pipeline", params={"depth": "8"}, tags={"stage": "warm"}, code=data, commit="abc")
    step = do("start", "fit", kind="step", parent=run.id)
    do("finish", step.id, state=RunState.FAILED, error="out of memory")
    read = Link("data", data, asset=str(asset), number=1)
    do("log", run.id, inputs=(read,), outputs=(Link("model", world.blobs.put(b"model")),))
    do("finish", run.id)
    with world.ledger.write("flights", world.actor) as tx:
        tx.event_time = tx.now
        tx.say("check.answered", "0" * 32, check="eval/holdout", result="pass", run=run.id)
    do("propose", RefName(asset, "main"), to=Numbered(1), why="July")
    return str(run.id)
