"""A whole server in this process, asked as a client of S3 asks, without signatures: it is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tests.server.serving import Served

if TYPE_CHECKING:
    import httpx

SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass
class Door:
    """The door, and what answers say."""

    served: Served

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
        """Send a request to a path below /s3; `_` in a header's name stands for a dash."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.served.ask(method, f"/s3{path}", content=body, headers=fields)

    def put(self, path: str, body: bytes = b"x", **headers: str) -> httpx.Response:
        """Write an object, which must be taken."""
        answer = self.ask("PUT", path, body, **headers)
        assert answer.status_code == 200, answer.text
        return answer

    def code(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        """Give status and code of a request that is refused."""
        answer = self.ask(method, path, body, **headers)
        found = ET.fromstring(answer.content).findtext("Code") if answer.content else ""
        return answer.status_code, found or ""

    def read(self, path: str, *names: str, method: str = "GET", body: bytes = b"", **headers: str) -> list[Any]:
        """Give the texts of elements of an answer."""
        answer = self.ask(method, path, body, **headers)
        assert answer.status_code == 200, answer.text
        root = ET.fromstring(answer.content)
        return [[one.text or "" for one in root.iter(f"{SPACE}{name}")] for name in names]

    def keys(self, path: str) -> list[str]:
        """Give the keys that a listing shows."""
        found: list[str] = self.read(path, "Key")[0]
        return found


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Give a server with a bucket."""
    made = Door(Served(tmp_path))
    assert made.ask("PUT", "/raw-flights").status_code == 200
    yield made
    made.served.close()
