"""conditions: what a client wants to hold before it reads, writes or copies (RFC 9110, §13, as S3 answers it)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from loopline.faces.s3.errors import Fault, Unmodified


def when(at: int) -> str:
    """Write a time of the ledger (µs) as a header does."""
    return format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC), usegmt=True)


def stamp(at: int) -> str:
    """Write a time of the ledger (µs) as a document does."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def may_read(headers: Mapping[str, str], etag: str, at: int, *, prefix: str = "") -> None:
    """Raise Fault PreconditionFailed, or Unmodified for what the client has; with a prefix the conditions on a copy's source."""
    match = headers.get(f"{prefix}if-match")
    since = _time(headers.get(f"{prefix}if-unmodified-since"))
    second = at // 1_000_000
    if match is not None:
        if not _names(match, etag):
            raise Fault("PreconditionFailed", Condition="If-Match")
    elif since is not None and second > since:
        raise Fault("PreconditionFailed", Condition="If-Unmodified-Since")
    none = headers.get(f"{prefix}if-none-match")
    modified = _time(headers.get(f"{prefix}if-modified-since"))
    if (none is not None and _names(none, etag)) or (none is None and modified is not None and second <= modified):
        if prefix:
            raise Fault("PreconditionFailed", Condition="If-None-Match" if none is not None else "If-Modified-Since")
        raise Unmodified({"ETag": etag, "Last-Modified": when(at)})


def may_write(headers: Mapping[str, str], etag: str | None) -> None:
    """Raise Fault unless what is there (its tag, or None) is what a writer wants to be there."""
    none, match = headers.get("if-none-match"), headers.get("if-match")
    if none is not None and etag is not None:
        raise Fault("PreconditionFailed", Condition="If-None-Match")
    if match is None:
        return
    if etag is None:
        raise Fault("NoSuchKey")
    if not _names(match, etag):
        raise Fault("PreconditionFailed", Condition="If-Match")


def known(headers: Mapping[str, str]) -> bool:
    """Tell whether a writer sets conditions. Raise Fault for those that S3 does not have for writes."""
    if headers.get("if-none-match", "*").strip() != "*":
        raise Fault("NotImplemented", "If-None-Match of a write must be *.")
    if "if-modified-since" in headers or "if-unmodified-since" in headers:
        raise Fault("NotImplemented", "Writes know If-None-Match and If-Match.")
    return "if-none-match" in headers or "if-match" in headers


def _names(said: str, etag: str) -> bool:
    names = [one.strip().removeprefix("W/") for one in said.split(",")]
    return "*" in names or etag in names or etag.strip('"') in names


def _time(said: str | None) -> float | None:
    if said is None:
        return None
    try:
        return parsedate_to_datetime(said).timestamp()
    except ValueError:
        return None
