"""telling: an answer in words, for whoever reads text alone.

What others wrote stands in quotes as soon as it could be taken for more than a value: with line breaks, or with letters that
cannot be seen. A name may say anything; it stays a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

ROOM: Final = 5_000
"""Characters."""
_TIMES: Final = ("since", "until", "at", "start")
_SECOND: Final = 1_000_000
_YEAR_2000: Final = 946_684_800 * _SECOND
_YEAR_3000: Final = 32_503_680_000 * _SECOND


def told(headline: str, value: Any, *, room: int = ROOM) -> str:
    """Give a line about an answer, and what is in it, a line for each thing that is not empty."""
    lines, used = [quoted(headline)], len(headline)
    for line in _lines(value, ""):
        used += len(line) + 1
        if used > room:
            lines.append("… (more is in structuredContent)")
            break
        lines.append(line)
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Give a text as it is where it is one line of visible letters, else quoted."""
    return text if text.isprintable() else json.dumps(text)


def _lines(value: Any, indent: str) -> Iterator[str]:
    pairs = value.items() if isinstance(value, dict) else ()
    for key, one in pairs:
        if one is None or one is False or one in ("", [], {}):  # 0 is a value
            continue
        if isinstance(one, dict):
            yield f"{indent}{quoted(str(key))}:"
            yield from _lines(one, indent + "  ")
        elif isinstance(one, list):
            yield from _listed(str(key), one, indent)
        else:
            yield f"{indent}{quoted(str(key))}: {_word(str(key), one)}"
    if isinstance(value, list):
        yield from _listed("", value, indent)


def _listed(key: str, value: list[Any], indent: str) -> Iterator[str]:
    if not any(isinstance(one, (dict, list)) for one in value):
        yield f"{indent}{quoted(key)}: {', '.join(_word(key, one) for one in value)}"
        return
    if key:
        yield f"{indent}{quoted(key)}:"
    for one in value:
        first, *rest = [*_lines(one, indent + "    ")] or [f"{indent}    (nothing)"]
        yield f"{indent}  - {first.strip()}"
        yield from rest


def _word(key: str, value: Any) -> str:
    said = int(value) if isinstance(value, str) and len(value) == 16 and value.isascii() and value.isdigit() else value
    if isinstance(said, int) and _YEAR_2000 < said < _YEAR_3000 and (key.endswith("_at") or key in _TIMES):
        return datetime.fromtimestamp(said / _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return quoted(value) if isinstance(value, str) else json.dumps(value)
