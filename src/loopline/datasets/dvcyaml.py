"""dvcyaml: what DVC's files say of data: `.dvc` files, and `dvc.lock` with the `dvc.yaml` beside it. Nothing is read here.

An *out* is a file or folder that DVC keeps: a path in the repository, and the hash of what is there. Paths have `/` and are
relative to the root of the repository. The files are YAML 1.2, so PyYAML is taught its rules: by those of 1.1 a file called
`on` would be true.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from loopline.datasets.dvcobjects import DIR, LEGACY, MD5, is_hash
from loopline.datasets.path import check_path
from loopline.errors import Invalid, Unavailable

OURS: Final = "loopline"
"""Under this name in an out's `meta` stands what DVC has no words for."""
MOST: Final = 1_000_000
"""Values of a file that refers to parts of itself, counted as if they were written out."""
_DEEPEST: Final = 100
"""Lists and mappings in each other that are read: PyYAML's reader in C dies of many."""
_INDENTED: Final = re.compile(rb"^[ \t?:-]{%d}" % (_DEEPEST // 2), re.MULTILINE)
"""What a file has that is deep and has few brackets. A column makes two levels at most."""
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_TEMPLATE: Final = re.compile(r"\$\{[^}]*\}")
_USER: Final = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of an out whose files stand in DVC's file itself."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Out:
    """One file or folder that DVC keeps."""

    path: str
    """From the root of the repository."""
    file: str
    """The `.dvc` file or `dvc.lock` that says it."""
    value: str = ""
    """The hash, with `.dir` behind it for a folder; empty where none is written down."""
    algorithm: str = MD5
    """`md5`, or `md5-dos2unix` where DVC 2 wrote it."""
    stage: str = ""
    """The stage that makes it."""
    files: tuple[Listed, ...] | None = None
    cached: bool = True
    """Whether DVC keeps its bytes; else Git does, or nobody."""
    executable: tuple[str, ...] | None = None
    """Which of its files their owner may execute; None: nobody has said."""
    remote: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is said of it: description, type, labels, meta, where it was imported from."""
    wrong: str = ""
    """Why it cannot be taken; empty where it can."""

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""
        return self.value.endswith(DIR) or self.files is not None

    @property
    def name(self) -> str:
        """Give the last part of its path."""
        return posixpath.basename(self.path)

    @property
    def key(self) -> tuple[str, str, object]:
        """Give what is equal where the content is."""
        return self.algorithm, self.value, self.files


def yaml_of(text: bytes, file: str) -> dict[str, Any]:
    """Read a file of DVC. Raise Invalid kind="bad-dvc-file", Unavailable kind="extra-missing"."""
    yaml, reader, _ = _yaml()
    try:
        plain = b"&" not in text and text.count(b"[") + text.count(b"{") < _DEEPEST and not _INDENTED.search(text)
        fit = plain or _expanded(yaml.parse(text, Loader=reader)) <= MOST
        found = yaml.load(text, Loader=reader) if fit else ()
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise _bad(file, f"is no YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    if not fit:
        raise _bad(file, f"is deeper than {_DEEPEST} lists, or longer than {MOST} values with what it refers to")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _bad(file, "holds no mapping")
    return found


def _expanded(events: Iterable[Any]) -> float:
    """Count the values of a file as if each alias were what it stands for: what is in itself is endless, as is what is deep.

    The reader could not stand either.
    """
    sizes, open_ones, total = dict[str, float](), list[tuple[str | None, float]](), 0.0
    for event in events:
        kind = type(event).__name__
        if kind == "AliasEvent":
            total += sizes.get(event.anchor, 0)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            open_ones.append((event.anchor, total))
            if event.anchor:
                sizes[event.anchor] = float("inf")
            total += 1
            if len(open_ones) > _DEEPEST:
                return float("inf")
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            anchor, before = open_ones.pop()
            if anchor:
                sizes[anchor] = total - before
        elif kind == "ScalarEvent":
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
    return total


def text_of(document: Mapping[str, Any]) -> str:
    """Write a file of DVC as DVC does: keys in their order, lists not indented."""
    yaml, _, writer = _yaml()
    text: str = yaml.dump(dict(document), Dumper=writer, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return text


def outs_of(text: bytes, file: str) -> list[Out]:
    """Read a `.dvc` file. Raise Invalid kind="bad-dvc-file"."""
    document = yaml_of(text, file)
    facts: dict[str, Any] = {key: _plain(document[key]) for key in ("desc", "meta") if key in document}
    if origin := [_origin(one) for one in _maps(document.get("deps"))]:
        facts["imported"] = origin
    wdir = document.get("wdir")
    base = posixpath.join(posixpath.dirname(file), wdir if isinstance(wdir, str) else ".")
    return [_out(one, base, file, facts=facts) for one in _maps(document.get("outs"), file)]


def locked_outs(lock: bytes, pipeline: bytes | None, file: str) -> list[Out]:
    """Read a `dvc.lock`, and how the stages in the `dvc.yaml` beside it keep what they make. Raise what `outs_of` raises."""
    document = yaml_of(lock, file)
    stages = document.get("stages") if document.get("schema") == "2.0" else document
    said = yaml_of(pipeline, posixpath.join(posixpath.dirname(file), "dvc.yaml")) if pipeline is not None else {}
    written = said.get("stages")
    found = []
    for name, stage in (stages if isinstance(stages, dict) else {}).items():
        if not isinstance(stage, dict):
            raise _bad(file, f"has a stage {name!r} that is no mapping")
        plan = _Stage(written if isinstance(written, dict) else {}, str(name))
        base = posixpath.join(posixpath.dirname(file), plan.wdir)
        for one in _maps(stage.get("outs"), file):
            kept = plan.flags(str(one.get("path", "")))
            found.append(_out({**kept, **one}, base, file, stage=str(name), wrong=plan.wrong))
    return found


class _Stage:
    """A stage as `dvc.yaml` has it, where templates are not filled in."""

    def __init__(self, stages: Mapping[str, Any], name: str) -> None:
        said = stages.get(name, stages.get(name.partition("@")[0]))
        said = said if isinstance(said, dict) else {}
        said = said["do"] if isinstance(said.get("do"), dict) else said
        wdir = said.get("wdir", ".")
        self.wdir = wdir if isinstance(wdir, str) else "."
        self.wrong = "its stage has a wdir with a template" if "${" in self.wdir else ""
        self._flags: list[tuple[list[str], dict[str, Any]]] = []
        lists = [said.get(part) for part in ("outs", "metrics", "plots")]
        for one in (one for some in lists if isinstance(some, list) for one in some):
            for path, flags in one.items() if isinstance(one, dict) else [(one, {})]:
                self._flags.append((_TEMPLATE.split(str(path)), flags if isinstance(flags, dict) else {}))

    def flags(self, path: str) -> dict[str, Any]:
        """Give what is said of an out."""
        found = next((flags for pieces, flags in self._flags if _fits(path, pieces)), {})
        return {key: found[key] for key in ("cache", "remote", "desc", "type", "labels", "meta") if key in found}


def _fits(path: str, pieces: list[str]) -> bool:
    """Tell whether a path is made of these pieces with something between each two. An expression could take for ever."""
    first, *middle = pieces
    if not middle:
        return path == first
    last, at = middle.pop(), len(first)
    if not path.startswith(first) or not path.endswith(last):
        return False
    for piece in middle:
        found = path.find(piece, at + 1)
        if found < 0:
            return False
        at = found + len(piece)
    return at < len(path) - len(last)


def _out(
    one: Mapping[str, Any], base: str, file: str, *, facts: Mapping[str, Any] | None = None, stage: str = "", wrong: str = ""
) -> Out:  # fmt: skip
    written = one.get("path")
    if not isinstance(written, str) or not written:
        raise _bad(file, "has an out without a path")
    value = str(one.get("md5") or "")
    path = posixpath.normpath(posixpath.join(base, written))
    if not wrong and (
        _ADDRESS.match(written) or posixpath.isabs(path) or path.startswith("../") or path in ("..", ".")
    ):
        path, wrong = written, "it lies outside of the repository"
    wrong = wrong or _unfit(path)
    files = _listed(one["files"], file) if isinstance(one.get("files"), list) else None
    if not wrong and not value and files is None:
        wrong = "no hash is written down: DVC has not made it yet, or knows it by another name than md5"
    if value and not is_hash(value):
        raise _bad(file, f"has a hash that is no md5: {value[:80]!r}")
    own = {key: _plain(one[key]) for key in ("desc", "type", "labels", "meta") if key in one}
    said = own["meta"].get(OURS) if isinstance(own.get("meta"), dict) else None
    marked = said.get("executable") if isinstance(said, dict) else None
    executable: tuple[str, ...] | None = tuple(map(str, marked)) if isinstance(marked, list) else None
    if one.get("isexec") is True:
        executable = (posixpath.basename(path),)
    return Out(
        path, file, value, MD5 if one.get("hash") == MD5 or files is not None else LEGACY, stage, files,
        cached=one.get("cache") is not False, executable=executable, remote=str(one.get("remote") or ""),
        facts={**(facts or {}), **own}, wrong=wrong,
    )  # fmt: skip


def _unfit(path: str) -> str:
    """Say why no tree has a path; nothing where one may."""
    try:
        check_path(path)
    except Invalid as error:
        return error.message
    return ""


def _listed(files: list[Any], file: str) -> tuple[Listed, ...]:
    found = []
    for one in _maps(files, file):
        value, path = str(one.get("md5") or ""), one.get("relpath")
        if not isinstance(path, str) or not is_hash(value) or value.endswith(DIR):
            raise _bad(file, "lists a file without its path and md5")
        found.append(Listed(path, value))
    return tuple(found)


def _origin(one: Mapping[str, Any]) -> dict[str, Any]:
    """Tell where something was imported from, without what may be secret in an address."""
    repo = one.get("repo")
    told: dict[str, Any] = {"path": bare(str(one.get("path", "")))}
    if isinstance(repo, dict):
        told |= {key: str(repo[key]) for key in ("rev", "rev_lock") if key in repo}
        told["url"] = bare(str(repo.get("url", "")))
    return told


def bare(address: str) -> str:
    """Give an address without user, password and query."""
    return _USER.sub("", address.partition("?")[0]) if _ADDRESS.match(address) else address


def _plain(value: Any) -> Any:
    """Give what somebody has written as JSON can hold it: of what it has no word for, its text."""
    match value:
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case None | bool() | str():
            return value
        case int() if abs(value) < 1 << 63:
            return value
        case float() if math.isfinite(value):
            return value
        case int():
            return hex(value)
        case _:
            return str(value)


def _maps(values: Any, file: str = "") -> Iterator[Mapping[str, Any]]:
    for one in values if isinstance(values, list) else ():
        if isinstance(one, dict):
            yield one
        elif file:
            raise _bad(file, "has an out that is no mapping")


def named_by(outs: Iterable[Out]) -> dict[str, Out]:
    """Give outs by path. Raise Invalid kind="bad-dvc-file" where two files say the same one."""
    found: dict[str, Out] = {}
    for one in outs:
        other = found.setdefault(one.path, one)
        if other is not one:
            raise _bad(one.file, f"says of {one.path} what {other.file} says, too")
    return found


def _bad(file: str, why: str) -> Invalid:
    return Invalid(f"{file} {why}", kind="bad-dvc-file", hint=f"look at it: git log -p -- {file}", path=file, why=why)


_CORE: Final = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)", list("-+.0123456789")),
    ("float", r"\.(nan|NaN|NAN)", ["."]),
    ("merge", "<<", ["<"]),
)
"""What YAML 1.2 calls its core schema, and merging, which DVC's reader knows besides: tag, pattern, first characters."""


@cache
def _yaml() -> tuple[Any, Any, Any]:
    """Give PyYAML, a reader by the rules of 1.2, and a writer that quotes what either version would take for no text."""
    try:
        import yaml
    except ImportError:
        raise Unavailable(
            "DVC's files need the extra 'dvc'", kind="extra-missing", hint="pip install 'loopline[dvc]'", extra="dvc"
        ) from None

    class Reader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Reads by the rules of 1.2."""

        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the class above has it

    class Writer(yaml.SafeDumper):  # type: ignore[misc]
        """Writes by the rules of 1.1, and of 1.2."""

    for tag, pattern, first in _CORE:
        for one in (Reader, Writer):
            one.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), first)
    Reader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _integer(node.value))
    return yaml, Reader, Writer


def _integer(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
