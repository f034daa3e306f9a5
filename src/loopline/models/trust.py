"""trust: which types a skops archive may make, decided by an explicit rule over its schema.

skops asks for a list of trusted names. A name alone is not enough: with `numpy.testing.runstring` under a node that *calls*
it, the archive would run code. So a name is trusted only where every node that carries it uses it harmlessly: an object
of a class that scikit-learn or scipy itself defines (made without calling `__init__`), a scoring function of scikit-learn,
a partial of a function that is itself harmless, and the few names listed here. Nothing of other packages, and never a bound
method or a constructor call.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, Final

from loopline.models.canonical import Node, children, type_name

LISTED: Final = frozenset({
    "sklearn.tree._tree.Tree",
    "numpy.dtype",
    "numpy.ndarray",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_oneway",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.feature_selection._univariate_selection.r_regression",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.utils.validation.check_array",
    "numpy.random.MT19937",
    "numpy.random.PCG64",
    "numpy.random.PCG64DXSM",
    "numpy.random.Philox",
    "numpy.random.SFC64",
})
"""Names that are harmless however a node uses them. The indices inside a Tree are checked by trees.py."""

_VALUES: Final = frozenset({"bool", "float", "int", "list", "map", "set", "str", "tuple"})
"""Types of Python whose values, and which themselves, are only data."""

_HOMES: Final = re.compile(r"(sklearn(\.\w+)+|scipy\.(sparse|stats|interpolate|spatial)(\.\w+)*)\Z")
_NOT_HOMES: Final = re.compile(r"\.(externals|tests?|_mocking|datasets|_array_api)(\.|\Z)|conftest")
_CLASS: Final = re.compile(r"_*[A-Z]\w*\Z|rv_\w+_frozen\Z")
_UFUNCS: Final = re.compile(r"(numpy(\._core\.\w+)?|scipy\.special(\.\w+)?)\Z")
_SCORE: Final = re.compile(r"sklearn\.metrics\.(\w+\.)*[a-z]\w*_(score|loss|error|deviance)\Z")


def sort_types(schema: Node, asked: list[str]) -> tuple[list[str], list[str]]:
    """Split the names that skops does not trust by itself into those that our rule trusts and those that nobody does."""
    uses: dict[str, list[Node]] = {}
    _collect(schema, uses)
    trusted = [name for name in asked if name in LISTED or _harmless(uses.get(name, []))]
    return trusted, [name for name in asked if name not in set(trusted)]


def type_names(schema: Node) -> list[str]:
    """List all types that a schema names, sorted."""
    uses: dict[str, list[Node]] = {}
    _collect(schema, uses)
    return sorted(uses)


def _collect(node: Node, uses: dict[str, list[Node]]) -> None:
    uses.setdefault(type_name(node), []).append(node)
    for child in children(node):
        _collect(child, uses)


def _harmless(nodes: list[Node]) -> bool:
    return bool(nodes) and all(_harmless_use(node) for node in nodes)


def _harmless_use(node: Node) -> bool:
    module, name = str(node["__module__"]), str(node["__class__"])
    match node["__loader__"]:
        case "FunctionNode":
            whole = f"{module}.{name}"
            return whole in LISTED or bool(_SCORE.match(whole)) or _elementwise(module, name)
        case "JsonNode" | "NdArrayNode" | "TypeNode":
            return (module == "builtins" and name in _VALUES) or (module == "numpy" and _scalar(name))
        case "PartialNode":
            inner = node["content"]["func"]
            return inner["__loader__"] == "FunctionNode" and _harmless_use(inner)
        case "ObjectNode":
            return bool(_HOMES.match(module) and not _NOT_HOMES.search(module) and _CLASS.match(name)) and _at_home(
                module, name
            )
        case _:
            return False


def _elementwise(module: str, name: str) -> bool:
    """Tell whether that is a universal function of numpy or scipy: it computes, and does nothing else."""
    from numpy import ufunc

    if not _UFUNCS.match(module):
        return False
    try:
        return isinstance(getattr(import_module(module), name), ufunc)
    except (ImportError, AttributeError):
        return False


def _scalar(name: str) -> bool:
    """Tell whether that is a type of numpy's numbers."""
    import numpy as np

    found = getattr(np, name, None)
    return isinstance(found, type) and issubclass(found, np.generic)


def _at_home(module: str, name: str) -> bool:
    """Tell whether the module defines that class itself: what it merely imports is somebody else's."""
    try:
        found: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        return False
    return isinstance(found, type) and found.__module__.partition(".")[0] == module.partition(".")[0]
