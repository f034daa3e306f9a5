"""addresses: how an object store is found by its address, and what its refusals mean."""

from __future__ import annotations

import configparser
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ObjectStore

SCHEMES: Final = ("s3://", "gs://", "az://")
_CLIENT: Final[dict[str, Any]] = {"connect_timeout": "5s", "timeout": "120s"}
_RETRY: Final[dict[str, Any]] = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 2},
}
_FULL: Final = {"507", "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "ServiceQuotaExceeded"}
NOWHERE: Final = {"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"}
"""What stores say where there is no bucket."""


def refusal(url: str, status: str, code: str, *, doing: str, denied: bool = False) -> Unavailable:
    """Say in our words what a store has answered; its own texts repeat addresses and keys."""
    facts = {"store": url, "status": status, "code": code}
    if code in NOWHERE:
        return nowhere(url)
    if {status, code} & _FULL:
        why = f"the store {url} takes no more bytes"
        return Unavailable(why, kind="disk-full", hint="raise its quota or free space, then try again", **facts)
    if denied or status in {"401", "403"}:
        hint = "look at the store's credentials: they must allow listing the bucket, reading, writing and deleting"
        return Unavailable(f"the store {url} refuses to {doing}", kind="store-refused", hint=hint, **facts)
    if not status or status.startswith("5") or status in {"408", "429"}:
        why, hint = f"the store {url} does not answer", "check its address and the network, then try again"
        return Unavailable(why, kind="store-unreachable", hint=hint, **facts)
    why = f"the store {url} answers {status} {code}".rstrip()
    return Unavailable(why, kind="store-broken", hint="look at what the store says of it", **facts)


def nowhere(url: str) -> Unavailable:
    """Say that there is no such bucket."""
    hint = "make the bucket, or set LOOPLINE_STORE to one that exists"
    return Unavailable(f"there is no {url}", kind="store-missing", hint=hint, store=url)


def opened(url: str, options: Mapping[str, Any] | None = None, *, plain: bool = False, **found: str) -> ObjectStore:
    """Open a store, with options of ours, over plain HTTP if that is said; `found` goes to `shared_keys`.

    Raise Invalid kind="bad-store-url".
    """
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    client = {**_CLIENT, **_plain_http(), **({"allow_http": True} if plain else {})}
    try:
        if not url.startswith(SCHEMES):
            raise ValueError(url)
        keys: dict[str, Any] = {**shared_keys(url, **found), **(options or {})}
        return from_url(url, client_options=client, retry_config=_RETRY, **keys)  # type: ignore[arg-type, call-overload, no-any-return, unused-ignore] # obstore types each option by store
    except (BaseError, ValueError, OSError) as caught:
        raise Invalid(
            f"the store {url} cannot be opened",
            kind="bad-store-url",
            hint="write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or a folder",
            store=url,
        ) from caught


def _plain_http() -> dict[str, Any]:
    """Allow an endpoint without TLS where somebody has set one: inside a cluster, or on this machine."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "GOOGLE_BASE_URL")
    return {"allow_http": True} if any(os.environ.get(name, "").startswith("http://") for name in names) else {}


def shared_keys(url: str, *, file: str = "", profile: str = "") -> dict[str, str]:
    """Read AWS's shared credentials file, which obstore does not: a secret that is mounted as a file."""
    where = file or os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    if not url.startswith(("s3://", "s3a://")) or (os.environ.get("AWS_ACCESS_KEY_ID") and not (file or profile)):
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(os.path.expanduser(where), encoding="utf-8")
        section = parser[profile or os.environ.get("AWS_PROFILE", "default")]
    except (KeyError, OSError, UnicodeDecodeError, configparser.Error):
        return {}
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    }
    return {ours: section[theirs] for theirs, ours in names.items() if theirs in section}
