"""sealing: a secret that must be told again (to sign with), kept so that whoever reads the ledger cannot.

Encrypt-then-MAC over HMAC-SHA256: a stream made in counter mode, a tag over nonce and text, each with a key of its own. The key
is the server's, the nonce 16 bytes of chance; the standard library has no cipher, and this needs none.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from loopline.errors import Unavailable

_NONCE: Final = 16
_TAG: Final = 32


def seal(key: bytes, nonce: bytes, about: str, text: str) -> str:
    """Encrypt a text that belongs to something: elsewhere it cannot be opened."""
    plain = text.encode()
    hidden = bytes(a ^ b for a, b in zip(plain, _stream(key, nonce, len(plain)), strict=True))
    return urlsafe_b64encode(nonce + hidden + _tag(key, nonce, about, hidden)).decode()


def unseal(key: bytes, about: str, sealed: str) -> str:
    """Give the text again. Raise Unavailable kind="no-signing-secret" where the key is another, or what was kept was changed."""
    raw = urlsafe_b64decode(sealed)
    nonce, hidden, tag = raw[:_NONCE], raw[_NONCE:-_TAG], raw[-_TAG:]
    if not hmac.compare_digest(tag, _tag(key, nonce, about, hidden)):
        raise Unavailable(
            "the signing secret was kept with another key of this server", kind="no-signing-secret",
            hint="bring the key back, or give the secret anew",
        )  # fmt: skip
    return bytes(a ^ b for a, b in zip(hidden, _stream(key, nonce, len(hidden)), strict=True)).decode()


def _stream(key: bytes, nonce: bytes, size: int) -> bytes:
    own = hmac.digest(key, b"loopline sealing: stream", "sha256")
    blocks = (hmac.digest(own, nonce + number.to_bytes(8, "big"), "sha256") for number in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def _tag(key: bytes, nonce: bytes, about: str, hidden: bytes) -> bytes:
    own = hmac.digest(key, b"loopline sealing: tag", "sha256")
    whose = about.encode()
    return hmac.digest(own, nonce + len(whose).to_bytes(8, "big") + whose + hidden, "sha256")
