"""filters: from filters and orders as clients write them to comparisons and orders. What an entity has stands in `entities.py`.

`metrics.loss < 0.1 AND tags."my key" LIKE 'a%'`: comparisons, joined by AND or by nothing; there is no OR and no group. A key
that is no plain word stands in backticks or quotes, a text in quotes of either kind; a quote inside of them is written twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from loopline.faces.mlflow.entities import Entity, Part
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.nouns.query import ATTRIBUTE, Clause, Order, Value

MOST: Final = 100
"""Comparisons of a filter."""
ORDERS: Final = 20
"""Fields of an order: each is a table to join, or to look into for every row, and a page behind compares each with each."""
LONGEST: Final = 1_000
"""Texts of a list."""
LISTED: Final = 10_000
"""Texts of all lists of a filter together."""
PATTERN: Final = 10_000
"""Characters of a pattern."""
_KEY: Final = r"""`[^`]*`|"(?:[^"]|"")*"|'(?:[^']|'')*'|\w[\w.:/@-]*"""
_TOKEN: Final = re.compile(
    rf"""(?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
    rf"""|(?P<name>(?:`[^`]*`|[^\W\d]\w*)\.(?:{_KEY}))|(?P<word>`[^`]*`|[^\W\d]\w*)"""
    r"""|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))|(?P<op>[<>=!~]+)|(?P<mark>\S)"""
)
_WORDS: Final = frozenset({"LIKE", "ILIKE", "RLIKE", "IN", "NOT", "IS", "NULL", "AND", "OR"})
_WHICH: Final = {"number": "numeric ", "whole": "numeric "}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def word(self) -> str:
        """Give a bare word in capitals; nothing for anything else."""
        return self.text.upper() if self.kind == "word" else ""


_END: Final = _Token("end", "", 1 << 62)


class _Tokens:
    """A text, taken apart, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._all = [_Token(one.lastgroup or "", one[one.lastgroup or 0], one.start()) for one in _TOKEN.finditer(text)]
        self._at = 0

    @property
    def next(self) -> _Token:
        """Give the next one without taking it."""
        return self._all[self._at] if self._at < len(self._all) else _END

    def take(self) -> _Token:
        """Give the next one, and go on."""
        found = self.next
        self._at += 1
        return found

    def unclear(self, token: _Token) -> Fault:
        """Say what was not understood: from a token on."""
        if token.text == ";" and self.next is not _END:
            return invalid(
                f"Search filter contained multiple expression {self.text[:500]!r}: join them by AND instead."
            )
        return invalid(f"Invalid clause(s) in filter string: '{self.text[token.at :][:500]}'")


def filter_of(entity: Entity, text: str) -> tuple[Clause, ...]:
    """Read a filter. Raise Fault 400 that names what was not understood."""
    tokens, found = _Tokens(text), list[Clause]()
    while tokens.next is not _END:
        if tokens.next.word == "AND":
            tokens.take()
            continue
        found.append(_comparison(entity, tokens))
        if len(found) > MOST:
            raise invalid(f"A filter string holds at most {MOST} comparisons.")
    if sum(len(one.value) for one in found if isinstance(one.value, tuple)) > LISTED:
        raise invalid(f"The lists of a filter string hold at most {LISTED} values together.")
    return tuple(found)


def order_of(entity: Entity, texts: Iterable[str]) -> tuple[Order, ...]:
    """Read what comes first by what. Raise Fault 400."""
    found: list[Order] = []
    for text in texts:
        tokens = _Tokens(text)
        name, way, more = tokens.take(), tokens.take(), tokens.take()
        if name.kind not in ("name", "word") or more is not _END or way.kind not in ("word", "end"):
            raise invalid(f"Invalid order_by clause '{text[:500]}'. Could not be parsed.")
        if way.word not in ("", "ASC", "DESC"):
            raise invalid(f"Invalid ordering key in order_by clause '{text[:500]}': it is asc or desc.")
        part, key = _named(entity, name, order=True)
        found.append(Order(part, key, way.word == "DESC"))
    if len({(one.part, one.key) for one in found}) < len(found):
        raise invalid("`order_by` contains duplicate fields.")
    orders_fit(len(found))
    return tuple(found)


def orders_fit(number: int) -> None:
    """Raise Fault 400 for more fields than an order may have."""
    if number > ORDERS:
        raise invalid(f"`order_by` holds at most {ORDERS} fields.")


def field_of(entity: Entity, name: str, *, descending: bool = False) -> Order:
    """Read one field of an order that is a document: its name is never quoted. Raise Fault 400."""
    spelling, dot, key = name.partition(".")
    if not dot:
        part, key = _attribute(entity, name.strip(), order=True)
    else:
        part = _part(entity, spelling)
        if part == ATTRIBUTE:
            part, key = _attribute(entity, key, order=True)
    if part not in entity.order_parts:
        raise invalid(f"Invalid order by field name: {name[:200]}.")
    return Order(part, key, descending)


def _comparison(entity: Entity, tokens: _Tokens) -> Clause:
    name = tokens.take()
    if name.kind not in ("name", "word") or name.word in _WORDS:
        raise tokens.unclear(name)
    op = _operator(name, tokens)
    part, key = _named(entity, name)
    known = entity.attributes[key] if part == ATTRIBUTE else entity.parts[part]
    if op in ("is null", "is not null"):
        if op not in known.operators:
            some = " and ".join(f"{one}s" for one, has in entity.parts.items() if op in has.operators) or "nothing here"
            raise invalid(f"IS NULL / IS NOT NULL is only supported for {some}, not for '{part}' '{key}'")
        return Clause(part, key, op)
    value = _value(known, part, key, op, tokens)
    if op in ("like", "ilike") and len(str(value)) > PATTERN:
        raise invalid(f"A pattern in a filter string has at most {PATTERN} characters. Got {len(str(value))}.")
    if op not in known.operators:
        raise invalid(f"Invalid comparator '{op.upper()}' not one of {_list(map(str.upper, known.operators))}")
    return Clause(part, key, op, value)


def _operator(name: _Token, tokens: _Tokens) -> str:
    """Take an operator, in small letters: one that nobody has is found later, when it is known what was to be compared."""
    token = tokens.take()
    if token.kind == "op":
        return token.text
    word, after = token.word, tokens.next.word
    if word in ("LIKE", "ILIKE", "RLIKE", "IN"):
        return word.lower()
    if (word, after) == ("NOT", "IN"):
        tokens.take()
        return "not in"
    if word == "IS" and after == "NULL":
        tokens.take()
        return "is null"
    if word == "IS" and after == "NOT":
        tokens.take()
        if tokens.take().word == "NULL":
            return "is not null"
    raise tokens.unclear(name)


def _named(entity: Entity, token: _Token, *, order: bool = False) -> tuple[str, str]:
    """Tell which part is meant and which key: `metrics.x`, `tags."a b"`, `start_time`. Raise Fault 400."""
    text = token.text
    if token.kind == "word":
        return _attribute(entity, _bare(text), order=order)
    head = text[: text.index("`", 1) + 1] if text.startswith("`") else text.partition(".")[0]
    part, key = _part(entity, _bare(head)), _bare(text[len(head) + 1 :])
    if part == ATTRIBUTE:
        return _attribute(entity, key, order=order)
    known = entity.parts[part]
    if known.keys and not any(key == one or (one[-1] == "." and key.startswith(one)) for one in known.keys):
        raise invalid(f"Invalid {part} key '{key}' specified. Valid keys are {_list(known.keys)}")
    if order and part not in entity.order_parts:
        raise invalid(f"Invalid order_by entity: nothing is ordered by {part}s")
    return part, key


def _part(entity: Entity, spelling: str) -> str:
    if spelling not in entity.spellings:
        raise invalid(f"Invalid entity type '{spelling[:200]}'. Valid values are {_list(entity.spellings)}")
    return entity.spellings[spelling]


def _attribute(entity: Entity, key: str, *, order: bool) -> tuple[str, str]:
    part, key = entity.aliases.get(key, (ATTRIBUTE, key))
    if part == ATTRIBUTE and key not in (entity.orders if order else entity.attributes):
        valid = sorted(entity.orders if order else {*entity.attributes, *entity.aliases})
        raise invalid(f"Invalid attribute key '{key[:200]}' specified. Valid keys are {_list(valid)}")
    return part, key


def _value(known: Part, part: str, key: str, op: str, tokens: _Tokens) -> Value:
    token = tokens.take()
    if token is _END:
        raise invalid(f"Invalid comparison clause. Expected a value behind the comparator of '{part}' '{key}'.")
    what = part if part != ATTRIBUTE else f"{_WHICH.get(known.kind, '')}attribute: {key}"
    if token.text == "(" and token.kind == "mark":
        texts = _texts(token, tokens)
        if "in" not in known.operators:
            raise invalid(f"No comparison with a list of quoted string values is supported for {what}")
        if op not in ("in", "not in"):
            raise invalid(f"Invalid comparator '{op.upper()}' for a list: it is IN or NOT IN")
        return texts
    if op in ("in", "not in"):
        raise invalid(f"Invalid comparator '{op.upper()}' for one value: write a list, ('a', 'b')")
    if known.kind == "number" or (known.kind == "either" and op in (">", ">=", "<", "<=")):
        if token.kind != "number":
            raise invalid(f"Expected numeric value type for {what}. Found {token.text[:200]}")
        return float(token.text) if part != ATTRIBUTE else _numeric(token.text)
    if known.kind == "whole":
        said = _bare(token.text)
        if not re.fullmatch(r"-?\d{1,18}", said, re.ASCII):
            raise invalid(f"Invalid value for numeric attribute '{key}': {said[:200]!r}")
        return int(said)
    if known.kind == "loose" and token.kind in ("number", "word", "name"):
        return token.text
    if token.kind in ("word", "name"):
        raise invalid(
            "Parameter value is either not quoted or unidentified quote types used for string value"
            f" {token.text[:200]}. Use either single or double quotes."
        )
    if token.kind != "string":
        raise invalid(f"Expected a quoted string value for {what} (e.g. 'my-value'). Got value {token.text[:200]}")
    return _bare(token.text)


def _texts(opened: _Token, tokens: _Tokens) -> tuple[str, ...]:
    """Take a list of texts behind its bracket."""
    found: list[str] = []
    while True:
        token = tokens.take()
        if token.text == ")" and token.kind == "mark":
            break
        if token.kind != "string":
            kind = "expected string values" if token.kind in ("number", "word", "name") else "got ill-formed list"
            raise invalid(f"While parsing a list in the query, {kind}: '{tokens.text[opened.at :][:200]}'")
        found.append(_bare(token.text))
        if tokens.next.text == "," and tokens.next.kind == "mark":
            tokens.take()
        elif tokens.next.text != ")":
            raise invalid(f"While parsing a list in the query, got ill-formed list: '{tokens.text[opened.at :][:200]}'")
    if not found:
        raise invalid(
            "While parsing a list in the query, expected a non-empty list of string values, but got empty list"
        )
    if len(found) > LONGEST:
        raise invalid(f"A list in a filter string holds at most {LONGEST} values. Got {len(found)}.")
    return tuple(found)


def _numeric(text: str) -> int | float:
    if re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        return int(text)
    value = float(text)
    return math.copysign(2.0**62, value) if abs(value) > 2.0**62 else value


def _bare(text: str) -> str:
    """Take quotes or backticks off."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "`\"'":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
