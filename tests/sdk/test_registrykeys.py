"""Passwords are found where other tools keep them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from loopline.sdk.registrykeys import HUB, Challenge, Key, challenges, find_key, trusted

ANN = base64.b64encode(b"ann:very-secret:with colon").decode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home without anything."""
    for name in ("DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def keep(file: Path, said: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said), encoding="utf-8")


def test_docker_login_is_known(home: Path) -> None:
    """What docker login wrote is found for the host alone, and for Docker's own registry by its old name."""
    keep(
        home / ".docker/config.json",
        {"auths": {"ghcr.io": {"auth": ANN}, "https://index.docker.io/v1/": {"auth": ANN}}},
    )
    assert find_key("ghcr.io", "team/flights") == Key("ann", "very-secret:with colon") == find_key(HUB, "ann/flights")
    assert find_key("ghcr.io.evil.org", "team/flights") == Key()
    assert "very-secret" not in repr(find_key("ghcr.io", "team/flights"))


def test_the_longest_path_counts(home: Path) -> None:
    """podman keeps a password for a part of a registry; it counts there and no further."""
    auths = {
        "host": {"auth": ANN},
        "host/team": {"username": "bo", "password": "x"},
        "host/te": {"username": "no", "password": ""},
    }
    keep(home / ".config/containers/auth.json", {"auths": auths})
    assert find_key("host", "team/flights").user == "bo"
    assert find_key("host", "teams/flights").user == "ann"


def test_the_environment_counts_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of DOCKER_AUTH_CONFIG, then the file of REGISTRY_AUTH_FILE, then what lies at home."""
    keep(home / ".docker/config.json", {"auths": {"host": {"auth": ANN}}})
    keep(home / "other.json", {"auths": {"host": {"identitytoken": "it"}}})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(home / "other.json"))
    assert find_key("host", "a") == Key(identity="it")
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {"host": {"username": "cy", "password": "z"}}}))
    assert find_key("host", "a").user == "cy"


def test_a_program_that_keeps_passwords_is_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docker leaves to a helper is got from it; a name that is a path is none."""
    program = home / "bin" / "docker-credential-fake"
    program.parent.mkdir()
    program.write_text(
        """#!/bin/sh\nread host\necho "{\\"Username\\": \\"ann\\", \\"Secret\\": \\"$host\\"}"\n""", encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    keep(home / ".docker/config.json", {"auths": {"host": {}}, "credsStore": "fake"})
    assert find_key("host", "a") == Key("ann", "host")
    keep(home / ".docker/config.json", {"credsStore": "../bin/fake"})
    assert find_key("host", "a") == Key()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"auths": 3}', '{"auths": {"host": {"auth": "!!"}}}', '{"auths": {"host": 3}}']
)
def test_a_broken_file_holds_nothing(home: Path, text: str) -> None:
    """Whatever lies there, nobody is the answer."""
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text(text, encoding="utf-8")
    assert find_key("host", "a") == Key()


def test_challenges_are_read() -> None:
    """One or several, with quotes or without, and commas inside of quotes."""
    said = 'Bearer realm="https://auth/token",service="reg",scope="repository:a:pull,push", Basic realm="x"'
    assert challenges(said) == [
        Challenge("bearer", {"realm": "https://auth/token", "service": "reg", "scope": "repository:a:pull,push"}),
        Challenge("basic", {"realm": "x"}),
    ]
    assert [one.scheme for one in challenges("bearer Realm=https://a")] == ["bearer"]
    assert challenges("Negotiate") == challenges("") == []


def test_certificates_for_a_host_are_found(home: Path) -> None:
    """Those of docker's folder for that host and port, and of no other."""
    (home / ".docker/certs.d/host:5000").mkdir(parents=True)
    (home / ".docker/certs.d/host:5000/ca.crt").write_text("x", encoding="utf-8")
    assert [one.name for one in trusted("host:5000")] == ["ca.crt"]
    assert list(trusted("host")) == []
