"""scopes: which names from outside a top-level statement reaches, by Python's rules of scope.

Where the rules leave it open at run time (a class body may read the module's name before it binds its own), the name
counts as reached. Source: The Python Language Reference, §4.2 "Naming and binding".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

Path = tuple[str, ...]

EVERY_MODULE: Final = "every module"
"""Code may be found by a name that is made while it runs: any module of the project counts as reached."""
EVERY_FILE: Final = "every file"
"""Code reads files that lie beside it, or its own text: any file of the project counts as reached."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IMPORTERS = frozenset({"import_module", "__import__"})
_WIDE_NAMES = {"__file__": EVERY_FILE, "__doc__": EVERY_FILE, "__path__": EVERY_FILE, "__spec__": EVERY_MODULE,
               "__globals__": EVERY_MODULE, "__subclasses__": EVERY_MODULE, "__builtins__": EVERY_MODULE,
               "__loader__": EVERY_MODULE, "__code__": EVERY_FILE}  # fmt: skip


@dataclass(slots=True)
class References:
    """What one statement reaches outside itself."""

    names: set[Path] = field(default_factory=set)
    """Names of the module, each with the attributes that are read from it: `("np", "random", "seed")`."""
    imports: set[tuple[str, Path]] = field(default_factory=set)
    """Modules that are imported inside a function, each with the attributes that are read from it."""
    executed: set[str] = field(default_factory=set)
    """Modules that its imports execute, whether or not anything is read from them."""
    wide: set[str] = field(default_factory=set)
    """EVERY_MODULE, EVERY_FILE."""
    globals: set[str] = field(default_factory=set)
    """Names of the module that a function inside it binds (`global x`)."""


@dataclass(slots=True)
class _Scope:
    kind: str
    bound: set[str] = field(default_factory=set)
    imports: dict[str, list[tuple[str, Path]]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)


def references(statement: ast.stmt, package: str) -> References:
    """Find what a top-level statement reaches. `package` is where its relative imports start."""
    reader = _Reader(package)
    reader.visit(statement)
    return reader.found


def imported(statement: ast.stmt, package: str) -> Iterator[tuple[str, str, Path]]:
    """Give name, module and attribute for each name that an import statement binds; `*` is a name like any other."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            yield (alias.asname, alias.name, ()) if alias.asname else (top, top, ())
    elif isinstance(statement, ast.ImportFrom):
        module = absolute(statement, package)
        for alias in statement.names:
            yield alias.asname or alias.name, module, (alias.name,)


def executes(statement: ast.stmt, package: str) -> Iterator[str]:
    """Give the modules that an import statement executes, or may: `from a import b` may mean the module a.b."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        module = absolute(statement, package)
        yield module
        yield from (f"{module}.{alias.name}" for alias in statement.names if alias.name != "*")


def absolute(statement: ast.ImportFrom, package: str) -> str:
    """Name the module that `from … import` reads, leading dots resolved."""
    if not statement.level:
        return statement.module or ""
    parts = package.split(".") if package else []
    base = parts[: len(parts) - (statement.level - 1)]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def bindings(nodes: list[ast.AST], *, inside: bool = False) -> Iterator[str]:
    """Give the names that statements bind in the scope that they stand in (not those of functions inside)."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if not inside:
                yield node.name
            outer: list[ast.AST] = list(node.decorator_list)
            yield from bindings(outer, inside=inside)
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, _COMPREHENSIONS):
            yield from bindings(list(ast.iter_child_nodes(node)), inside=True)
        elif isinstance(node, ast.NamedExpr):
            yield node.target.id
            yield from bindings([node.value], inside=inside)
        else:
            if not inside:
                yield from _bound_by(node)
            yield from bindings(list(ast.iter_child_nodes(node)), inside=inside)


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name


class _Reader(ast.NodeVisitor):
    def __init__(self, package: str) -> None:
        self.found = References()
        self._package = package
        self._scopes: list[_Scope] = []

    # Scopes

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outside in (*node.decorator_list, node.returns):
            if outside is not None:
                self.visit(outside)
        self._visit_function(node, list(node.body))

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's names

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node, [node.body])

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, body: list[ast.AST]) -> None:
        arguments = node.args
        own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for outside in (*arguments.defaults, *arguments.kw_defaults, *(one.annotation for one in own if one)):
            if outside is not None:
                self.visit(outside)
        scope = _Scope("function", {one.arg for one in own if one})
        self._enter(scope, body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self._enter(_Scope("class"), list(node.body))

    def _visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        targets: list[ast.AST] = [one.target for one in node.generators]
        self.visit(node.generators[0].iter)  # the first iterable is read outside
        scope = _Scope("function", set(bindings(targets)))
        self._scopes.append(scope)
        for child in ast.iter_child_nodes(node):
            self.visit(child)
        self._scopes.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815 - ast's names

    def _enter(self, scope: _Scope, body: list[ast.AST]) -> None:
        for node in body:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Global):
                    scope.globals.update(inner.names)
        scope.bound.update(bindings(body))
        for name in scope.bound & scope.globals:
            self.found.globals.add(name)
            self.found.names.add((name,))
        scope.bound -= scope.globals
        self._scopes.append(scope)
        for node in body:
            self._note_imports(scope, node)
        for node in body:
            self.visit(node)
        self._scopes.pop()

    def _note_imports(self, scope: _Scope, node: ast.AST) -> None:
        """Learn what the imports of this scope bind, before any name in it is read."""
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, module, path in imported(node, self._package):
                scope.imports.setdefault(name, []).append((module, path))
        for child in ast.iter_child_nodes(node):
            self._note_imports(scope, child)

    # Names

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.found.executed.update(executes(node, self._package))

    visit_ImportFrom = visit_Import  # noqa: N815 - ast's names

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) or not self._scopes:
            self._reach(node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in _WIDE_NAMES:
            self.found.wide.add(_WIDE_NAMES[node.attr])
        if node.attr in _IMPORTERS:
            self.found.wide.add(EVERY_MODULE)
        attributes = [node.attr]
        base: ast.expr = node.value
        while isinstance(base, ast.Attribute):
            if base.attr in _WIDE_NAMES:
                self.found.wide.add(_WIDE_NAMES[base.attr])
            attributes.append(base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            self._reach(base.id, tuple(reversed(attributes)))
        else:
            self.visit(base)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        first = node.args[0] if node.args else None
        if name in _IMPORTERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            if len(node.args) == 1 and not node.keywords and first.value and not first.value.startswith("."):
                self.found.imports.add((first.value, ()))
                self.found.executed.add(first.value)
                return
            self.found.wide.add(EVERY_MODULE)
        if name in ("vars", "dir") and not node.args:
            self._reach("globals", ())
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.found.names.update((name,) for name in node.names)

    def _reach(self, name: str, attributes: Path) -> None:
        for depth, scope in enumerate(reversed(self._scopes)):
            if name in scope.globals:
                break
            if scope.kind == "class" and depth:
                continue
            if name in scope.imports:
                self.found.imports.update((module, path + attributes) for module, path in scope.imports[name])
            if name in scope.bound and scope.kind != "class":
                return
        if name in _WIDE_NAMES:
            self.found.wide.add(_WIDE_NAMES[name])
        if name in _IMPORTERS:
            self.found.wide.add(EVERY_MODULE)
        self.found.names.add((name, *attributes))
