"""errors: what went wrong, as a tool says it: kind, hint and facts, for the assistant to read and go on from."""

from __future__ import annotations

from typing import Any, Final

from loopline.errors import LooplineError
from loopline.faces.mcp.fitting import fit
from loopline.faces.mcp.telling import quoted
from loopline.faces.problem import problem_of

ROOM: Final = 4_000
"""Characters of facts."""


def failed(error: LooplineError, *, project: str) -> tuple[dict[str, Any], str]:
    """Give an error as structured content and as text. The class says what to do next, the kind is a word for programs."""
    problem = problem_of(error, project=project)
    facts, _ = fit(problem["facts"], limit=ROOM)
    said, _ = fit(
        {"class": problem["title"], "message": problem["detail"], "kind": error.kind, "hint": error.hint}, limit=ROOM
    )
    where = f" in {quoted(str(error.facts['parameter']))}" if "parameter" in error.facts else ""
    lines = [f"{said['class']} ({said['kind']}){where}: {quoted(' '.join(said['message'].split()))}"]
    if error.hint:
        then = "Next, in a terminal" if "loopline " in error.hint else "Next"
        lines.append(f"{then}: {quoted(said['hint'])}")
    return {"error": {**said, "facts": facts or {}}}, "\n".join(lines)
