"""usage: what a verb takes, read from its signature.

Parameters before `*` are words in order, the others go by name. The first parameter is the loop (or, for a local command,
the place) and is nobody's business; one of type `Report` is given by whoever can draw progress. In `Annotated[…]` a text
is help, a text such as `-m` a short flag, and a function reads the written form instead of the type's own reader.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from loopline.errors import Invalid
from loopline.nouns.actor import Actor, parse_actor
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, Hashed, Latest, Named, Numbered, Pointer, RefName
from loopline.nouns.progress import Progress
from loopline.verbs.annotations import evaluate, resolver
from loopline.verbs.plain import is_revision, restore

if TYPE_CHECKING:
    from loopline.nouns.run import Point

Shape = Literal["one", "switch", "many", "pairs"]
"""One value; a yes or no; any number of values; any number of KEY=VALUE."""


class Param(NamedTuple):
    """One parameter of a verb."""

    name: str
    positional: bool
    type: Any
    """As annotated, without `Annotated` and without `None`."""
    shape: Shape
    required: bool
    default: Any
    optional: bool
    """Whether None is a value."""
    help: str
    short: str
    """`-m`, or nothing."""
    word: str
    """What stands for the value in help: `REF`, `N`, `KEY=VALUE`."""
    choices: tuple[str, ...]
    own: bool
    """Whether text is read by a reader of its own, which may take more than the type's would."""
    parse: Callable[[Any, str], Any]
    """Reads one item (one value of `many`, one value behind the key of `pairs`) in a project."""

    @property
    def written(self) -> str:
        """Write the name as on a command line: `continue_`, whose name alone Python keeps to itself, as `continue`."""
        return self.name.rstrip("_").replace("_", "-")


class Usage(NamedTuple):
    """Everything a caller must know, and nothing of how it is done."""

    name: str
    summary: str
    text: str
    """The rest of the docstring, without its example."""
    example: str
    params: tuple[Param, ...]
    report: str | None
    """Name of the parameter that takes a `Report`, where the verb tells its progress."""
    function: Callable[..., Any]

    @property
    def returns(self) -> Any:
        """Evaluate what the verb gives back. Left until asked for: the command line never needs it."""
        return evaluate(self.function.__annotations__.get("return"), resolver(self.function.__module__))

    def find(self, name: str) -> Param | None:
        """Look a parameter up, spelled with `_` or `-`; a repeatable one may leave out its plural s, a word of Python its `_`."""
        name = name.replace("-", "_")
        for param in self.params:
            if name in (param.name, param.name.rstrip("_")) or (
                param.shape in ("many", "pairs") and name + "s" == param.name
            ):
                return param
        return None


def usage_of(function: Callable[..., Any]) -> Usage:
    """Read a verb's signature and docstring. Raise TypeError where a parameter's type cannot be written by people."""
    names = resolver(function.__module__)
    params, report = [], None
    for index, one in enumerate(inspect.signature(function).parameters.values()):
        if index == 0:
            continue
        kind = evaluate(one.annotation, names)
        if _is_report(kind):
            report = one.name
        else:
            params.append(_param(one, kind))
    summary, text, example = _split(inspect.getdoc(function) or "")
    return Usage(function.__name__, summary, text, example, tuple(params), report, function)


def read(usage: Usage, words: Mapping[str, Any], *, project: str) -> dict[str, Any]:
    """Turn written values (text, or what JSON knows) into the keyword arguments of the verb.

    Give lists for repeatable parameters and mappings for KEY=VALUE ones; lists of `KEY=VALUE` will do, too. What is left out
    is left out of the result. Raise Invalid with kind unknown-parameter, missing-parameter or bad-value; a name that
    breaks a rule keeps the kind of that rule.
    """
    typed: dict[str, Any] = {}
    for name, value in words.items():
        param = usage.find(name)
        if param is None:
            raise _unknown(usage, name)
        typed[param.name] = _read_one(param, value, project)
    missing = [param.written for param in usage.params if param.required and param.name not in typed]
    if missing:
        raise Invalid(
            f"{usage.name} needs {', '.join(missing)}",
            kind="missing-parameter",
            hint=f"give {missing[0]}",
            verb=usage.name,
            missing=missing,
        )
    return typed


def _read_one(param: Param, value: Any, project: str) -> Any:
    if value is None and param.optional:
        return None
    try:
        if param.shape == "pairs":
            return {_storable(key): _storable(param.parse(one, project)) for key, one in _pairs(value)}
        if param.shape == "many":
            items = value if isinstance(value, (list, tuple)) else [value]
            return tuple(_storable(param.parse(one, project)) for one in items)
        return _storable(param.parse(value, project))
    except Invalid as error:
        error.facts.setdefault("parameter", param.name)
        raise


def _storable(value: Any) -> Any:
    """Give a value back. Raise Invalid for text that no database takes: with NUL, or with half a character."""
    if isinstance(value, str) and not (value.isprintable() and value.isascii()):
        try:
            whole = b"\x00" not in value.encode()
        except UnicodeEncodeError:
            whole = False
        if not whole:
            raise Invalid(
                "text holds NUL, or half a character", kind="bad-value", hint="write it as UTF-8, without NUL",
                value=value[:100].encode("ascii", "backslashreplace").decode(),
            )  # fmt: skip
    return value


def _pairs(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
        return
    for one in value if isinstance(value, (list, tuple)) else [value]:
        key, equals, rest = str(one).partition("=")
        if not equals or not key:
            raise Invalid(f"{one!r} is not KEY=VALUE", kind="bad-value", hint="write for example depth=8", value=one)
        yield key, rest


def _unknown(usage: Usage, name: str) -> Invalid:
    from difflib import get_close_matches

    known = [param.written for param in usage.params]
    close = get_close_matches(name.replace("_", "-"), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"{usage.name} takes {', '.join(known) or 'nothing'}"
    return Invalid(
        f"{usage.name} has no parameter {name!r}", kind="unknown-parameter", hint=hint, verb=usage.name, name=name
    )


def _param(one: inspect.Parameter, kind: Any) -> Param:
    kind, notes = _unwrap(kind)
    kind, optional = _without_none(kind)
    kind, inner = _unwrap(kind)
    notes = (*notes, *inner)
    shape, item = _shape(kind)
    item, inner = _unwrap(item)
    notes = (*notes, *inner)
    texts = [note for note in notes if isinstance(note, str)]
    readers = [note for note in notes if callable(note)]
    word, choices, parse = _reader(item, one.name)
    if shape == "switch":
        word = ""
    if readers:
        parse = _own(readers[0], item)
    if shape == "pairs":
        word = "KEY=VALUE"
    return Param(
        name=one.name,
        positional=one.kind is not inspect.Parameter.KEYWORD_ONLY,
        type=kind,
        shape=shape,
        required=one.default is inspect.Parameter.empty,
        default=None if one.default is inspect.Parameter.empty else one.default,
        optional=optional,
        help=next((text for text in texts if not _is_short(text)), ""),
        short=next((text for text in texts if _is_short(text)), ""),
        word=word,
        choices=choices,
        own=bool(readers),
        parse=parse,
    )


def _shape(kind: Any) -> tuple[Shape, Any]:
    if kind is bool:
        return "switch", bool
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (tuple, list) and (origin is list or args[-1] is Ellipsis):
        return "many", args[0]
    if origin in (Sequence, Iterable, set, frozenset, AbstractSet):
        return "many", args[0]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "pairs", args[1]
    return "one", kind


def _reader(item: Any, name: str) -> tuple[str, tuple[str, ...], Callable[[Any, str], Any]]:
    """Give the word for help, the closed list of values if there is one, and the reader of one item."""
    named = _WORDS.get(item) if isinstance(item, (type, typing.NewType)) else None
    if named is not None:
        return named, (), _OWN.get(item) or _restored(item)
    if isinstance(item, type) and (item.__module__, item.__name__) == _POINT:
        return "KEY=NUMBER", (), _point
    if typing.get_origin(item) is Literal:
        choices = tuple(str(one) for one in typing.get_args(item))
        return "|".join(choices), choices, _choice(dict(zip(choices, typing.get_args(item), strict=True)))
    if isinstance(item, type) and issubclass(item, Enum):
        choices = tuple(str(one.value) for one in item)
        return "|".join(choices), choices, _choice({str(one.value): one for one in item})
    if typing.get_origin(item) in (typing.Union, types.UnionType) and is_revision(typing.get_args(item)):
        return "REV", (), _restored(item)
    if typing.get_origin(item) in (typing.Union, types.UnionType):
        return name.upper(), (), _union([_reader(arm, name)[2] for arm in typing.get_args(item)])
    if item is Any or typing.get_origin(item) is not None or hasattr(item, "__dataclass_fields__"):
        return "JSON", (), _json(item)
    if isinstance(item, typing.NewType):
        return name.upper().replace("_", "-"), (), _reader(item.__supertype__, name)[2]
    msg = f"parameter {name!r} has a type that nobody can write: {item!r}"
    raise TypeError(msg)


def _restored(kind: Any) -> Callable[[Any, str], Any]:
    return lambda value, project: restore(kind, value, project=project)


def _own(reader: Callable[[Any], Any], item: Any) -> Callable[[Any, str], Any]:
    """Read text with the parameter's own reader, and what is no text as `plain` wrote it."""

    def parse(value: Any, project: str) -> Any:
        if isinstance(value, str):
            return reader(value)
        return restore(item, value, project=project) if isinstance(value, (Mapping, list, int, float)) else value

    return parse


def _choice(values: Mapping[str, Any]) -> Callable[[Any, str], Any]:
    def parse(value: Any, _: str) -> Any:
        text = str(value.value) if isinstance(value, Enum) else str(value)
        if text in values:
            return values[text]
        from difflib import get_close_matches

        close = get_close_matches(text, values, n=1)
        hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(values)}"
        raise Invalid(f"{text!r} is not one of {', '.join(values)}", kind="bad-value", hint=hint, value=text)

    return parse


def _union(arms: Sequence[Callable[[Any, str], Any]]) -> Callable[[Any, str], Any]:
    def parse(value: Any, project: str) -> Any:
        for arm in arms[:-1]:
            try:
                return arm(value, project)
            except Invalid:
                continue
        return arms[-1](value, project)

    return parse


def _json(kind: Any) -> Callable[[Any, str], Any]:
    def parse(value: Any, project: str) -> Any:
        if isinstance(value, str):
            import json

            try:
                value = json.loads(value)
            except ValueError:
                if kind is Any:
                    return value
                hint = "write it as JSON"
                raise Invalid(f"{value!r} is not JSON", kind="bad-value", hint=hint, value=value) from None
        return restore(kind, value, project=project)

    return parse


def _bool(value: Any, _: str) -> bool:
    if isinstance(value, bool):
        return value
    answer = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(str(value).lower())
    if answer is None:
        raise Invalid(f"{value!r} is neither yes nor no", kind="bad-value", hint="write true or false", value=value)
    return answer


def _actor(value: Any, project: str) -> Actor:
    return parse_actor(value) if isinstance(value, str) else restore(Actor, value, project=project)


def _point(value: Any, project: str) -> Point:
    """Take `auc=0.93`, or `auc=0.93@12` for step 12."""
    from loopline.nouns.run import Point

    if not isinstance(value, str):
        return restore(Point, value, project=project)  # type: ignore[no-any-return]
    key, equals, rest = value.rpartition("=")
    number, at, step = rest.partition("@")
    if not equals or not key:
        raise Invalid(
            f"{value!r} is no metric", kind="bad-value", hint="write KEY=NUMBER or KEY=NUMBER@STEP", value=value
        )
    return Point(key, restore(float, number), restore(int, step) if at else 0)


def _span(value: Any, project: str) -> timedelta:
    """Take `90s`, `30m`, `24h`, `7d`, `2w`, or a number of seconds."""
    if isinstance(value, str) and value[-1:] in _SECONDS:
        return timedelta(seconds=restore(float, value[:-1]) * _SECONDS[value[-1]])
    return restore(timedelta, value, project=project)  # type: ignore[no-any-return]


def _path(value: Any, _: str) -> Path:
    return Path(value)


def _unwrap(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    if typing.get_origin(kind) is typing.Annotated:
        inner, *notes = typing.get_args(kind)
        return inner, tuple(notes)
    return kind, ()


def _without_none(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return kind, kind is None
    arms = [one for one in typing.get_args(kind) if one is not type(None)]
    optional = len(arms) < len(typing.get_args(kind))
    return (typing.Union[tuple(arms)] if optional else kind), optional  # noqa: UP007 - the arms are values here


def _is_report(kind: Any) -> bool:
    kind, _ = _without_none(_unwrap(kind)[0])
    return typing.get_origin(kind) is Callable and typing.get_args(kind)[0] == [Progress]


def _is_short(text: str) -> bool:
    return len(text) == 2 and text[0] == "-" and text[1].isalpha()


def _split(doc: str) -> tuple[str, str, str]:
    summary, _, rest = doc.partition("\n")
    text, found, example = ("\n" + rest).partition("\nExample:")
    return summary.strip(), text.strip(), inspect.cleandoc(example) if found else ""


_POINT = ("loopline.nouns.run", "Point")
"""Known by name: only verbs that take points pay for importing runs."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS: dict[Any, str] = {
    str: "TEXT",
    int: "N",
    float: "NUMBER",
    bool: "YES|NO",
    bytes: "BASE64",
    timedelta: "TIME",
    Path: "PATH",
    Digest: "DIGEST",
    AssetName: "ASSET",
    RefName: "REF",
    Pointer: "VERSION",
    Actor: "ACTOR",
    Numbered: "N",
    Hashed: "DIGEST",
    Named: "REF",
    Latest: "latest",
}
_OWN: dict[Any, Callable[[Any, str], Any]] = {
    bool: _bool,
    Actor: _actor,
    timedelta: _span,
    Path: _path,
}
