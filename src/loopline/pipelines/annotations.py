"""annotations: what a function says about its types, read without importing anything heavy.

Names that are only imported under `if TYPE_CHECKING` are looked up among the modules that are loaded already: a value
whose type's module was never loaded cannot be there. What cannot be resolved is UNKNOWN, and nothing is said about it.
"""

from __future__ import annotations

import ast
import builtins
import pathlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()


def annotation_of(function: Callable[..., Any], name: str) -> Any:
    """Give the annotation of a parameter, or of `return`; UNKNOWN where there is none or it cannot be resolved."""
    found = getattr(function, "__annotations__", {}).get(name, UNKNOWN)
    if not isinstance(found, str):
        return found
    try:
        return eval(found, {}, _Names(function))  # noqa: S307 - the project's own annotation, as its module wrote it
    except Exception:  # noqa: BLE001 - an annotation may be anything; what fails says nothing about types
        return UNKNOWN


def fits(value: object, annotation: Any) -> bool:
    """Tell whether a value may be of a type. Containers are checked one level deep; in doubt it may."""
    if annotation is UNKNOWN or annotation is Any or isinstance(annotation, TypeVar):
        return True
    if annotation is None or annotation is type(None):
        return value is None
    origin = get_origin(annotation)
    if origin is Union or origin is types.UnionType:
        return any(fits(value, one) for one in get_args(annotation))
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in get_args(annotation))
    if origin is tuple:
        return _fits_tuple(value, get_args(annotation))
    if annotation is float or annotation is complex:  # PEP 484: an int may stand where a float is asked for
        return isinstance(value, (int, float, annotation)) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    kind = origin if origin is not None else annotation
    if not isinstance(kind, type):
        return True
    try:
        return isinstance(value, kind) and _inside_fits(value, kind, get_args(annotation))
    except TypeError:  # a protocol that cannot be checked at run time
        return True


def spelled(annotation: Any) -> str:
    """Write a type for people."""
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__name__
    if get_origin(annotation) is Literal:
        return " or ".join(repr(one) for one in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(spelled(one) for one in get_args(annotation))
    return str(annotation).replace("typing.", "")


def _fits_tuple(value: object, members: tuple[Any, ...]) -> bool:
    if not isinstance(value, tuple):
        return False
    if len(members) == 2 and members[1] is Ellipsis:
        return all(fits(one, members[0]) for one in value)
    return len(value) == len(members) and all(fits(one, member) for one, member in zip(value, members, strict=True))


def _inside_fits(value: Any, kind: type, members: tuple[Any, ...]) -> bool:
    if kind in (list, set, frozenset) and len(members) == 1:
        return all(fits(one, members[0]) for one in value)
    if kind is dict and len(members) == 2:
        return all(fits(key, members[0]) and fits(one, members[1]) for key, one in value.items())
    return True


class _Names(dict[str, Any]):
    """The names that an annotation may use: the module's, Python's, and those imported for type checkers only."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._globals: Mapping[str, Any] = getattr(function, "__globals__", {})

    def __missing__(self, name: str) -> Any:
        if name in self._globals:
            return self._globals[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        module, attribute = _checked_imports(self._globals.get("__file__") or "")[name]
        if module.partition(".")[0] == "loopline":
            __import__(module)
        value: Any = sys.modules[module]
        for part in attribute:
            value = getattr(value, part)
        return value


def _checked_imports(path: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Read which names a module imports under `if TYPE_CHECKING`: name → module and the attribute of it."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    with pathlib.Path(path).open(encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    for statement in body:
        if not isinstance(statement, ast.If) or not ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            continue
        for inner in statement.body:
            if isinstance(inner, ast.Import):
                for alias in inner.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = (alias.name if alias.asname else name, ())
            elif isinstance(inner, ast.ImportFrom) and inner.module and not inner.level:
                found.update({alias.asname or alias.name: (inner.module, (alias.name,)) for alias in inner.names})
    return found
