"""notes: what S3 says of an object and a tree cannot hold: its type, metadata, tags, how it was put together. Kept as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from loopline.faces.s3.errors import Fault

DEFAULT: Final = "binary/octet-stream"
META: Final = "x-amz-meta-"
LARGEST: Final = 2048
"""Bytes of all metadata of an object."""
MOST_TAGS: Final = 10
OF_BYTES: Final = ("etag", "of", "parts", "sums")
"""What is said of the bytes, and not of the path."""
HEADERS: Final = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
"""What a header can be called."""
_REFUSED: Final = re.compile(
    r"x-amz-(server-side-encryption.*|object-lock-.*|website-redirect-location|grant-.*|write-offset-bytes"
    r"|copy-source-server-side-encryption.*)\Z"
)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")

Notes = dict[str, Any]


def of_headers(headers: Mapping[str, str]) -> Notes:
    """Read what the headers of a write say. Raise Fault for what would be kept by nobody."""
    for name in headers:
        if _REFUSED.match(name):
            raise Fault("NotImplemented", f"{name} is not served here.")
    if headers.get("x-amz-storage-class", "STANDARD") != "STANDARD":
        raise Fault("NotImplemented", "The only storage class here is STANDARD.")
    if headers.get("x-amz-acl", "private") not in ("private", "bucket-owner-full-control", "bucket-owner-read"):
        raise Fault("AccessControlListNotSupported")
    notes: Notes = {}
    kind = headers.get("content-type", "")
    if kind and kind != DEFAULT:
        notes["type"] = _plain(kind)
    kept = {name: _plain(headers[name]) for name in HEADERS if name in headers}
    if "content-encoding" in kept:
        left = [one.strip() for one in kept["content-encoding"].split(",")]
        kept["content-encoding"] = ", ".join(one for one in left if one and one.lower() != "aws-chunked")
    kept = {name: value for name, value in kept.items() if value}
    if kept:
        notes["headers"] = kept
    meta = {name[len(META) :]: _plain(value) for name, value in headers.items() if name.startswith(META)}
    if sum(len(name) + len(value.encode()) for name, value in meta.items()) > LARGEST:
        raise Fault("MetadataTooLarge")
    if meta:
        notes["meta"] = meta
    if "x-amz-tagging" in headers:
        notes |= with_tags(dict(parse_qsl(headers["x-amz-tagging"], keep_blank_values=True)))
    return notes


def with_tags(tags: Mapping[str, str]) -> Notes:
    """Give tags as notes. Raise Fault for too many, or too long ones."""
    if len(tags) > MOST_TAGS or any(not name or len(name) > 128 or len(value) > 256 for name, value in tags.items()):
        raise Fault("InvalidArgument", "An object has at most 10 tags, of 128 and 256 letters.")
    return {"tags": dict(tags)} if tags else {}


def to_headers(notes: Notes) -> dict[str, str]:
    """Give the headers that say it again."""
    found = {"Content-Type": notes.get("type", DEFAULT)}
    found |= {name.title(): value for name, value in notes.get("headers", {}).items()}
    meta = notes.get("meta", {}).items()
    found |= {f"{META}{name}": value for name, value in meta if TOKEN.match(name)}  # others come by other doors
    if notes.get("tags"):
        found["x-amz-tagging-count"] = str(len(notes["tags"]))
    return {name: value.encode().decode("latin-1") for name, value in found.items() if sayable(value)}


def sayable(text: str) -> bool:
    """Tell whether a header can say it."""
    return text.isprintable() or not text


def written(notes: Notes) -> str:
    """Write notes, the same always in the same way; nothing is written as nothing."""
    return json.dumps(notes, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if notes else ""


def read(text: str) -> Notes:
    """Read notes, and pass over what we would not have written: their tree may have come from somebody's own program."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if name in _SOUND and _SOUND[name](value)}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not _CONTROL.search(value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(TOKEN.match(name) and _is_text(one) for name, one in value.items())


def _are_meta(value: Any) -> bool:
    """Tell whether it is metadata. Clients of lakeFS give names that no header has: those are left out of headers alone."""
    return isinstance(value, dict) and all(_is_text(name) and _is_text(one) for name, one in value.items())


def _are_tags(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _are_parts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, list) and len(one) == 2 and all(type(number) is int and number >= 0 for number in one)
        for one in value
    )


_SOUND: Final = {
    "type": _is_text, "headers": _are_texts, "meta": _are_meta, "tags": _are_tags, "parts": _are_parts,
    "etag": _is_text, "of": _is_text, "sums": _are_texts,
}  # fmt: skip
"""What notes may hold, and what that looks like: it becomes headers of an answer."""


def about(notes: Notes, digest: str) -> Notes:
    """Give notes without what they say of other bytes: those of a path may have been changed by another door."""
    if "of" not in notes or notes["of"] == digest[7:23]:
        return notes
    return {name: value for name, value in notes.items() if name not in OF_BYTES}


def _plain(value: str) -> str:
    """Give a header's value as text: clients send UTF-8, which a server reads letter by letter."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
