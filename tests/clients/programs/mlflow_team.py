"""Administer a server with MLflow's own clients: workspaces, accounts, webhooks. What came of it is printed as JSON."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import threading
import time
import types
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import MlflowException

SERVER = sys.argv[1]
SECRET = "my-secret"
came: list[tuple[dict[str, str], bytes]] = []
said: dict[str, object] = {}


def refused(do: Callable[..., object], *words: object, **more: object) -> str:
    """Give the code of the error that something ends with."""
    try:
        do(*words, **more)
    except MlflowException as error:
        return error.error_code
    return "done"


def workspaces() -> None:
    """Make one, log into it, and find nothing of that elsewhere."""
    made = mlflow.create_workspace("team-a", description="flights")
    listed = [one.name for one in mlflow.list_workspaces()]
    mlflow.set_workspace("team-a")
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
    here = len(mlflow.search_runs(search_all_experiments=True))
    mlflow.set_workspace("flights")
    said["workspace"] = [
        made.name,
        made.description,
        listed,
        here,
        len(mlflow.search_runs(search_all_experiments=True)),
    ]
    said["elsewhere"] = refused(MlflowClient().get_run, run.info.run_id)
    mlflow.set_workspace(None)
    said["described"] = mlflow.update_workspace("team-a", description="delays").description
    said["taken"] = refused(mlflow.create_workspace, "team-a")
    said["used"] = refused(mlflow.delete_workspace, "team-a")
    mlflow.create_workspace("empty")
    mlflow.delete_workspace("empty")
    said["gone"] = refused(mlflow.get_workspace, "empty")


def accounts() -> None:
    """Give and take permissions and roles."""
    package = types.ModuleType(
        "mlflow.server.auth"
    )  # the client needs nothing of the plugin's server, which may not be installed
    package.__path__ = [str(Path(mlflow.__file__).parent / "server" / "auth")]
    sys.modules["mlflow.server.auth"] = package
    from mlflow.server.auth.client import AuthServiceClient

    client = AuthServiceClient(SERVER)
    said["password"] = refused(client.create_user, "ann", "secret")
    client.grant_user_permission("ann", "workspace", "flights", "EDIT")
    said["permission"] = client.get_user_permission("ann", "experiment", "0").to_json()
    said["single"] = refused(client.grant_user_permission, "ann", "experiment", "0", "READ")
    role = client.create_role("flights", "ml-leads", "who decides")
    given = client.add_role_permission(role.id, "workspace", "*", "MANAGE")
    client.assign_role("ann", role.id)
    said["roles"] = sorted(one.name for one in client.list_user_roles("ann"))
    said["managing"] = client.get_user_permission("ann", "experiment", "0").permission
    client.update_role_permission(given.id, "READ")
    said["left"] = [one.permission for one in client.list_role_permissions(role.id)]
    said["holders"] = len(client.list_role_users(role.id))
    client.update_role(role.id, description="more")
    said["role"] = client.get_role(role.id).description
    client.unassign_role("ann", role.id)
    client.delete_role(role.id)
    said["fixed"] = [one.name for one in client.list_roles("flights")]
    client.revoke_user_permission("ann", "workspace", "flights")
    said["unknown"] = refused(client.get_user, "ann")
    client.update_user_admin("zoe", is_admin=True)
    said["admin"] = client.get_user("zoe").is_admin


class Receiver(BaseHTTPRequestHandler):
    """Remembers what comes."""

    def do_POST(self) -> None:
        """Read it."""
        came.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def webhooks() -> None:
    """Have a receiver told, as MLflow's documentation says that receivers look at what comes."""
    here = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=here.serve_forever, daemon=True).start()
    client = MlflowClient()
    events = [WebhookEvent.from_str(one) for one in ("registered_model.created", "model_version_alias.created")]
    url = f"http://127.0.0.1:{here.server_address[1]}/hook"
    hook = client.create_webhook("hook", url, events, description="d", secret=SECRET)
    said["tested"] = client.test_webhook(hook.webhook_id).success
    client.create_registered_model("delay", description="how late")
    until = time.monotonic() + 20
    while len(came) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    headers, body = came[-1]
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body.decode()}"
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    said["signed"] = headers["X-MLflow-Signature"] == f"v1,{expected}"
    said["told"] = [json.loads(body)[name] for name in ("entity", "action", "data")]
    said["listed"] = [[one.name, str(one.status), sorted(map(str, one.events))] for one in client.list_webhooks()]
    said["changed"] = client.update_webhook(hook.webhook_id, name="new", status="DISABLED").status == "DISABLED"
    client.delete_webhook(hook.webhook_id)
    said["ended"] = refused(client.get_webhook, hook.webhook_id)
    said["private"] = refused(client.create_webhook, "x", "http://169.254.169.254/latest", events)
    here.shutdown()


mlflow.set_tracking_uri(SERVER)
workspaces()
accounts()
webhooks()
json.dump(said, sys.stdout)
