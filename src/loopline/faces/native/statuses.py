"""statuses: which errors an address can answer, from its class, what it takes and what it names.

A status of HTTP is documented where it can come, and nowhere else: whoever generates a client should not have to handle
what never happens. 405 is at no operation: it is the answer to a method that has none.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final, get_args

from loopline.access.roles import needed
from loopline.nouns.declaration import Declaration
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Hashed, Latest, Named, Numbered, Pointer, RefName
from loopline.nouns.run import Link

if TYPE_CHECKING:
    from loopline.faces.native.schema import Schema
    from loopline.verbs import Verb
    from loopline.verbs.usage import Usage

WRONG: Final = {
    "400": "The request makes no sense as it stands.",
    "401": "Nobody has signed in.",
    "403": "A rule or a permission says no, or another site has sent it.",
    "404": "Nothing has that name.",
    "409": "Somebody was faster, the state forbids it, the same key was used for another request, or an id means several things.",
    "413": "The body is too large.",
    "415": "The body is of another type.",
    "416": "The blob has no such bytes.",
    "429": "Too many tries to get in; Retry-After says when to try again.",
    "500": "A defect; its id is in the server's log.",
    "503": "Something that is needed does not answer; Retry-After says when to try again.",
    "507": "The server's disk is full.",
}
EVERY: Final = ("400", "401", "500", "503")
"""What any address can answer: the way in asks for a Host and a token, and has a database behind it."""
_NAMES: Final = frozenset({AssetName, RefName, Pointer, Numbered, Hashed, Named, Latest, Digest, Link, Declaration})
"""Types whose values name what must be there."""
_IDS: Final = frozenset({
    "alert",
    "caused_by",
    "change",
    "incident",
    "parent",
    "resume",
    "run",
    "runs",
    "task",
    "token",
})
"""Parameters that take the first digits of an id, which may mean several."""
_BY_ID: Final = frozenset({"show", "why", "impact", "delete", "rollouts"})
"""Verbs whose `what` may be an id, too."""
_BY_WORD: Final = frozenset({"grant", "redeliver", "unsubscribe"})
"""Verbs whose `name` or `who` must be there: elsewhere these are new."""
_NAMED: Final = frozenset({"trigger"})
"""Parameters whose word must be there."""
_FILTERS: Final = frozenset({"find"})
"""Verbs whose `what` is a kind of things, and no name."""


def of_verb(verb: Verb, usage: Usage) -> tuple[str, ...]:
    """Give what a verb's address can answer beside success."""
    found = set(EVERY)
    if not (verb.cls == "read" and needed(verb) is None):
        found.add("403")
    names = {param.name for param in usage.params}
    if names & _IDS or verb.name in _BY_ID:
        found |= {"404", "409"}
    named = verb.name in _BY_WORD or bool(names & _NAMED) or ("what" in names and verb.name not in _FILTERS)
    if named or any(_names(param.type) for param in usage.params):
        found.add("404")
    if verb.cls != "read":
        found |= {"409", "413", "415", "507"}  # a key, a body, and a row that is written
    return tuple(sorted(found))


def of_other(operation: Schema, also: tuple[str, ...]) -> tuple[str, ...]:
    """Give what an address that is no verb can answer: `also`, and what follows from its body and its header fields."""
    found = {*EVERY, *also}
    content = operation.get("requestBody", {}).get("content", {})
    if operation["operationId"] != "openapi":  # whoever is let in at all may read that
        found.add("403")
    fields = {one.get("name") for one in operation["parameters"]}
    if (
        content and "application/x-www-form-urlencoded" not in content
    ):  # a form that is too large is read as an empty one
        found.add("413")
        if "application/octet-stream" not in content:
            found.add("415")
    if "Range" in fields:
        found.add("416")
    if "Upload-Offset" in fields:
        found.add("409")
    return tuple(sorted(found))


def _names(kind: Any) -> bool:
    """Tell whether a type is one that names something, or is made of one."""
    return kind in _NAMES or any(_names(part) for part in get_args(kind) if isinstance(part, Hashable))
