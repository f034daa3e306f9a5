"""registry: where pip is told to look for packages, told to uv for one command.

uv does not read pip's configuration. Where uv has been told nothing, it is told what pip has, in the environment of the one
process that installs; nothing is written, and no address enters a lock, an error or the ledger.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TOLD: Final = (
    "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_CONFIG_FILE",
)  # fmt: skip
_KEYS: Final = ("index_url", "extra_index_url", "find_links", "cert", "trusted_host", "timeout", "default_timeout")
"""Names of pip's options, spelt as its variables are; in its files dashes stand for the underscores as well."""


def variables(environment: Mapping[str, str], *, files: tuple[Path, ...] | None = None) -> dict[str, str]:
    """Give the variables that make uv look where pip would; none where uv is configured itself.

    `files` replaces the files that pip reads, weakest first.
    """
    if any(environment.get(name) for name in _TOLD) or any(path.is_file() for path in _uv_files(environment)):
        return {}
    settings: dict[str, str] = {}
    for path in _pip_files(environment) if files is None else files:
        settings.update(_read(path))
    for key in _KEYS:
        value = environment.get(f"PIP_{key.upper()}")
        if value:
            settings[key] = value
    return _told(settings, environment)


def _told(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    if settings.get("index_url"):
        given["UV_DEFAULT_INDEX"] = settings["index_url"]
    if settings.get("extra_index_url"):
        # pip takes the best of all its indexes; uv would stop at the first that knows the name.
        given["UV_INDEX"] = " ".join(settings["extra_index_url"].split())
        given["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if settings.get("find_links"):
        given["UV_FIND_LINKS"] = ",".join(settings["find_links"].split())
    if settings.get("trusted_host"):
        given["UV_INSECURE_HOST"] = " ".join(settings["trusted_host"].split())
    if settings.get("cert"):
        given["SSL_CERT_FILE"] = settings["cert"]
    if seconds := settings.get("timeout") or settings.get("default_timeout"):
        given["UV_HTTP_TIMEOUT"] = seconds
    return {name: value for name, value in given.items() if not environment.get(name)}


def _read(path: Path) -> dict[str, str]:
    """Read `[global]` and `[install]` of one file; one that cannot be read counts for nothing, as it does for pip."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except (OSError, ValueError, configparser.Error):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update({key.replace("-", "_"): value for key, value in parser.items(section) if value})
    return {key: value for key, value in found.items() if key in _KEYS}


def _pip_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """List the files of pip's documentation (topics/configuration), weakest first."""
    if environment.get("PIP_CONFIG_FILE") == os.devnull:
        return ()
    home = Path(environment.get("HOME") or Path.home())
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if sys.platform == "darwin" and (home / "Library/Application Support/pip").is_dir():
        own = home / "Library/Application Support/pip/pip.conf"
    shared = [
        Path(one) / "pip" / "pip.conf"
        for one in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))
    ]
    named = [Path(environment["PIP_CONFIG_FILE"])] if environment.get("PIP_CONFIG_FILE") else []
    return (*shared, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", own, Path(sys.prefix) / "pip.conf", *named)


def _uv_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    home = Path(environment.get("HOME") or Path.home())
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return (own / "uv" / "uv.toml", Path("/etc/uv/uv.toml"))
