"""asked: what a page has asked of the loop, as a command to copy and as an address that gives JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode

from loopline.verbs import VERBS, Verb, load
from loopline.verbs.plain import plain
from loopline.verbs.usage import Param, usage_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One verb and its words. What is as it is by default is left out where it is written."""

    verb: str
    words: Mapping[str, Any] = field(default_factory=dict)

    def command(self, project: str = "") -> str:
        """Write it as typed in a terminal; `project` is named where it is given."""
        options = [f"--project={project}"] if project else []
        return " ".join(_quoted(one) for one in ["loopline", *options, self.verb.replace("_", "-"), *self._typed()])

    def json(self, project: str) -> str:
        """Give the address under `/api/v1/` that answers the same in JSON; empty where the verb is no read."""
        if verb_named(self.verb).cls != "read":
            return ""
        pairs = [("project", project), *((param.name, text) for param, text in self._texts())]
        return f"/api/v1/{self.verb}?{urlencode(pairs, quote_via=quote)}"

    def _typed(self) -> Iterator[str]:
        texts = list(self._texts())
        placed = [text for param, text in texts if param.positional]
        for param, text in texts:
            if param.positional:
                continue
            if param.shape == "switch":
                yield f"--{param.written}"
            else:
                yield from (f"--{_single(param)}", text)
        if any(text.startswith("-") for text in placed):
            yield "--"
        yield from placed

    def _texts(self) -> Iterator[tuple[Param, str]]:
        """Give each value as text, in the order of the signature."""
        for param in usage_of(load(self.verb)).params:
            value = self.words.get(param.name, param.default)
            if value == param.default and not param.required:
                continue
            value = plain(value)
            if param.shape == "pairs":
                yield from ((param, f"{key}={one}") for key, one in value.items())
            elif param.shape == "many":
                yield from ((param, str(one)) for one in value)
            elif param.shape == "switch":
                yield param, "true" if value else "false"
            else:
                yield param, str(value.value if isinstance(value, Enum) else value)


def verb_named(name: str) -> Verb:
    """Look a verb up in the table."""
    return next(one for one in VERBS if one.name == name)


def _quoted(text: str) -> str:
    """Quote a word for a shell; one with `'` in it by `"` where that needs no further signs (POSIX.1-2024 XCU 2.2.3)."""
    if "'" in text and not any(sign in text for sign in '"$`\\!\n'):
        return f'"{text}"'
    return shlex.quote(text)


def _single(param: Param) -> str:
    """Write a repeatable flag in the singular, as people type it: `--param holdout=7`."""
    return param.written.removesuffix("s") if param.shape in ("many", "pairs") else param.written
