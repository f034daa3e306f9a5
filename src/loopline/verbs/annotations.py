"""annotations: what an annotation means, evaluated one at a time and only when somebody asks.

Modules here postpone annotations, so they are text. Names that were imported for the type checker alone are found in the
module's `if TYPE_CHECKING:` block, so that a verb need not import at run time what only its signature mentions.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock  # `threading` would cost a command that reads its start
from collections.abc import Iterator
from importlib import import_module
from inspect import get_annotations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast


class _Deferred(dict[str, Any]):
    """Local names of one evaluation: looks up at the last moment what the module imports for type checking only."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self._module = module
        self._sources: dict[str, tuple[str, str]] | None = None

    def __missing__(self, name: str) -> Any:
        """Find a name in the module, or behind its `if TYPE_CHECKING:`; KeyError lets builtins have a say."""
        here = vars(sys.modules[self._module]) if self._module in sys.modules else {}
        if name in here:
            return here[name]
        if self._sources is None:
            self._sources = dict(_checked_imports(self._module))
        if name not in self._sources:
            raise KeyError(name)
        home, attribute = self._sources[name]
        value = getattr(import_module(home), attribute) if attribute else import_module(home)
        self[name] = value
        return value


def resolver(module: str) -> _Deferred:
    """Give the names of `module` for `evaluate`."""
    return _Deferred(module)


def evaluate(annotation: Any, names: _Deferred) -> Any:
    """Turn one postponed annotation into the type it names. Raise NameError where a name is nowhere to be found."""
    if isinstance(annotation, str):
        return eval(annotation, {}, names)  # noqa: S307 - text of our own signatures, never of a request
    return annotation


def fields_of(cls: type) -> dict[str, Any]:
    """Give the fields of a dataclass with their types, in order. Cached by class."""
    known = _FIELDS.get(cls)
    if known is None:
        known = {}
        for name, field in cls.__dataclass_fields__.items():  # type: ignore[attr-defined]
            home = next(base for base in cls.__mro__ if name in get_annotations(base))
            known[name] = evaluate(field.type, resolver(home.__module__))
        _FIELDS[cls] = known
    return known


_FIELDS: dict[type, dict[str, Any]] = {}
_PARSING = allocate_lock()
"""One thread parses at a time: two of them make CPython 3.11 raise SystemError (python/cpython#106905)."""


def parsed(source: str) -> ast.Module:
    """Give the syntax tree of a source, also where several threads ask."""
    import ast

    with _PARSING:
        return ast.parse(source)


def _checked_imports(module: str) -> Iterator[tuple[str, tuple[str, str]]]:
    import ast
    import inspect

    try:
        tree = parsed(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError):
        return
    for block in tree.body:
        if not (isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"):
            continue
        for line in block.body:
            if isinstance(line, ast.ImportFrom) and line.module and not line.level:
                for one in line.names:
                    yield one.asname or one.name, (line.module, one.name)
            elif isinstance(line, ast.Import):
                for one in line.names:
                    yield (
                        one.asname or one.name.partition(".")[0],
                        (one.name if one.asname else one.name.partition(".")[0], ""),
                    )
