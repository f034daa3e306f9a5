"""credentials: the tokens that `loopline login` keeps, by server, in a file that only its user can read."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from loopline.errors import Invalid, Refused, Unavailable
from loopline.sdk.wire import parse_url
from loopline.settings.files import user_file

_NAME: Final = "credentials.json"
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credential:
    """What one server knows its user by."""

    token: str
    actor: str = ""
    """Whom the token speaks for, as the server said at the login."""

    def __repr__(self) -> str:
        """Keep the token out of logs and tracebacks."""
        return f"Credential(actor={self.actor!r})"


def find(url: str, *, environ: Mapping[str, str] | None = None) -> Credential | None:
    """Look up what was saved for a server.

    Raise Refused kind="credentials-readable" where others may read the file, Unavailable where it cannot be read.
    """
    path = _path(environ)
    return _read(path).get(_key(url)) if path else None


def save(url: str, credential: Credential, *, environ: Mapping[str, str] | None = None) -> Path:
    """Keep a token in place of the one that was there for this server, and give the file's path.

    Raise Unavailable where there is no home or the file cannot be written.
    """
    path = _path(environ)
    if path is None:
        raise Unavailable(
            "there is no home to keep a token in", kind="no-home", hint="set HOME, or use LOOPLINE_TOKEN alone"
        )
    with _alone(path):
        _write(path, {**_read(path), _key(url): credential})
    return path


def forget(url: str, *, environ: Mapping[str, str] | None = None) -> Credential | None:
    """Drop what was saved for a server, and give it; None where nothing was."""
    path = _path(environ)
    if path is None or not path.exists():
        return None
    with _alone(path):
        here = _read(path)
        gone = here.pop(_key(url), None)
        if gone is not None:
            _write(path, here)
    return gone


def _path(environ: Mapping[str, str] | None) -> Path | None:
    settings = user_file(os.environ if environ is None else environ)
    return settings.with_name(_NAME) if settings else None


def _key(url: str) -> str:
    """Write an address in the one way that the file knows it: the same server is found however it was spelled."""
    parts = urlsplit(parse_url(url))
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port and parts.port != _PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _read(path: Path) -> dict[str, Credential]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be read: {error.strerror}", kind="file-unreadable", hint=f"chmod 600 {path}", file=str(path)
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(
            f"others may read the tokens in {path}", kind="credentials-readable",
            hint=f"chmod 600 {path}, and log in anew if somebody may have read it", file=str(path),
        )  # fmt: skip
    try:
        servers = json.loads(data)["servers"]
        return {url: Credential(str(one["token"]), str(one.get("actor", ""))) for url, one in servers.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            f"{path} holds no tokens that can be read", kind="bad-credentials", hint="remove it, and log in anew",
            file=str(path),
        ) from error  # fmt: skip


def _write(path: Path, servers: Mapping[str, Credential]) -> None:
    """Put a new file in place of the old one: whoever reads meanwhile sees one of the two, and nobody else either."""
    said = {"servers": {url: {"token": one.token, "actor": one.actor} for url, one in sorted(servers.items())}}
    fresh = ""
    try:
        handle, fresh = tempfile.mkstemp(prefix=f".{_NAME}.", dir=path.parent)  # mkstemp makes it 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(said, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(fresh).unlink()
        raise _unwritable(path, error) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep two logins at the same moment from losing one of their tokens."""
    import fcntl

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path.with_name(f".{_NAME}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"{path} cannot be written: {error.strerror}", kind="file-unwritable", hint=f"make {path.parent} writable",
        file=str(path),
    )  # fmt: skip
