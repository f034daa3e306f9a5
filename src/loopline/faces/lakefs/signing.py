"""signing: sessions of `login`, as this server gives them out. Signed addresses are those of `faces/signing.py`."""

from __future__ import annotations

import hmac
import re
from typing import Final

LASTING: Final = 3600
"""Seconds for which a session holds."""
_SESSION: Final = re.compile(r"lakefs\.([A-Za-z0-9_-]{1,128})\.([0-9]{1,12})\.([0-9a-f]{64})\Z")


def session_of(text: str) -> tuple[str, int, str] | None:
    """Give access key, end and signature of a session's token; None for any other text."""
    found = _SESSION.match(text)
    return (found[1], int(found[2]), found[3]) if found else None


def session(key: str, secret: str, *, until: int) -> str:
    """Make the token of a session that ends at `until` (seconds since the epoch)."""
    return f"lakefs.{key}.{until}.{_sum(secret, f'session {key} {until}')}"


def holds_session(text: str, secret: str, *, now: int) -> bool:
    """Tell whether a session was made with this secret and is not over."""
    found = session_of(text)
    return (
        found is not None and now <= found[1] and hmac.compare_digest(session(found[0], secret, until=found[1]), text)
    )


def _sum(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), f"lakefs {text}".encode(), "sha256").hex()
