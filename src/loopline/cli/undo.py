"""undo: the command that takes back what a command did. History is only added to, so every one of them is a new change."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def undo_of(command: str, result: Any, asked: Mapping[str, Any]) -> str | None:
    """Write the command that undoes what `command` did with the arguments `asked`; None where nothing can be taken back."""
    change = result.change if type(result).__name__ == "Published" else result
    if type(change).__name__ == "Change":
        if command == "approve" and change.state != "applied":
            return f"loopline approve {brief(change.id)} --reject"
        return _undo_change(change)
    if command == "subscribe":
        return f"loopline unsubscribe {quote(result.name)}"
    maker = _MAKERS.get(command)
    return maker(asked) if maker else None


_WEIGHT = {"service": 4, "model": 3, "data": 2, "code": 0, "env": 0}
"""Of several refs that moved together, the one that people would name."""


def _undo_change(change: Any) -> str | None:
    first = max(change.moves, key=lambda move: _WEIGHT.get(move.ref.asset.kind, 1))
    ref = quote(str(first.ref))
    if change.state in {"proposed", "approved"}:
        return f"loopline withdraw {brief(change.id)}"
    if change.state != "applied":
        return None
    if change.kind == "rollback":
        return f"loopline propose {ref} --to {first.old} --lift --why …" if _single(change, first.old) else None
    if first.old is None and _single(change, first.new):
        return f"loopline propose {ref} --delete --why …"
    if first.new is None or (first.ref.asset.kind == "policy" and _single(change, first.old)):
        return f"loopline propose {ref} --to {first.old} --why …"
    return f"loopline rollback {ref} --why …"


def _single(change: Any, target: int | None) -> bool:
    return len(change.moves) == 1 and target is not None


def _grant(asked: Mapping[str, Any]) -> str:
    words = f"loopline grant {quote(str(asked['who']))} {quote(str(asked['role']))}"
    return words if asked.get("revoke") else f"{words} --revoke"


_MAKERS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {"grant": _grant}
"""Commands whose result is no change → what takes them back, written from their arguments."""
