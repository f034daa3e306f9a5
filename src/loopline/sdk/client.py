"""client: one way to ask a verb, wherever the loop is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from loopline.errors import Invalid, LooplineError
from loopline.loop import Loop
from loopline.nouns.actor import parse_actor
from loopline.nouns.progress import Report
from loopline.store.blobs import Blobs
from loopline.verbs.usage import Param, Usage, usage_of

P = ParamSpec("P")
T = TypeVar("T")


class Client(Protocol):
    """Asks verbs. Any thread may use it; after a fork the child makes its own."""

    @property
    def project(self) -> str:
        """The project that names without one belong to."""

    @property
    def blobs(self) -> Blobs:
        """Where bytes go that a verb is told the digest of."""

    @property
    def work(self) -> Path:
        """A folder of this machine for caches and scratch files; nothing in it is a record."""

    @property
    def cache_limit(self) -> int:
        """Bytes that the copies of one kind in `work` may have, about."""

    @property
    def report(self) -> Report:
        """Told how far long work has come."""

    @overload
    def do(self, verb: Callable[Concatenate[Loop, P], T], /, *args: P.args, **asked: P.kwargs) -> T: ...
    @overload
    def do(self, verb: str, /, *args: Any, **asked: Any) -> Any: ...

    def within(self, project: str, actor: str) -> Client:
        """Give the same loop as it is seen from another project, asked by another actor."""

    def explain(self, error: LooplineError) -> None:
        """Let an error about lost bytes, read from `blobs`, name the versions and refs that it touches."""

    def close(self) -> None:
        """Let go of what is open."""


class Local:
    """Asks the embedded loop in this process."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop

    @property
    def project(self) -> str:
        """The project that names without one belong to."""
        return self.loop.project

    @property
    def blobs(self) -> Blobs:
        """Where bytes go that a verb is told the digest of."""
        return self.loop.blobs

    @property
    def work(self) -> Path:
        """A folder of this machine for caches and scratch files; nothing in it is a record."""
        return self.loop.work

    @property
    def cache_limit(self) -> int:
        """Bytes that the copies of one kind in `work` may have, about."""
        return self.loop.cache_limit

    @property
    def report(self) -> Report:
        """Told how far long work has come."""
        return self.loop.report

    @overload
    def do(self, verb: Callable[Concatenate[Loop, P], T], /, *args: P.args, **asked: P.kwargs) -> T: ...
    @overload
    def do(self, verb: str, /, *args: Any, **asked: Any) -> Any: ...

    def do(self, verb: Any, /, *args: Any, **asked: Any) -> Any:
        """Ask a verb, given as function or by name. Names may be written as on the command line: `"model/delay@champion"`.

        Raise what the verb raises; Invalid for a word that cannot be read.
        """
        function = function_of(verb)
        usage = usage_for(function)
        words = [one for one in usage.params if one.positional]
        args = tuple(typed(words[at], one, self.project) if at < len(words) else one for at, one in enumerate(args))
        named = {}
        for name, one in asked.items():
            param = usage.find(name)
            named[name] = one if param is None or param.name != name else typed(param, one, self.project)
        try:
            return function(self.loop, *args, **named)
        except LooplineError as error:
            self.explain(error)
            raise

    def explain(self, error: LooplineError) -> None:
        """Let an error about lost bytes name what it touches."""
        from loopline.verbs.lacking import name_touched

        name_touched(self.loop, error)

    def within(self, project: str, actor: str) -> Local:
        """Give the same loop as it is seen from another project, asked by another actor."""
        if (project, actor) == (self.project, str(self.loop.actor)):
            return self
        return Local(replace(self.loop, project=project, actor=parse_actor(actor)))

    def close(self) -> None:
        """Let go of the ledger."""
        self.loop.ledger.close()


@cache
def usage_for(function: Callable[..., Any]) -> Usage:
    """Give the usage of a verb; a signature is read once in a process."""
    return usage_of(function)


def function_of(verb: Callable[..., Any] | str) -> Callable[..., Any]:
    """Give the verb of a name, or the function itself. Raise Invalid kind="unknown-verb"."""
    return _named(verb) if isinstance(verb, str) else verb


def typed(param: Param, value: Any, project: str) -> Any:
    """Read a name that is written as on the command line; anything else stays as it is."""
    if not isinstance(value, str) or param.shape != "one" or param.type is str:
        return value
    return param.parse(value, project)


def _named(name: str) -> Callable[..., Any]:
    from loopline.verbs import BY_NAME, load

    name = name.replace("-", "_")
    if name not in BY_NAME:
        from difflib import get_close_matches

        close = get_close_matches(name, BY_NAME, n=1)
        hint = f"did you mean {close[0]}?" if close else f"verbs are {', '.join(BY_NAME)}"
        raise Invalid(f"there is no verb {name!r}", kind="unknown-verb", hint=hint, verb=name)
    return load(name)
