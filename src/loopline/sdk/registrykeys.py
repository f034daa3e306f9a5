"""registrykeys: who one is at a registry of OCI images: what other tools have kept of it, and tokens got for that.

A password is in no message. It goes to the registry itself, and to where the registry says that tokens are given out: never by
plain HTTP, unless the registry itself is asked so.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HUB: Final = "registry-1.docker.io"
_HUB_KEYS: Final = ("https://index.docker.io/v1/", "index.docker.io", "docker.io")
_PART: Final = re.compile(r'([A-Za-z_]+)=(?:"([^"]*)"|([^",\s]+))')
_HELPER: Final = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_HELPER_S: Final = 30


@dataclass(frozen=True, slots=True)
class Key:
    """A name with its password, or what a registry gave in place of one."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    """A token for which others are given out."""

    @property
    def basic(self) -> str:
        """Write it as a header, if there is a password."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry wants to see."""

    scheme: str
    said: Mapping[str, str]


def challenges(header: str) -> list[Challenge]:
    """Read `WWW-Authenticate`: one or several of `Basic realm="…"`, `Bearer realm="…",service="…",scope="…"`."""
    found = []
    pieces = re.split(r"(?:^|,\s*|\s+)(?=(?:basic|bearer)\s+[A-Za-z_]+=)", header, flags=re.IGNORECASE)
    for piece in pieces:
        scheme, _, rest = piece.strip().partition(" ")
        if scheme.lower() in {"basic", "bearer"}:
            said = {name.lower(): quoted or plain for name, quoted, plain in _PART.findall(rest)}
            found.append(Challenge(scheme.lower(), said))
    return found


def find_key(host: str, repository: str) -> Key:
    """Look where docker, podman, skopeo and oras keep what they were told; an empty key where there is nothing.

    In this order: `DOCKER_AUTH_CONFIG` (the text itself), `REGISTRY_AUTH_FILE`, containers' auth.json, docker's config.json. Of
    several entries that fit, the one with the longest path counts.
    """
    names = [host, f"https://{host}", f"http://{host}", f"https://{host}/v1/", f"https://{host}/v2/"]
    if host == HUB:
        names += _HUB_KEYS
    parts = repository.split("/")
    wanted = [f"{host}/{'/'.join(parts[:end])}" for end in range(len(parts), 0, -1)] + names
    for said in _kept():
        auths, helpers = said.get("auths"), said.get("credHelpers")
        if isinstance(auths, dict):
            for name in wanted:
                if (key := _entry(auths.get(name))) is not None:
                    return key
        stores = [helpers.get(name) for name in wanted] if isinstance(helpers, dict) else []
        for helper in [*stores, said.get("credsStore")]:
            if isinstance(helper, str) and _HELPER.match(helper):
                for name in [host, *(_HUB_KEYS[:1] if host == HUB else ())]:
                    if (key := _helped(helper, name)) is not None:
                        return key
    return Key()


def trusted(host: str) -> Iterator[Path]:
    """Give the certificates by which docker and podman trust a registry: `certs.d/HOST/*.crt`."""
    for folder in (
        Path.home() / ".config/containers/certs.d",
        Path("/etc/containers/certs.d"),
        Path.home() / ".docker/certs.d",
        Path("/etc/docker/certs.d"),
    ):
        try:
            yield from sorted((folder / host).glob("*.crt"))
        except OSError:
            continue


def _kept() -> Iterator[dict[str, Any]]:
    texts = [os.environ.get("DOCKER_AUTH_CONFIG", "")]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    files = [
        Path(os.environ["REGISTRY_AUTH_FILE"]) if os.environ.get("REGISTRY_AUTH_FILE") else None,
        Path(runtime) / "containers/auth.json" if runtime else None,
        Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers/auth.json",
        Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json",
    ]
    for file in files:
        try:
            texts.append(file.read_text(encoding="utf-8") if file else "")
        except (OSError, UnicodeDecodeError):
            continue
    for text in texts:
        try:
            said = json.loads(text) if text else None
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            yield said


def _entry(said: Any) -> Key | None:
    if not isinstance(said, dict):
        return None
    user, password, identity = (said.get(name) for name in ("username", "password", "identitytoken"))
    try:
        whole = base64.b64decode(str(said.get("auth") or ""), validate=True).decode()
    except ValueError:
        whole = ""
    if ":" in whole:
        user, _, password = whole.partition(":")
    password = password.rstrip("\x00") if isinstance(password, str) else ""
    key = Key(user if isinstance(user, str) else "", password, identity if isinstance(identity, str) else "")
    return key if key.user or key.identity else None


def _helped(helper: str, host: str) -> Key | None:
    """Ask the program in which docker keeps passwords."""
    try:
        done = subprocess.run(  # the program that the user's own configuration names
            [f"docker-credential-{helper}", "get"], input=host.encode(), capture_output=True, timeout=_HELPER_S, check=True,
        )  # fmt: skip
        said = json.loads(done.stdout)
        user, word = str(said["Username"]), str(said["Secret"])
    except (OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return None
    return Key(identity=word) if user == "<token>" else Key(user, word)
