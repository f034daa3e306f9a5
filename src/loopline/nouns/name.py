"""name: how things are called, parsed once at the edge and trusted inside.

`project:kind/name@rev`, where the project and the revision may be left out. Storage takes any name; the written form
percent-encodes what the grammar reserves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from loopline.errors import Invalid
from loopline.nouns.digest import is_digest_prefix

KINDS: Final = ("code", "data", "model", "env", "image", "service", "pipeline", "policy", "report")
_PLAIN = re.compile(r"[A-Za-z0-9/+=,!~_.-]*\Z")
"""Names that are written as they are; importing urllib costs a read command 4 ms, so only the others pay for it."""
_PROJECT = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")
MAX_NAME: Final = 500


@dataclass(frozen=True, slots=True, order=True)
class AssetName:
    """A name whose artifacts form a history of versions."""

    project: str
    kind: str
    name: str

    def __str__(self) -> str:
        """Write it as inside its project: `data/flights`."""
        return f"{self.kind}/{_quote(self.name)}"

    @property
    def key(self) -> str:
        """Write it with its project: `flights:data/flights`."""
        return f"{self.project}:{self}"

    def within(self, project: str) -> str:
        """Write it as inside a project: another one's with its own."""
        return str(self) if self.project == project else self.key


@dataclass(frozen=True, slots=True, order=True)
class RefName:
    """A mutable name of an asset."""

    asset: AssetName
    ref: str

    def __str__(self) -> str:
        """Write it as inside its project: `model/delay@champion`."""
        text = _quote(self.ref)
        return f"{self.asset}@{'ref:' if _looks_reserved(self.ref) else ''}{text}"

    @property
    def key(self) -> str:
        """Write it with its project: `flights:model/delay@champion`."""
        return f"{self.asset.project}:{self}"


@dataclass(frozen=True, slots=True)
class Numbered:
    """`@7`: the version with that number."""

    number: int


@dataclass(frozen=True, slots=True)
class Hashed:
    """`@sha256:…`: the newest version whose digest starts so."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Named:
    """`@main`: where that ref points now."""

    ref: str


@dataclass(frozen=True, slots=True)
class Latest:
    """`@latest`: the highest version that is neither quarantined nor deleted. Computed, never a ref."""


Revision = Numbered | Hashed | Named | Latest


@dataclass(frozen=True, slots=True)
class Pointer:
    """One version of an asset, as somebody wrote it."""

    asset: AssetName
    revision: Revision

    def __str__(self) -> str:
        """Write it as inside its project."""
        match self.revision:
            case Numbered(number):
                return f"{self.asset}@{number}"
            case Hashed(prefix):
                return f"{self.asset}@{prefix}"
            case Named(ref):
                return str(RefName(self.asset, ref))
            case Latest():
                return f"{self.asset}@latest"


def parse_project(text: str) -> str:
    """Take a project's name: lower-case letters, digits, `.`, `_`, `-`, at most 100. Raise Invalid."""
    if not _PROJECT.match(text):
        raise Invalid(
            f"{text!r} cannot name a project",
            kind="bad-project",
            hint="use lower-case letters, digits, '.', '_' and '-', starting with a letter or digit",
            text=text,
        )
    return text


def parse_asset(text: str, *, project: str) -> AssetName:
    """Take `kind/name` or `project:kind/name`. Raise Invalid, naming the rule that was broken."""
    if "@" in text:
        raise Invalid(f"{text!r} names a version, not an asset", kind="bad-asset", hint="leave out '@…'", text=text)
    head, colon, rest = text.partition(":")
    if colon and "/" not in head:
        project, text = parse_project(head), rest
    kind, slash, name = text.partition("/")
    if not slash or not name:
        raise Invalid(
            f"{text!r} is not kind/name",
            kind="bad-asset",
            hint="write for example data/flights or model/delay",
            text=text,
        )
    if kind not in KINDS:
        raise Invalid(
            f"{kind!r} is not a kind of asset",
            kind="bad-kind",
            hint=f"kinds are {', '.join(KINDS)}",
            text=text,
            word=kind,
        )
    return AssetName(project, kind, _unquote(name, text))


def parse_ref(text: str, *, project: str) -> RefName:
    """Take `kind/name@ref`; data without `@` means `@main`. Raise Invalid for numbers, digests and `latest`."""
    pointer = parse_pointer(text, project=project)
    match pointer.revision:
        case Named(ref):
            return RefName(pointer.asset, ref)
        case _:
            raise Invalid(
                f"{text!r} is a version, not a ref",
                kind="not-a-ref",
                hint="name a ref such as @champion or @prod (a ref that looks like a number is written @ref:16)",
                text=text,
            )


def parse_pointer(text: str, *, project: str) -> Pointer:
    """Take `kind/name[@rev]`. Without `@`: data means `@main`, everything else `@latest`. Raise Invalid."""
    head, at, rev = text.partition("@")
    asset = parse_asset(head, project=project)
    if not at:
        return Pointer(asset, Named("main") if asset.kind == "data" else Latest())
    return Pointer(asset, parse_revision(rev, whole=text))


def parse_revision(rev: str, *, whole: str = "") -> Revision:
    """Take what stands behind `@`."""
    if rev.startswith("ref:"):
        return Named(_unquote(rev[4:], whole or rev))
    if rev == "latest":
        return Latest()
    if rev.isascii() and rev.isdigit():
        if len(rev) > 18:
            raise Invalid(
                f"no version has a number of {len(rev)} digits", kind="bad-revision",
                hint="write a version's number (a ref that looks like a number is written @ref:16)", text=(whole or rev)[:200],
            )  # fmt: skip
        return Numbered(int(rev))
    if rev.startswith("sha256:"):
        if not is_digest_prefix(rev):
            raise Invalid(
                f"{rev!r} is no digest",
                kind="bad-digest",
                hint="write sha256: and at least 12 hex digits",
                text=whole or rev,
            )
        return Hashed(rev)
    return Named(_unquote(rev, whole or rev))


def _looks_reserved(ref: str) -> bool:
    return (ref.isascii() and ref.isdigit()) or ref == "latest" or ref.startswith(("sha256:", "ref:"))


def _quote(name: str) -> str:
    if _PLAIN.match(name):
        return name
    from urllib.parse import quote

    return quote(name, safe="/+=,!~-_.")


def _unquote(written: str, whole: str) -> str:
    name = written
    if "%" in written:
        from urllib.parse import unquote

        name = unquote(written, errors="surrogateescape")
    if not name or len(name) > MAX_NAME or "\x00" in name or any(0xDC80 <= ord(c) <= 0xDCFF for c in name):
        raise Invalid(
            f"{whole!r} has an empty, overlong or undecodable name",
            kind="bad-name",
            hint=f"use 1 to {MAX_NAME} characters of UTF-8",
            text=whole,
        )
    return name
