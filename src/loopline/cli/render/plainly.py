"""plainly: any value, field by field, where nobody wrote something nicer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from loopline.cli.text import aligned, clean, facts, moment, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen

_YEAR_2000 = 946_684_800_000_000
_TIMES = ("_at", "at", "time", "since", "until")


def plainly(value: Any, screen: Screen) -> Iterator[str]:
    """Draw text as it is, mappings and dataclasses as facts, lists of dataclasses as a table."""
    if isinstance(value, str):
        yield from value.rstrip("\n").split("\n")
    elif isinstance(value, Mapping):
        yield from facts([(clean(str(key)), cell(one, screen)) for key, one in value.items()])
    elif isinstance(value, (tuple, list)):
        yield from _list(value, screen)
    elif hasattr(value, "__dataclass_fields__"):
        shown = [(name, getattr(value, name)) for name in value.__dataclass_fields__]
        yield from facts([
            (name.replace("_", " "), cell(one, screen, name)) for name, one in shown if one not in (None, "", ())
        ])
    else:
        yield cell(value, screen)


def cell(value: Any, screen: Screen, name: str = "") -> str:
    """Write one value in a line or a few."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case int() if value > _YEAR_2000 and name.endswith(_TIMES):
            return moment(value, screen.zone)
        case int() | float():
            return number(value)
        case str():
            return "\n".join(clean(line) for line in value.split("\n"))
        case Mapping():
            return ", ".join(f"{clean(str(key))}={cell(one, screen)}" for key, one in value.items())
        case tuple() | list():
            return ", ".join(cell(one, screen) for one in value)
    if "__str__" in vars(type(value)) or not hasattr(value, "__dataclass_fields__"):
        return clean(str(value))
    return ", ".join(f"{key} {cell(getattr(value, key), screen, key)}" for key in value.__dataclass_fields__)


def _list(values: Sequence[Any], screen: Screen) -> Iterator[str]:
    fields = getattr(type(values[0]), "__dataclass_fields__", None)
    if fields is None or any(type(one) is not type(values[0]) for one in values):
        for one in values:
            yield cell(one, screen)
        return
    used = [name for name in fields if any(getattr(one, name) not in (None, "", ()) for one in values)]
    head = [screen.paint("dim", name.replace("_", " ")) for name in used]
    rows = [[cell(getattr(one, name), screen, name).replace("\n", " ") for name in used] for one in values]
    yield from aligned([head, *rows], width=screen.width)
    if len(values) > 20:
        yield screen.paint("dim", plural(len(values), "line"))
