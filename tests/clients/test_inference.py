"""Triton's and KServe's own clients against a service."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from loopline.datasets.tree import build
from loopline.models.codec import ModelCodec
from loopline.models.signature import sign
from loopline.nouns.artifact import MODEL
from loopline.nouns.declaration import Declaration
from loopline.nouns.deployment import Deployment
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Numbered, Pointer, RefName
from loopline.server.host import Host
from loopline.settings import load_settings
from loopline.verbs.deploy import deploy
from loopline.verbs.put import put
from loopline.verbs.services import services
from loopline.wiring import open_loop
from tests.clients.conftest import Client

pytestmark = pytest.mark.clients
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


@pytest.fixture(scope="module")
def model() -> Any:
    """A classifier of iris flowers."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    X, y = load_iris(return_X_y=True)  # noqa: N806 (scikit-learn's word)
    return sign(LogisticRegression(max_iter=1000).fit(X, y), X)


@pytest.fixture(scope="module")
def deployed(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The model as a service that a host keeps: as `loopline deploy` makes it and `loopline host` finds it."""
    folder = tmp_path_factory.mktemp("flowers")
    settings = load_settings(folder, environ={}, home=folder / "home", project="flowers", actor="ann")
    loop = open_loop(settings)
    (folder / "iris").mkdir()
    ModelCodec().dump(model, folder / "iris")
    name, ref = AssetName("flowers", "model", "iris"), RefName(AssetName("flowers", "service", "iris"), "prod")
    files = sorted((folder / "iris").iterdir())
    root = build(loop.blobs, [Entry(one.name, loop.blobs.put(one.read_bytes()), one.stat().st_size) for one in files])
    put(loop, name, digest=root, media_type=MODEL)
    deploy(loop, ref, model=Pointer(name, Numbered(1)), declared=Declaration("service/iris", grpc=True))
    one = Host(loop, settings)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        end = time.monotonic() + 30
        while not (found := services(loop)[0]).grpc or found.state != "ready":
            assert time.monotonic() < end, found
            time.sleep(0.05)
        yield found
    finally:
        one.stop()
        thread.join(60)
        loop.ledger.close()


def test_tritonclient_works_unmodified(client: Client, deployed: Deployment, model: Any) -> None:
    """Over HTTP (raw tensors, JSON, gzip, deflate, asynchronously) and gRPC its answers are the model's own."""
    told = json.loads(client("triton", "triton_client.py", deployed.url.removeprefix("http://"), deployed.grpc))
    classes, chances = model.predict(ROWS).tolist(), model.predict_proba(ROWS).round(6).tolist()
    assert told["live"] == told["ready"] == [True, True]
    assert told["model"] == [True, True, True, False]
    for way in ("raw", "json", "grpc"):
        assert told[way]["FP64"] == [classes, chances]
        assert told[way]["FP32"][0] == classes
        assert "3" in told[way]["error"]
    assert told["gzip"] == told["deflate"] == classes
    assert told["later"] == [classes] * 16
    http, grpc = told["metadata"]
    assert (
        [one["name"] for one in http["inputs"]] == [one["name"] for one in grpc["inputs"]] == ["x0", "x1", "x2", "x3"]
    )
    assert told["server"] == ["loopline", "loopline"]
    assert told["index"][0][0]["state"] == told["index"][1]["models"][0]["state"] == "READY"
    assert told["config"]["name"] == "iris"
    assert told["statistics"] >= 2
    assert told["stamp"] == deployed.change


def test_kserve_client_works_unmodified(client: Client, deployed: Deployment, model: Any) -> None:
    """KServe's client finds the service ready and gets the model's answers, in JSON and from raw tensors."""
    told = json.loads(client("kserve", "kserve_client.py", deployed.url))
    assert told["live"] is told["ready"] is told["model"] is True
    for way in ("json", "raw"):
        assert told[way][0] == "mine"
        assert told[way][1]["predict"] == model.predict(ROWS).tolist()
