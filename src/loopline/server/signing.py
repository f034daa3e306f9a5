"""signing: who sent a webhook, by the symmetric scheme of Standard Webhooks 1.0.0.

HMAC-SHA256 over `id.timestamp.body`, written `v1,` and base64. Several secrets (separated by spaces) give several signatures,
so that a secret can be changed without a gap.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from typing import Final

from loopline.errors import Invalid

SHORTEST: Final = 24
"""Bytes of a secret. A shorter one could be found by trying: a receiver holds signatures."""
_PREFIX: Final = "whsec_"


def keys_of(secret: str) -> tuple[bytes, ...]:
    """Read secrets as they are serialized (`whsec_` and base64), or as plain text. Raise Invalid kind="weak-secret"."""
    keys = tuple(_key(word) for word in secret.split())
    if not keys or any(len(key) < SHORTEST for key in keys):
        raise Invalid(
            f"a signing secret has at least {SHORTEST} bytes", kind="weak-secret",
            hint='make one: echo "whsec_$(openssl rand -base64 32)"',
        )  # fmt: skip
    return keys


def signature(keys: tuple[bytes, ...], number: str, timestamp: int, body: bytes) -> str:
    """Give the header `webhook-signature`. The id holds no dot, so that it cannot be taken for another one's beginning."""
    signed = f"{number}.{timestamp}.".encode() + body
    return " ".join("v1," + b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)


def _key(word: str) -> bytes:
    if not word.startswith(_PREFIX):
        return word.encode()
    try:
        return b64decode(word.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""
