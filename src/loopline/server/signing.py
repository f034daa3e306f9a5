"""signing: who sent a webhook, by the symmetric scheme of Standard Webhooks 1.0.0.

HMAC-SHA256 over `id.timestamp.body`, written `v1,` and base64. Several secrets (separated by spaces) give several signatures,
so that a secret can be changed without a gap.
"""

from __future__ import annotations

import binascii
import hmac
import logging
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Final

from loopline.errors import Invalid, LooplineError, Unavailable
from loopline.settings.secret import secret

SHORTEST: Final = 24
"""Bytes of a secret. A shorter one could be found by trying: a receiver holds signatures."""
_PREFIX: Final = "whsec_"
_log = logging.getLogger("loopline.relay")


def keys_of(secret: str) -> tuple[bytes, ...]:
    """Read secrets as they are serialized (`whsec_` and base64), or as plain text. Raise Invalid kind="weak-secret"."""
    keys = tuple(_key(word) for word in secret.split())
    if not keys or any(len(key) < SHORTEST for key in keys):
        raise Invalid(
            f"a signing secret has at least {SHORTEST} bytes", kind="weak-secret",
            hint='make one: echo "whsec_$(openssl rand -base64 32)"',
        )  # fmt: skip
    return keys


def keys_at(reference: str, *, folder: str = "", plain: bool = False) -> tuple[bytes, ...]:
    """Read the secrets that a subscription names, `env:NAME` or a file below a folder; none where it names none.

    `plain`: the one secret is what stands there. Raise Unavailable kind="no-signing-secret", in the same words whatever is
    wrong: whoever may subscribe learns nothing about the server's files. Its log says more.
    """
    if not reference:
        return ()
    try:
        if reference.startswith("file:"):
            _below(reference, folder)
        found = secret(reference, name="the signing secret")
        return (found.encode(),) if plain else keys_of(found)
    except LooplineError as error:
        _log.warning("the signing secret %s cannot be used: %s", reference, error.message)
        raise Unavailable(
            f"{reference} is no signing secret that this server can use", kind="no-signing-secret",
            hint=f"it needs {SHORTEST} bytes at least; a file must lie in the folder LOOPLINE_WEBHOOK_SECRETS of the server",
            reference=reference,
        ) from None  # fmt: skip


def _below(reference: str, folder: str) -> None:
    """Raise Invalid unless a file lies in the folder, wherever links lead."""
    try:
        inside = bool(folder) and Path(reference.removeprefix("file:")).resolve().is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links, or a name that no file can have
        inside = False
    if not inside:
        raise Invalid(
            f"it is not in {folder}" if folder else "no folder is set",
            kind="weak-secret",
            hint="set LOOPLINE_WEBHOOK_SECRETS",
        )


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
