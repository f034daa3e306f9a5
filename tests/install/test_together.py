"""What compose.yaml starts, as processes of this machine: its commands, its settings, its secrets by file."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from loopline.nouns.digest import digest_of
from tests import warm
from tests.conftest import s3_environment
from tests.install.test_compose import make_secrets
from tests.server.running import Up, asked, free_port, variables

pytestmark = pytest.mark.slow


@pytest.fixture
def service(
    found: dict[str, Any], postgres_database: str, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Give the variables of the service `server`, with the places of this machine for those of its containers."""
    for name in s3_environment(s3_server):
        monkeypatch.delenv(name, raising=False)
    secrets = make_secrets(tmp_path)
    address = secrets["database_url"].read_text()
    assert address.strip().endswith("@database:5432/loopline")
    secrets["database_url"].chmod(0o600)
    secrets["database_url"].write_text(address.replace("database:5432/loopline", postgres_database.rpartition("@")[2]))
    told: dict[str, str] = found["compose"]["services"]["server"]["environment"]
    bucket = re.fullmatch(r"s3://([a-z]+)/blobs", told["LOOPLINE_STORE"])
    assert bucket
    urllib.request.urlopen(urllib.request.Request(f"{s3_server}/{bucket[1]}", method="PUT"), timeout=20).close()
    return {
        name: value.replace("/run/secrets", str(tmp_path / "secrets")).replace("http://objects:9000", s3_server)
        for name, value in told.items()
    } | {"LOOPLINE_HOME": str(tmp_path / "home")}  # fmt: skip


@pytest.fixture
def server(service: dict[str, str], tmp_path: Path) -> Iterator[Up]:
    """Start what the services `migrate` and `server` start, after somebody has made the first token."""
    assert "revision none to" in run(tmp_path, service, "migrate")
    issued = run(tmp_path, service, "issue", "laptop", "--actor", "ann", "--role", "admin", "--everywhere", "--json")
    (tmp_path / "token").write_text(issued)
    told: dict[str, Any] = {**service}
    server = Up(tmp_path, "--no-worker", "--host", "127.0.0.1", port=free_port(), wait=False, **told)
    yield server
    server.end()


def run(folder: Path, service: dict[str, str], *words: str) -> str:
    """Run a command as `docker compose run` would and give what it printed."""
    done = warm.run(*words, cwd=folder, env=variables(**service), timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_settings_of_the_compose_file_make_a_server(server: Up, tmp_path: Path) -> None:
    """With PostgreSQL and an S3-compatible store named as in the file, the server is ready, and lets in who has a token."""
    server.ready()
    assert server.ask("GET", "/health/ready")[0] == 200
    assert server.ask("GET", "/api/v1/find?what=runs&project=default")[0] == 401
    token = re.search(r"ll_\w+", (tmp_path / "token").read_text())
    assert token
    body = b"x" * 100_000
    with closing(server.connection()) as connection:
        headers = {"Authorization": f"Bearer {token[0]}"}
        assert asked(connection, "GET", "/api/v1/find?what=runs&project=default", **headers)[0] == 200
        digest = digest_of(body)
        connection.request("PUT", f"/api/v1/blobs/{digest}?project=default", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 201)
    assert (tmp_path / "home" / "cache" / "copies" / "blobs" / "sha256" / digest[7:]).exists()
    assert not (tmp_path / "home" / "blobs").exists()
    assert not (tmp_path / "home" / "ledger.db").exists()


def test_nothing_that_is_printed_holds_a_secret(service: dict[str, str], tmp_path: Path) -> None:
    """The settings in force, as a container shows them, name files and no passwords."""
    said = run(tmp_path, service, "config", "--show-origin")
    assert "file:" in said
    for name, path in ((one.name, one) for one in (tmp_path / "secrets").iterdir() if one.is_file()):
        words = [word for word in re.findall(r"\w{20,}", path.read_text()) if not word.startswith("aws_")]
        assert words, name
        assert not [word for word in words if word in said]
