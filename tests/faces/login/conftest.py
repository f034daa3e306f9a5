"""A server, and an OpenID provider that really signs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loopline.settings.server import Oidc, ServerSettings
from tests.server.serving import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a ledger whose admin has a token."""
    made = Served(tmp_path)
    yield made
    made.close()


PROVIDER = """
import oidc_provider_mock as mock, sys
people = [
    mock.User(
        sub="ann",
        claims={"email": "Ann@Example.com", "email_verified": True, "name": "Ann", "groups": ["ml-leads", "ops"]},
    ),
    mock.User(sub="bob", claims={"email": "ann@example.com", "email_verified": False, "preferred_username": "ann"}),
    mock.User(sub="eve", claims={"email": "ann@example.com", "email_verified": True}),
]
with mock.run_server_in_thread(user_claims=people, require_nonce=True) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
"""
"""A provider that ends with its standard input."""


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """Run a provider in a process of its own (its dependencies warn, which is not ours to mend), and give its address."""
    command = [sys.executable, "-W", "ignore", "-c", PROVIDER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as here:
        assert here.stdin
        assert here.stdout
        yield f"http://localhost:{int(here.stdout.readline())}"
        here.stdin.close()


@pytest.fixture
def client(issuer: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Oidc]:
    """Give the settings of a client of the provider, whose secret is found in a variable."""
    monkeypatch.setenv("OIDC_SECRET", "hush")
    return lambda name="loopline", **more: Oidc(issuer, name, "env:OIDC_SECRET", **more)


@pytest.fixture
def guarded(tmp_path: Path, client: Callable[..., Oidc]) -> Iterator[Served]:
    """Serve a ledger whose people sign in at the provider; Ann is an admin by the settings."""
    made = Served(tmp_path, ServerSettings(oidc=client(admins=("ann@example.com",))))
    yield made
    made.close()
