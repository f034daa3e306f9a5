"""MLflow's own clients administer a server: workspaces, accounts, webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Client

pytestmark = pytest.mark.clients


def test_a_server_is_administered(client: Client, server: str) -> None:
    """Workspaces are projects, permissions are roles, roles are teams, webhooks are signed and told what happens."""
    said = json.loads(client("mlflow", "mlflow_team.py", server).splitlines()[-1])  # it prints addresses before
    assert said["workspace"] == ["team-a", "flights", ["flights", "team-a"], 1, 0]
    assert (said["elsewhere"], said["described"]) == ("RESOURCE_DOES_NOT_EXIST", "delays")
    assert (said["taken"], said["used"]) == ("RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE")
    assert said["gone"] == "RESOURCE_DOES_NOT_EXIST"
    assert (said["password"], said["single"]) == ("NOT_IMPLEMENTED", "NOT_IMPLEMENTED")
    assert said["permission"] == {"allowed": True, "permission": "EDIT"}
    assert (said["roles"], said["managing"], said["left"]) == (["contributor", "ml-leads"], "MANAGE", ["READ"])
    assert (said["holders"], said["role"]) == (1, "more")
    assert said["fixed"] == ["viewer", "contributor", "approver", "maintainer", "admin"]
    assert (said["unknown"], said["admin"]) == ("RESOURCE_DOES_NOT_EXIST", True)
    assert (said["tested"], said["signed"]) == (True, True)
    assert said["told"] == ["registered_model", "created", {"name": "delay", "tags": {}, "description": "how late"}]
    assert said["listed"] == [["hook", "ACTIVE", ["model_version_alias.created", "registered_model.created"]]]
    assert (said["changed"], said["ended"]) == (True, "RESOURCE_DOES_NOT_EXIST")
    assert said["private"] == "INVALID_PARAMETER_VALUE"
