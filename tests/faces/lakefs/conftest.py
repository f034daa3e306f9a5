"""A whole server in this process, asked as a client of lakeFS asks, without keys: it is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.serving import Served

if TYPE_CHECKING:
    import httpx

API = "/lakefs/api/v1"


@dataclass
class Lake:
    """The API, and what answers say."""

    served: Served

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request to a path of the API, with a document or bytes; `_` in a header's name stands for a dash."""
        fields = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
        sent = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        return self.served.ask(method, f"{API}/{path}", headers=fields, **sent)

    def say(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that must be done, and give what the answer says."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def put(self, branch: str, path: str, body: bytes = b"x", **headers: str) -> Any:
        """Write an object of `flights`."""
        return self.say("POST", f"repositories/flights/branches/{branch}/objects?path={path}", body, **headers)

    def commit(self, branch: str, message: str, **more: Any) -> str:
        """Commit, and give the id."""
        body = {"message": message, **more}
        return str(self.say("POST", f"repositories/flights/branches/{branch}/commits", body)["id"])

    def branch(self, name: str, source: str = "main") -> str:
        """Make a branch, and give the id where it begins."""
        return str(self.say("POST", "repositories/flights/branches", {"name": name, "source": source}))

    def paths(self, path: str) -> list[str]:
        """Give the paths that a listing shows."""
        return [one["path"] for one in self.say("GET", f"repositories/flights/{path}")["results"]]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """Give a server with an empty repository."""
    made = Lake(Served(tmp_path))
    made.say("POST", "repositories", {"name": "flights", "storage_namespace": "local://any"})
    yield made
    made.served.close()
