"""scopes: what a token may be used for, written `VERBS:PROJECT:ASSETS`.

`read` · `read,log:flights` · `promote:flights:model/*`. What is left out is everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid
from loopline.nouns.name import parse_project
from loopline.nouns.token import Scope

if TYPE_CHECKING:
    from loopline.access.asked import Asked

CLASSES: Final = ("read", "write", "work")
_VERB: Final = re.compile(r"[a-z][a-z_]*\Z")
_ASSETS: Final = re.compile(r"[!-~]{1,200}\Z")


def parse_scope(text: str) -> Scope:
    """Read a scope. Raise Invalid kind="bad-scope"."""
    parts = text.split(":", 2)
    verbs = tuple(sorted({word.strip().replace("-", "_") for word in parts[0].split(",") if word.strip()})) or ("*",)
    project = parts[1] if len(parts) > 1 and parts[1] else "*"
    assets = parts[2] if len(parts) > 2 and parts[2] else "*"
    wrong = [verb for verb in verbs if verb != "*" and not _VERB.match(verb)]
    if wrong or not _ASSETS.match(assets):
        raise Invalid(
            f"{text[:200]!r} is no scope", kind="bad-scope", hint="write VERBS:PROJECT:ASSETS, as in read,log:flights:model/*",
            text=text[:200],
        )  # fmt: skip
    return Scope(verbs, project if project == "*" else parse_project(project), assets)


def write_scope(scope: Scope) -> str:
    """Write a scope as people write it."""
    parts = [",".join(scope.verbs), scope.project, scope.assets]
    while len(parts) > 1 and parts[-1] == "*":
        parts.pop()
    return ":".join(parts)


def covers(scope: Scope, verb: Asked, *, project: str, assets: Iterable[str] = ()) -> bool:
    """Tell whether a scope lets a verb be asked of these assets (`kind/name`) of a project.

    A scope for some assets lets nothing through that names none: what a request touches must be known.
    """
    if not {"*", verb.name, verb.cls} & set(scope.verbs) or scope.project not in ("*", project):
        return False
    if scope.assets == "*":
        return True
    named = list(assets)
    return bool(named) and all(fnmatchcase(one, scope.assets) for one in named)


def narrower(scope: Scope, own: Scope, *, classes: Iterable[tuple[str, str]]) -> bool:
    """Tell whether `scope` lets nothing through that `own` does not. `classes` are the verbs that there are, with their class."""
    known = dict(classes)
    verbs = all(
        verb in own.verbs or "*" in own.verbs or (verb != "*" and known.get(verb) in own.verbs) for verb in scope.verbs
    )
    return verbs and own.project in ("*", scope.project) and own.assets in ("*", scope.assets)
