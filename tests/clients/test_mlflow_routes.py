"""Every route that an installed mlflow declares is served, or answered by a 501 that names it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.routes import find
from loopline.faces.mlflow.unserved import PAGES

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients
OURS = ("MlflowService", "ModelRegistryService", "MlflowArtifactsService", "WebhookService")
"""What a server of MLflow serves. Other services are those of Databricks, which none answers."""
ELSEWHERE = ("/", "/health", "/version")
"""What other faces answer, or the gate."""
METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT")


def answers(method: str, path: str) -> str:
    """Tell what an address gives: `served`, or the code of the error."""
    try:
        slashed = re.sub(r"^(/(?:ajax-)?api/\d\.\d)(?=mlflow)", r"\1/", path)  # one is declared without it
        find(method, re.sub(r"<[^>]*>|\{[^}]*\}", "x", slashed).encode())
    except Fault as fault:
        return fault.code
    return "served"


@pytest.mark.parametrize(("name", "version"), [("mlflow", "3.17.2"), ("mlflow2", "2.22.5")])
def test_every_route_is_served_or_said_not_to_be(client: Client, name: str, version: str) -> None:
    """By the descriptors of its services, the routes of its server, and those of its plugin for accounts."""
    said = json.loads(client(name, "mlflow_routes.py"))
    assert said["version"] == version
    lost, counts = [], {"served": 0, "NOT_IMPLEMENTED": 0}
    for service, method, path in said["routes"]:
        if path in ELSEWHERE or (service.endswith("Service") and service not in OURS):
            continue
        found = {answers(one, path) for one in (METHODS if method == "ANY" else (method,))} - {"ENDPOINT_NOT_FOUND"}
        if not found:
            lost.append((service, method, path))
        for one in found:
            counts[one] += 1
    assert lost == []
    assert counts["served"] > 60
    assert counts["NOT_IMPLEMENTED"] > 60
    assert all(
        answers("GET", f"{page}/x") == "NOT_IMPLEMENTED"
        for page in PAGES
        if page not in ("/graphql", "/get-artifact", "/signup")
    )
