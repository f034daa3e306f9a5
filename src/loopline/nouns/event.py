"""event: one entry of the feed, one for each ledger transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from loopline.nouns.digest import Digest, digest_of

GENESIS: Final = Digest("sha256:" + "0" * 64)
"""What the first event of a project names as its predecessor."""


@dataclass(frozen=True, slots=True)
class Event:
    """The envelope, and the payload while it has not been erased."""

    project: str
    seq: int
    """From 1, without a gap, per project."""
    recorded_at: int
    event_time: int | None
    actor: str
    kind: str
    """`ref.moved`, `run.finished`, …"""
    subject: str
    schema: int
    payload_digest: Digest
    previous: Digest
    hash: Digest
    payload: Mapping[str, Any] | None = None
    """None where it was erased: the chain holds over payload digests and stays valid."""


def canonical(value: Any) -> bytes:
    """Encode JSON so that equal values give equal bytes: sorted keys, no spaces, UTF-8."""
    return _encode(value).encode()


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def hash_of(event: Event) -> Digest:
    """Chain an event: the digest over every field of the envelope but the hash itself."""
    envelope = [
        event.project, event.seq, event.recorded_at, event.event_time, event.actor, event.kind, event.subject,
        event.schema, event.payload_digest, event.previous,
    ]  # fmt: skip
    return digest_of(canonical(envelope))
