"""undo: the command that takes back what a command did. History is only added to, so every one of them is a new event.

What was said (`comment`, `blame`), measured (`log`, `finish`) or ended for good (`revoke` of a token, `unsubscribe`,
`withdraw`) is not taken back: these have none, on purpose.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def undo_of(command: str, result: Any, asked: Mapping[str, Any]) -> str | None:
    """Write the command that undoes what `command` did with the arguments `asked`; None where nothing can be taken back."""
    change = result.change if type(result).__name__ in ("Published", "Merge", "Registration") else result
    if type(change).__name__ == "Change":
        if command == "approve" and change.state != "applied":
            return f"loopline approve {brief(change.id)}" + ("" if asked.get("reject") else " --reject")
        return _tag(change) if command == "tag" and change.state == "applied" else _undo_change(change)
    maker = _MAKERS.get(command)
    return maker(result, asked) if maker else None


_WEIGHT = {"service": 4, "model": 3, "data": 2, "code": 0, "env": 0}
"""Of several refs that moved together, the one that people would name."""


def _undo_change(change: Any) -> str | None:
    first = max(change.moves, key=lambda move: _WEIGHT.get(move.ref.asset.kind, 1))
    ref = quote(str(first.ref))
    if change.state == "rolling":
        return f"loopline abort {brief(change.id)} --why …"
    if change.state in {"proposed", "approved"}:
        return f"loopline withdraw {brief(change.id)}"
    if change.state != "applied":
        return None
    if change.kind == "rollback":
        return f"loopline rollback {ref} --change {brief(change.id)} --why …"
    if first.old is None and first.ref.asset.kind == "service" and len(change.moves) == 1:
        return f"loopline undeploy {ref} --why …"
    if first.old is None and _single(change, first.new):
        return f"loopline propose {ref} --delete --why …"
    if first.new is None or (first.ref.asset.kind == "policy" and _single(change, first.old)):
        return f"loopline propose {ref} --to {first.old} --why …"
    return f"loopline rollback {ref} --why …"


def _tag(change: Any) -> str:
    """Take the name away, or give it again: what a proposal brought back would be free to move."""
    (move,) = change.moves
    words = f"loopline tag {quote(move.ref.ref)} {quote(str(move.ref.asset))}"
    return f"{words} --delete" if move.new is not None else f"{words}@{move.old}"


def _single(change: Any, target: int | None) -> bool:
    return len(change.moves) == 1 and target is not None


def _grant(result: Any, asked: Mapping[str, Any]) -> str | None:
    """Take a grant back where it is new; who had the team or role before keeps it."""
    if not result.changed:
        return None
    words = f"loopline grant {quote(str(asked['who']))} {quote(str(asked['role']))}"
    words += " --everywhere" if asked.get("everywhere") else ""
    return words if asked.get("revoke") else f"{words} --revoke"


def _revoke(_result: Any, asked: Mapping[str, Any]) -> str | None:
    """Let somebody in again who was shut out, or the other way round; a token does not come back."""
    if ":" not in asked["token"]:
        return None
    return f"loopline revoke {quote(asked['token'])}" + ("" if asked.get("back") else " --back")


def _delete(result: Any, asked: Mapping[str, Any]) -> str:
    return f"loopline delete {quote(result)}" + ("" if asked.get("restore") else " --restore")


def _start(result: Any, asked: Mapping[str, Any]) -> str | None:
    return None if asked.get("run") else f"loopline delete {brief(result.id)}"  # with an id it may have been there


def _run(result: Any, asked: Mapping[str, Any]) -> str | None:
    """Take the versions back that are new with this run; what it computed stays, for the next one."""
    made = [one for one in getattr(result, "published", ()) if one.run == result.run.id]
    return " && ".join(_put(one, asked) for one in made) or None


def _put(version: Any, _asked: Mapping[str, Any]) -> str:
    """Delete a version, and its asset where it is the only one that there ever was."""
    words = f"loopline delete {quote(str(version))}"
    return words if version.number > 1 else f"{words} && loopline delete {quote(str(version.asset))}"


def _silence(_result: Any, asked: Mapping[str, Any]) -> str | None:
    """Have it heard of again; a silence that was ended is not begun anew."""
    lasting = asked.get("lasting")
    return f"loopline silence {quote(asked['match'])} --lasting 0s --why …" if lasting is None or lasting else None


def _incident(made: Any, asked: Mapping[str, Any]) -> str | None:
    return None if asked.get("edit") else f"loopline resolve {brief(made.id)} --why …"


def _merge(made: Any, asked: Mapping[str, Any]) -> str | None:
    """Give a merge up that waits; what was taken for a path is taken otherwise by saying so."""
    begun = made.state == "clashing" and not asked.get("take") and not asked.get("continue_")
    return f"loopline merge --abandon {quote(str(made.ref))}" if begun else None


_MAKERS: dict[str, Callable[[Any, Mapping[str, Any]], str | None]] = {
    "bucket": lambda made, asked: (
        None if asked.get("delete") else f"loopline bucket {made.name} {quote(str(made.ref))} --delete"
    ),
    "delete": _delete,
    "grant": _grant,
    "pause": lambda made, _: f"loopline resume {brief(made.change)}",
    "issue": lambda made, _: f"loopline revoke {quote(made.token.id)}",  # a role that came with it may have been there
    "cherry_pick": _merge,
    "incident": _incident,
    "merge": _merge,
    "put": _put,
    "reopen": lambda made, _: f"loopline resolve {brief(made.id)} --why …",
    "resolve": lambda made, _: f"loopline reopen {brief(made.id)} --why …",
    "resume": lambda made, _: f"loopline pause {brief(made.change)}",
    "revert": _merge,
    "revoke": _revoke,
    "run": _run,
    "silence": _silence,
    "start": _start,
    "subscribe": lambda made, _: f"loopline unsubscribe {quote(made.name)}",
}
"""Commands whose result is no change → what takes them back, written from their result and arguments."""
