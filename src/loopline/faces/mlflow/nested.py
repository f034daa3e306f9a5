"""nested: JSON that stands in a text, as clients write values into attributes and metadata."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_UNKEPT: Final = re.compile("[\0\ud800-\udfff]")
"""What no text of a database holds: NUL, and half of a surrogate pair."""
_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def nested(text: str) -> Any:
    """Read it. What no database keeps in a text becomes U+FFFD. Raise ValueError for what is no JSON, or too deep."""
    try:
        said = json.loads(text)
        return _kept(said) if _ESCAPE.search(text) else said
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _kept(said: Any) -> Any:
    if isinstance(said, str):
        return _UNKEPT.sub("\ufffd", said)
    if isinstance(said, dict):
        return {_UNKEPT.sub("\ufffd", key): _kept(one) for key, one in said.items()}
    return [_kept(one) for one in said] if isinstance(said, list) else said
