"""A whole server in this process, asked as a client of MLflow asks, without a token: it is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.serving import Served

if TYPE_CHECKING:
    import httpx

V2 = "/api/2.0/mlflow"
V3 = "/api/3.0/mlflow"


@dataclass
class Tracker:
    """The API, and what answers say."""

    served: Served

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request: a path without a slash in front is below `/api/2.0/mlflow`; GET sends its document as a query.

        `_` in a header's name stands for a dash. Bytes are sent as they are.
        """
        fields = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
        address = path if path.startswith("/") else f"{V2}/{path}"
        if isinstance(body, bytes):
            sent: dict[str, Any] = {"content": body}
        elif method in ("GET", "HEAD"):
            sent = {"params": body} if body else {}
        else:
            sent = {"json": body} if body is not None else {}
        return self.served.ask(method, address, headers=fields, **sent)

    def say(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that must be done, and give what the answer says."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code == 200, (method, path, answer.status_code, answer.text)
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        """Ask for something that must be there."""
        return self.say("GET", path, query)

    def post(self, path: str, **body: Any) -> Any:
        """Do something that must work."""
        return self.say("POST", path, body)

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, str]:
        """Send a request that must not be done, and give status, code and message of the answer."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code >= 400, (method, path, answer.status_code, answer.text)
        said = answer.json()
        assert set(said) == {"error_code", "message"}
        return answer.status_code, said["error_code"], said["message"]

    def experiment(self, name: str = "delays") -> str:
        """Make an experiment, and give its id."""
        return str(self.post("experiments/create", name=name)["experiment_id"])

    def run(self, experiment: str = "0", **more: Any) -> str:
        """Begin a run, and give its id."""
        return str(self.post("runs/create", experiment_id=experiment, start_time=1, **more)["run"]["info"]["run_id"])

    def data(self, run: str) -> Any:
        """Give the data of a run: metrics, params and tags by name."""
        data = self.get("runs/get", run_id=run)["run"]["data"]
        return {
            what: {one["key"]: one["value"] for one in data.get(what, ())} for what in ("metrics", "params", "tags")
        }


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    """Give a server with nothing in it."""
    made = Tracker(Served(tmp_path))
    yield made
    made.served.close()
