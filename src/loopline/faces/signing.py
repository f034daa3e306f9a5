"""signing: addresses of this server that hold for a while without a header: signed by the secret of whoever asked for them."""

from __future__ import annotations

import hmac
import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

KEY: Final = "loopline-key"
UNTIL: Final = "loopline-until"
SIGNATURE: Final = "loopline-signature"
"""Words of a signed query."""
LASTING: Final = 3600
"""Seconds for which an address usually holds."""


def signed_query(method: str, path: str, query: dict[str, str], key: str, secret: str, *, until: int) -> str:
    """Sign an address: give its query."""
    words = {**query, KEY: key, UNTIL: str(until)}
    return urlencode({**words, SIGNATURE: _sum(secret, _address(method, path, words))})


def path_of(raw: bytes) -> tuple[str, ...]:
    """Take a path as it came apart at its slashes, each part decoded once: `a%2Fb` is one part. Raise ValueError for no UTF-8."""
    return tuple(unquote_to_bytes(part).decode() for part in raw.split(b"/"))


def written(parts: tuple[str, ...]) -> str:
    """Write the parts of a path, always in the same way."""
    return "/".join(quote(part, safe="") for part in parts)


def query_of(query: bytes) -> dict[str, str]:
    """Read a query, of which the last word of a name counts."""
    return dict(
        parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape", max_num_fields=1000)
    )


def holds_query(method: str, path: str, query: dict[str, str], secret: str, *, now: int) -> bool:
    """Tell whether an address was signed with this secret and holds still."""
    words = {name: value for name, value in query.items() if name != SIGNATURE}
    until = words.get(UNTIL, "")
    if not re.fullmatch(r"[0-9]{1,12}", until) or now > int(until):
        return False
    said = query.get(SIGNATURE, "").encode("utf-8", "replace")
    return hmac.compare_digest(_sum(secret, _address(method, path, words)).encode(), said)


def _address(method: str, path: str, words: dict[str, str]) -> str:
    said = sorted((_bytes(name), _bytes(value)) for name, value in words.items())
    return f"address {method} {path} {urlencode(said)}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _sum(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()
