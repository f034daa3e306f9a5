"""previewing: the beginning of what came into a trace, or out of it, for people: of a conversation, what was said last."""

from __future__ import annotations

import json
from typing import Any, Final

from loopline.faces.mlflow.nested import nested
from loopline.faces.otlp.spans import clean

LONGEST: Final = 1_000
"""Characters."""


def preview(value: Any, role: str) -> str | None:
    """Give it as a text: of messages, the last of a role; else the JSON. None where nothing was said."""
    if value is None:
        return None
    said = value
    if isinstance(value, str):
        try:
            said = nested(value)
        except ValueError:
            said = None
    text = _spoken(_messages(said), role) or (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )
    text = clean(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _messages(said: Any, depth: int = 0) -> list[dict[str, Any]]:
    """Find messages where the usual APIs have them."""
    if isinstance(said, list):
        return [one for one in said if isinstance(one, dict) and "role" in one and ("content" in one or "parts" in one)]
    if not isinstance(said, dict) or depth > 3:
        return []
    for key in ("messages", "input", "output"):
        if isinstance(said.get(key), list) and (found := _messages(said[key])):
            return found
    choices = said.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return _messages([choices[0].get("message")])
    return _messages(said["request"], depth + 1) if "request" in said else []


def _spoken(messages: list[dict[str, Any]], role: str) -> str:
    if not messages:
        return ""
    last = next((one for one in reversed(messages) if one["role"] == role), messages[-1])
    content = last.get("content", last.get("parts"))
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        text = (
            part if isinstance(part, str) else part.get("text", part.get("content")) if isinstance(part, dict) else None
        )
        if isinstance(text, str) and text:
            return text
    return ""
