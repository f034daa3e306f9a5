"""translate: one call of a tool, from its arguments to what an assistant reads. Nothing here knows the protocol's library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.errors import Invalid
from loopline.faces.mcp.errors import failed
from loopline.faces.mcp.fitting import fit
from loopline.faces.mcp.offer import BY_NAME, schemed
from loopline.faces.mcp.telling import told
from loopline.faces.mcp.wire import held
from loopline.faces.problem import expected

if TYPE_CHECKING:
    from loopline.faces.mcp.asking import Asking

HEADLINE: Final = 1_000
"""Characters of an answer's first line."""


class Outcome(NamedTuple):
    """What a call came to."""

    content: dict[str, Any]
    """Structured, as the tool's output schema describes it; of an error, that error."""
    text: str
    failed: bool = False


def answered(ask: Asking, name: str, arguments: Mapping[str, Any]) -> Outcome:
    """Carry out a call of a tool that there is. Nothing is raised: what goes wrong is an answer, and nobody's traceback."""
    tool = BY_NAME[name]
    try:
        held(name, schemed(name).takes, arguments)
        found = tool.do(ask, {key: one for key, one in arguments.items() if one is not None})
        value, left = fit(found.value)
        left = (*found.left, *left)
    except BaseException as error:  # noqa: BLE001 (a defect, or code that wants to end the process, is an answer with an id in the log)
        return Outcome(*failed(expected(error, about=name), project=ask.project), failed=True)
    more = found.more if left or found.next else None
    content = {"result": value, "next": found.next, "left_out": [one._asdict() for one in left], "more": more or None}
    headline, _ = fit(found.headline, limit=HEADLINE)
    text = told(headline, value)
    if left:
        text += f"\n{len(left)} parts are not there in full (left_out). {found.more}"
    elif found.next:
        text += f"\nThere is more: ask again with after = {found.next}"
    return Outcome(content, text)


def unknown(name: str) -> Invalid:
    """Say that there is no such tool, with the nearest one."""
    from difflib import get_close_matches

    close = get_close_matches(name[:100], BY_NAME, n=1)
    hint = f"did you mean {close[0]}?" if close else "tools/list names those that there are"
    return Invalid(f"there is no tool {name[:100]!r}", kind="unknown-tool", hint=hint, tool=name[:100])
