"""What a browser keeps, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.settings.server import ServerSettings
from tests.server.serving import Served

PUBLIC = ServerSettings(address="https://loopline.example.com", hosts=("build.lan",))


@pytest.mark.parametrize(
    ("settings", "host", "secure"),
    [
        (ServerSettings(), "127.0.0.1:4040", False),
        (ServerSettings(), "localhost:4040", False),
        (ServerSettings(), "[::1]:4040", False),
        (PUBLIC, "loopline.example.com", True),
        (PUBLIC, "127.0.0.1:4040", True),
        (ServerSettings(hosts=("build.lan",)), "build.lan:4040", True),
    ],
)
def test_a_session_is_kept_from_scripts_and_plain_http(
    tmp_path: Path, settings: ServerSettings, host: str, *, secure: bool
) -> None:
    """The cookie is HttpOnly, Lax and of the whole site; it travels unencrypted within this machine alone."""
    served = Served(tmp_path, settings)
    token = served.token("ann", "viewer").secret
    answer = served.ask("POST", "/login", data={"token": token}, headers={"Host": host})
    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")[1:]}
    assert words == {"httponly", "samesite=lax", "path=/", *(["secure"] if secure else [])}
    served.close()
