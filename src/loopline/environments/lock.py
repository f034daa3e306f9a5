"""lock: an environment as a value. Equal environments give equal bytes, on any machine that has them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from loopline.errors import Invalid
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.event import canonical

FORMAT: Final = 1
Source = Literal["registry", "editable", "folder", "vcs", "archive"]
"""Where it was installed from. `folder` and `editable` come from a path of one machine: their version says little."""


@dataclass(frozen=True, slots=True, order=True)
class Distribution:
    """One installed distribution."""

    name: str
    """Normalised as in PEP 503."""
    version: str
    source: Source = "registry"
    reference: str = ""
    """For `vcs`: `git+https://…@commit`; for `archive`: its address where it has one. No credentials, no local paths."""
    project: bool = False
    """Whether this is the user's project itself: its code is pinned by the source tree, not here."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What was installed where a run ran."""

    python: str
    """`3.11.7`."""
    implementation: str
    """`cpython`."""
    platform: str
    """`linux-x86_64`, `macosx-14.0-arm64`: sysconfig's name."""
    distributions: tuple[Distribution, ...]
    """Sorted by name."""
    files: Mapping[str, Digest] = field(default_factory=dict)
    """Digests of the project's own `uv.lock`, `requirements.txt`, … where it has them."""

    def find(self, name: str) -> Distribution | None:
        """Look a distribution up, however its name is written."""
        wanted = normalise(name)
        return next((one for one in self.distributions if one.name == wanted), None)


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of one thing between two locks: old None is added, new None is removed."""

    name: str
    """A distribution's name, or `python`, `implementation`, `platform`."""
    old: str | None
    new: str | None

    @property
    def word(self) -> str:
        """Say it for people and wires."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


def normalise(name: str) -> str:
    """Give the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def encode(lock: Lock) -> bytes:
    """Write canonical JSON: the bytes of the artifact (nouns.artifact.ENVIRONMENT)."""
    import msgspec

    return canonical({"format": FORMAT, **msgspec.to_builtins(lock)})


def digest(lock: Lock) -> Digest:
    """Name the environment."""
    return digest_of(encode(lock))


def parse(data: bytes) -> Lock:
    """Take what `encode` gave. Raise Invalid kind="bad-lock"."""
    import msgspec

    try:
        value = json.loads(data)
        if value.pop("format") != FORMAT:
            raise Invalid("the environment lock has a newer format", kind="bad-lock", hint="upgrade loopline")
        return msgspec.convert(value, Lock)
    except Invalid:
        raise
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Invalid(f"this is no environment lock: {error}", kind="bad-lock", hint="fetch it again") from error


def difference(old: Lock, new: Lock) -> tuple[Changed, ...]:
    """List what differs: the interpreter first, then distributions by name. Empty: the same environment."""
    found = [
        Changed(word, getattr(old, word), getattr(new, word))
        for word in ("python", "implementation", "platform")
        if getattr(old, word) != getattr(new, word)
    ]
    before, after = ({one.name: one for one in lock.distributions} for lock in (old, new))
    for name in sorted({*before, *after}):
        was, now = before.get(name), after.get(name)
        if was is None or now is None or _key(was) != _key(now):
            found.append(Changed(name, written(was) if was else None, written(now) if now else None))
    return tuple(found)


def written(one: Distribution) -> str:
    """Write a version for people: `1.2`, `1.2 (editable)`, `1.2 (git+https://…@9f3c)`."""
    if one.source == "registry":
        return one.version
    return f"{one.version} ({one.reference or one.source})"


def _key(one: Distribution) -> tuple[str, str, str]:
    return (one.version, one.source, one.reference)
