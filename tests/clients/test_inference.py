"""Triton's and KServe's own clients against a service."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from loopline.models.signature import describe, sign
from loopline.nouns.digest import digest_of
from loopline.nouns.service import Arm, Service
from loopline.serving.desired import Desired
from tests.clients.conftest import Client
from tests.server.fronting import Fronted, fronted, stored

pytestmark = pytest.mark.clients
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]


@pytest.fixture(scope="module")
def model() -> Any:
    """A classifier of iris flowers."""
    X, y = load_iris(return_X_y=True)  # noqa: N806 (scikit-learn's word)
    return sign(LogisticRegression(max_iter=1000).fit(X, y), X)


@pytest.fixture(scope="module")
def grpc_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def front(model: Any, grpc_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    """The model as a service."""
    place = stored(tmp_path_factory.mktemp("model") / "iris", model)
    arm = Arm("main", "model/iris@1", digest_of(b"iris"), run="r", signature=describe(model))
    desired = Desired("p", "service/iris@prod", 1, "c", Service("service/iris", (arm,)), (place,), "")
    with fronted(desired, grpc=f"127.0.0.1:{grpc_port}") as one:
        yield one


def test_tritonclient_works_unmodified(client: Client, front: Fronted, grpc_port: int, model: Any) -> None:
    """Over HTTP (raw tensors, JSON, gzip, deflate, asynchronously) and gRPC its answers are the model's own."""
    told = json.loads(client("triton", "triton_client.py", f"127.0.0.1:{front.port}", f"127.0.0.1:{grpc_port}"))
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
    assert told["stamp"] == "c"


def test_kserve_client_works_unmodified(client: Client, front: Fronted, model: Any) -> None:
    """KServe's client finds the service ready and gets the model's answers, in JSON and from raw tensors."""
    told = json.loads(client("kserve", "kserve_client.py", f"http://127.0.0.1:{front.port}"))
    assert told["live"] is told["ready"] is told["model"] is True
    for way in ("json", "raw"):
        assert told[way][0] == "mine"
        assert told[way][1]["predict"] == model.predict(ROWS).tolist()
