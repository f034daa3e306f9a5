"""packing: bodies made smaller for the wire, where it tells nobody anything.

How long a compressed page is depends on what stands in it: somebody who can choose a part of a page and watch its length learns
the rest (BREACH, 2013). So the one secret of a page, what its forms must hold, looks different each time (`faces/forms.py`), and
a page that another site has asked for is not compressed at all.
"""

from __future__ import annotations

from gzip import compress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL: Final = 5
"""Effort for what is made for one answer: 2 ms for 100 KB."""
LEAST: Final = 1000
"""Bytes below which it is not worth the while."""


def packs(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer to a request with these headers may be compressed with gzip (RFC 9110, section 12.5.3)."""
    if headers.get("sec-fetch-site", "") in ("cross-site", "same-site"):
        return False
    weights = {}
    for one in headers.get("accept-encoding", "").split(","):
        name, _, weight = one.replace(" ", "").lower().partition(";q=")
        weights[name] = weight
    weight = weights.get("gzip", weights.get("*", "0"))
    return not weight or bool(weight.strip("0."))


def packed(body: bytes, *, level: int = LEVEL) -> bytes:
    """Compress a body. The same one gives the same bytes."""
    return compress(body, level, mtime=0)
