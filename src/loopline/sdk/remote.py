"""remote: asks a loop that a server keeps, so that the caller cannot tell where it is."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar, overload

from loopline.errors import Invalid, LooplineError, Unavailable
from loopline.loop import Loop, silent
from loopline.nouns.progress import Report
from loopline.sdk.client import function_of, typed, usage_for
from loopline.sdk.following import follow
from loopline.sdk.wire import JSON, Answer, Pace, Wire, encoded
from loopline.store.blobs import Blobs
from loopline.verbs.annotations import fields_of
from loopline.verbs.plain import plain, restore
from loopline.verbs.usage import Usage

P = ParamSpec("P")
T = TypeVar("T")

PREFIX: Final = "/api/v1"
CACHE: Final = 10 << 30


class Remote:
    """Asks the loop behind `url`. Any thread may use it; after a fork the child opens connections of its own.

    What a verb raises there is raised here. Unavailable kind="server-unreachable" where nobody answers; a write that may
    have been heard is sent again under the key of its first try, so it happens once.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        project: str = "default",
        actor: str = "",
        *,
        work: Path,
        dry: bool = False,
        report: Report = silent,
        cache_limit: int = CACHE,
        pace: Pace | None = None,
    ) -> None:
        self.wire = Wire(url, token, pace=pace)
        self._project = project
        self._actor = actor
        self._work = work
        self._dry = dry
        self._report = report
        self._blobs: Blobs | None = None
        self._cache_limit = cache_limit

    @property
    def project(self) -> str:
        """The project that names without one belong to."""
        return self._project

    @property
    def actor(self) -> str:
        """Who asks, as far as a server takes somebody's word for it: one that asks for no token."""
        return self._actor

    @property
    def work(self) -> Path:
        """A folder of this machine for caches and scratch files."""
        return self._work

    @property
    def cache_limit(self) -> int:
        """Bytes that the copies of one kind in `work` may have, about; the least used of them go first."""
        return self._cache_limit

    @property
    def report(self) -> Report:
        """Told how far long work and transfers have come."""
        return self._report

    @property
    def blobs(self) -> Blobs:
        """The server's blobs, as far as the project holds them, with copies of what was read or written here."""
        if self._blobs is None:
            from loopline.sdk.transfer import RemoteBlobs
            from loopline.store.cached import Cached

            far = RemoteBlobs(self.wire, self._project, report=self._report)
            self._blobs = Cached(far, self._work / "remote", limit=self._cache_limit)
        return self._blobs

    @overload
    def do(self, verb: Callable[Concatenate[Loop, P], T], /, *args: P.args, **asked: P.kwargs) -> T: ...
    @overload
    def do(self, verb: str, /, *args: Any, **asked: Any) -> Any: ...

    def do(self, verb: Any, /, *args: Any, **asked: Any) -> Any:
        """Ask a verb, given as function or by name. Names may be written as on the command line: `"model/delay@champion"`.

        Work is watched until it ends; Ctrl-C asks the server to stop it.
        """
        usage = usage_for(function_of(verb))
        words = words_of(usage, args, asked, self._project)
        path = f"{PREFIX}/{usage.name}"
        where = [("project", self._project)]
        match class_of(usage.name):
            case "read":
                answer = self.wire.ask("GET", path, query=[*where, *pairs_of(words)], headers=self.headers())
            case "write":
                answer = self.wire.ask("POST", path, query=where, body=encoded(words), headers=self.headers(body=True))
            case _:
                answer = self.wire.ask("POST", path, query=where, body=encoded(words), headers=self.headers(body=True))
                task = self.member(answer, "task")
                return self.restored(usage, follow(self, task))
        return self.restored(usage, self.member(answer, "result"))

    def within(self, project: str, actor: str) -> Remote:
        """Give the same loop as it is seen from another project, asked by another actor."""
        if (project, actor) == (self._project, self._actor):
            return self
        return self._changed(_project=project, _actor=actor, _blobs=None if project != self._project else self._blobs)

    def paced(self, pace: Pace) -> Remote:
        """Give the same with another patience."""
        return self._changed(wire=self.wire.paced(pace), _blobs=None)

    def explain(self, error: LooplineError) -> None:
        """Leave an error as it is: the server has said what it knows."""

    def close(self) -> None:
        """Close idle connections."""
        self.wire.close()

    def headers(self, *, body: bool = False) -> dict[str, str]:
        """Give the header fields of a request; one that writes gets a key of its own, for all of its tries."""
        found = {"Loopline-Actor": self._actor} if self._actor and not self.wire.signed else {}
        if body:
            found |= {"Content-Type": JSON, "Idempotency-Key": os.urandom(16).hex()}
            if self._dry:
                found["Loopline-Dry-Run"] = "true"
        return found

    def member(self, answer: Answer, name: str) -> Any:
        """Take a member of an answer. Raise Unavailable where it is no answer of ours."""
        said = answer.json
        if not isinstance(said, Mapping) or name not in said:
            raise self.wire.stranger(answer)
        return said[name]

    def restored(self, usage: Usage, result: Any) -> Any:
        """Make nouns of what a verb gave, in plain form."""
        try:
            return restore(usage.returns, result, project=self._project)
        except Invalid as error:
            from loopline import __version__

            raise Unavailable(
                f"the answer of {self.wire.url} to {usage.name} cannot be read: {error.message}", kind="other-version",
                hint="have the same version here and there: loopline doctor", url=self.wire.url, version=__version__,
            ) from error  # fmt: skip

    def _changed(self, **fields: Any) -> Remote:
        other = copy.copy(self)
        for name, value in fields.items():
            setattr(other, name, value)
        return other


@cache
def class_of(name: str) -> Literal["read", "write", "work", "local"]:
    """Look up how a verb is asked."""
    from loopline.verbs import BY_NAME

    found = BY_NAME.get(name)
    if found is None:
        raise Invalid(f"{name} is no verb", kind="unknown-verb", hint="ask one of loopline.verbs", verb=name)
    return found.cls


def learn() -> None:
    """Read the signatures of the verbs that ship a run, with all that they mention."""
    for name in ("start", "log", "finish", "put", "get"):
        returns = usage_for(function_of(name)).returns
        if hasattr(returns, "__dataclass_fields__"):
            fields_of(returns)


def words_of(usage: Usage, args: tuple[Any, ...], asked: Mapping[str, Any], project: str) -> dict[str, Any]:
    """Give what a verb is asked in plain form, by name. Raise TypeError as a call does, Invalid for a bad name."""
    bound = signature(usage.function).bind(None, *args, **asked).arguments
    words = {}
    for param in usage.params:
        if param.name in bound:
            words[param.name] = plain(typed(param, bound[param.name], project), project=project)
    return words


def pairs_of(words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Write plain values as a query: lists repeat the name, mappings repeat it with KEY=VALUE, None is left out."""
    for name, value in words.items():
        if isinstance(value, Mapping):
            yield from ((name, f"{key}={_text(one)}") for key, one in value.items())
        elif isinstance(value, list):
            yield from ((name, _text(one)) for one in value)
        elif value is not None:
            yield name, _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
