"""secrets: what a token looks like, and what is kept of it.

`ll_<id>_<secret>`: the prefix lets scanners find a leaked one, the id may be shown, the secret is 256 random bits of which
only the sha256 is kept. A secret of that size needs no slow hash: nobody can try them all.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import Final

PREFIX: Final = "ll"
_TOKEN: Final = re.compile(r"ll_([a-z2-7]{12})_([0-9A-Za-z]{43})\Z")
_ID: Final = "abcdefghijklmnopqrstuvwxyz234567"
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
USER_CODE: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of what people type: no vowels, so no words; nothing that looks like something else (RFC 8628, 6.1)."""


def written(chance: bytes) -> tuple[str, str]:
    """Give the id and the whole text of a token made of 40 random bytes."""
    if len(chance) < 40:
        msg = "a token takes 40 random bytes"
        raise ValueError(msg)
    name = _digits(int.from_bytes(chance[:8], "big"), _ID, 12)
    return name, f"{PREFIX}_{name}_{_digits(int.from_bytes(chance[8:40], 'big'), _LETTERS, 43)}"


def hash_of(text: str) -> str:
    """Give what is kept of a secret: 64 hex digits."""
    return sha256(text.encode()).hexdigest()


def id_of(text: str) -> str:
    """Give the id that a token's text carries; nothing where it is no token."""
    found = _TOKEN.match(text)
    return found[1] if found else ""


def signing_secret(key: bytes, token: str) -> str:
    """Give the secret with which somebody signs requests as a token (its id), made of a key that only the server has.

    Who signs does not send a secret, so the server must be able to make it again: from the hash that it keeps of a token it
    cannot, and that hash as a secret would open the server to whoever reads the ledger.
    """
    return _digits(int.from_bytes(hmac.digest(key, token.encode(), "sha256"), "big"), _LETTERS, 43)


def user_code(chance: bytes) -> str:
    """Give a code that people type, `BCDF-GHJK`, of 8 random bytes."""
    text = _digits(int.from_bytes(chance[:8], "big"), USER_CODE, 8)
    return f"{text[:4]}-{text[4:]}"


def _digits(number: int, letters: str, length: int) -> str:
    found = []
    for _ in range(length):
        number, digit = divmod(number, len(letters))
        found.append(letters[digit])
    return "".join(reversed(found))
