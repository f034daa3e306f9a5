"""asked: what a page has asked of the loop, as a command to copy and as an address that gives JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode

from loopline.verbs import BY_NAME, load
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
        if BY_NAME[self.verb].cls != "read":
            return ""
        pairs = [("project", project), *((param.name, text) for param, text in self._texts())]
        return f"/api/v1/{self.verb}?{urlencode(pairs, quote_via=quote)}"

    def _typed(self) -> Iterator[str]:
        """Give the words behind the verb: places first, as people type; behind the flags where one looks like a flag.

        A place whose value is left out is filled where a later one is not.
        """
        places = [param for param in usage_of(load(self.verb)).params if param.positional]
        while places and not _given(places[-1], self.words):
            places.pop()
        placed = [text for param in places for text in _written(param, self.words.get(param.name, param.default))]
        odd = any(text.startswith("-") for text in placed)
        if not odd:
            yield from placed
        for param, text in self._texts():
            if param.positional:
                continue
            if param.shape == "switch":
                yield f"--{param.written}"
            elif text.startswith("-"):
                yield f"--{_single(param)}={text}"
            else:
                yield from (f"--{_single(param)}", text)
        if odd:
            yield from ("--", *placed)

    def _texts(self) -> Iterator[tuple[Param, str]]:
        """Give each value that is not as it is by default, as text, in the order of the signature."""
        for param in usage_of(load(self.verb)).params:
            if _given(param, self.words):
                yield from ((param, text) for text in _written(param, self.words[param.name]))


def _given(param: Param, words: Mapping[str, Any]) -> bool:
    return param.name in words and (param.required or words[param.name] != param.default)


def _written(param: Param, value: Any) -> Iterator[str]:
    value = plain(value)
    if param.shape == "pairs":
        yield from (f"{key}={one}" for key, one in value.items())
    elif param.shape == "many":
        yield from map(str, value)
    elif param.shape == "switch":
        yield "true" if value else "false"
    else:
        yield str(value.value if isinstance(value, Enum) else value)


def _quoted(text: str) -> str:
    """Quote a word for a shell; one with `'` in it by `"` where that needs no further signs (POSIX.1-2024 XCU 2.2.3)."""
    if "'" in text and not any(sign in text for sign in '"$`\\!\n'):
        return f'"{text}"'
    return shlex.quote(text)


def _single(param: Param) -> str:
    """Write a repeatable flag in the singular, as people type it: `--param holdout=7`."""
    return param.written.removesuffix("s") if param.shape in ("many", "pairs") else param.written
