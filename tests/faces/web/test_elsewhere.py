"""Addresses that MLflow's clients print, and where they lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from loopline.nouns.artifact import TREE
from loopline.nouns.entry import Entry
from loopline.nouns.logged import LoggedModel, LoggedState
from loopline.nouns.name import AssetName

from .conftest import looking

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from .serving import Server
    from .story import Story


def logged(fresh: Story, name: str, run: str, body: bytes) -> tuple[str, str]:
    """Log a model with one file; give its id and its tree."""
    from loopline.datasets.tree import build

    blobs = fresh.loop.blobs
    root = build(blobs, [Entry("MLmodel", blobs.put(body), len(body))])
    with fresh.loop.ledger.write("flights", fresh.loop.actor) as tx:
        group = tx.experiments.get("flights", "delay's")
        made = tx.logged.begin(LoggedModel(name, "flights", group.id, "clf", run=run))
        tx.logged.end(made, LoggedState.READY, root)
        tx.say("model.logged", name)
    return name, root


def test_an_experiment_is_its_runs(fresh: Story, serving: Server) -> None:
    """A number leads to the filter of its name, however that is written; number 0 is that of runs that name none."""
    fresh.do("start", "train", experiment="delay's")
    with fresh.loop.ledger.read() as tx:
        number = tx.experiments.get("flights", "delay's").id
    led = serving.get(f"/p/flights/experiments/{number}")
    assert led.status == 303
    assert parse_qs(urlsplit(led.headers["location"]).query) == {"where": ["experiment = 'delay''s'"]}
    assert "train" in serving.get(led.headers["location"]).text
    assert "default" in serving.get("/p/flights/experiments/0").headers["location"]


@pytest.mark.parametrize("number", ["77", "x", "9" * 30, "²"])
def test_what_is_no_experiment_is_not_there(serving: Server, number: str) -> None:
    """Another number, and what is none, is answered by a page that says so."""
    assert serving.get(f"/p/flights/experiments/{number}").status == 404


def test_a_logged_model_is_its_version_or_its_run(fresh: Story, serving: Server) -> None:
    """Before somebody registers it the run that logged it shows it; then the version does."""
    run = fresh.do("start", "train", experiment="delay's")
    name, root = logged(fresh, "m-" + "a" * 32, run.id, b"flavors: {}")
    assert serving.get(f"/p/flights/logged/{name}").headers["location"] == f"/p/flights/runs/{run.id}"
    fresh.do("put", AssetName("flights", "model", "delay"), digest=root, media_type=TREE)
    assert serving.get(f"/p/flights/logged/{name}").headers["location"] == "/p/flights/assets/model/delay@1"
    assert serving.get("/p/flights/logged/m-none").status == 404


@pytest.mark.long
def test_what_a_client_prints_can_be_clicked(browser: Browser, fresh: Story, serving: Server) -> None:
    """Addresses with `#`, as MLflow's clients print them, lead to the run, the runs of the experiment, and the model."""
    run = fresh.do("start", "train", experiment="delay's")
    name, root = logged(fresh, "m-" + "a" * 32, run.id, b"flavors: {}")
    fresh.do("put", AssetName("flights", "model", "delay"), digest=root, media_type=TREE)
    with fresh.loop.ledger.read() as tx:
        group = tx.experiments.get("flights", "delay's").id
    ways = {
        f"#/experiments/{group}/runs/{run.id}": f"/runs/{run.id}",
        f"#/experiments/{group}/runs/{run.id}/artifacts?workspace=flights": f"/runs/{run.id}",
        f"#/experiments/{group}": "/runs?where=",
        f"#/experiments/{group}/models/{name}": "/assets/model/delay@1",
        "#/models/delay/versions/1": "/assets/model/delay@1",
        "#/models/delay": "/assets/model/delay",
        "#/models": "/assets",
    }
    with looking(browser, serving.url) as page:
        for printed, wanted in ways.items():
            page.goto("about:blank")
            page.goto(f"/{printed}")
            page.wait_for_url(re.compile(re.escape(f"/p/flights{wanted}") + "[^#]*$"))
        page.goto("/p/flights#main")
        page.wait_for_timeout(200)
        assert page.url.endswith("/p/flights#main")
        page.evaluate("location.hash = '/models/delay'")  # as somebody who pastes it into an open page
        page.wait_for_url("**/assets/model/delay")
