"""source: the modules of a source tree, read but never run, cut into the statements that a step can reach.

A module is a list of *items*, one for each top-level statement. An item's digest is over its syntax tree without
positions and docstrings, so that comments, formatting and documentation do not count.
"""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from loopline.errors import Invalid
from loopline.pipelines.scopes import References, bindings, executes, imported, references

Kind = Literal["def", "class", "constant", "value", "effect"]

_OURS: Final = {"loopline", "loopline.pipelines", "loopline.pipelines.step"}


@dataclass(slots=True)
class Item:
    """One top-level statement."""

    label: str
    """For people: `flights.fit`."""
    digest: str
    kind: Kind
    """A constant cannot be changed in place; an effect happens whenever the module is imported."""
    binds: tuple[str, ...]
    found: References
    acts: bool = False
    """Whether importing the module runs other code for it: a decorator, a base class, a call."""
    tells: frozenset[str] = frozenset()
    """Names whose methods it calls or is decorated with, as in `@handler.register`: they may keep it."""
    holds: bool = False
    """Whether other code can leave something in it."""


@dataclass(slots=True)
class Module:
    """One file of the project, or a folder of them without `__init__.py`."""

    name: str
    items: list[Item] = field(default_factory=list)
    binds: dict[str, list[int]] = field(default_factory=dict)
    """Names to the items that bind them."""
    imports: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=dict)
    """Names to the modules and attributes that top-level imports bind them to."""
    checked: dict[str, str] = field(default_factory=dict)
    """Names to the modules that only type checkers import them from: an annotation that says so counts."""
    stars: list[str] = field(default_factory=list)
    executes: set[str] = field(default_factory=set)
    """Modules that its top-level imports execute."""
    unused: set[str] = field(default_factory=set)
    """Imported names that nothing in the module mentions: imported for what importing does."""
    bare: bool = False
    """Whether it is a folder without `__init__.py`, which an installed package of its name would hide."""


class SourceTree:
    """The project's modules, found by name. Files are read once: it is for a snapshot that does not change."""

    _parsed: dict[tuple[str, str, bool], Module] = {}  # noqa: RUF012 - shared by all trees: the key is the content
    _LIMIT = 2000

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.roots = roots(self.folder)
        self._found: dict[str, Module | None] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._whole: str | None = None

    def find(self, name: str) -> Module | None:
        """Look a module up; None where the project has none of that name. Raise Invalid where it cannot be parsed."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def names(self) -> Iterator[str]:
        """Name every module of the project, sorted."""
        found: set[str] = set()
        for root in self.roots:
            for path in _python_files(root):
                parts = list(path.relative_to(root).with_suffix("").parts)
                if parts[-1] == "__init__":
                    parts.pop()
                if parts and all(part.isidentifier() for part in parts):
                    found.add(".".join(parts))
        return iter(sorted(found))

    def digest(self) -> str:
        """Name what all files of the tree hold, and where."""
        if self._whole is None:
            state = hashlib.sha256()
            for path in sorted(_files(self.folder), key=lambda path: path.relative_to(self.folder).as_posix()):
                name = path.relative_to(self.folder).as_posix()
                state.update(f"{len(name)} {name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
            self._whole = state.hexdigest()
        return self._whole

    def _read(self, name: str) -> Module | None:
        where = name.replace(".", "/")
        for root in self.roots:
            for path, package in ((f"{root}/{where}/__init__.py", True), (f"{root}/{where}.py", False)):
                folder, _, file = path.rpartition("/")
                if file in self._list(folder):
                    return self._parse(name, path, package=package)
        for root in self.roots:
            folder, _, file = f"{root}/{where}".rpartition("/")
            built = [one for one in self._list(folder) if one.startswith(f"{file}.") and one.endswith((".so", ".pyd"))]
            if built:
                return _opaque(name, [Path(folder, one) for one in sorted(built)])
            if file in self._list(folder) and next(_python_files(Path(root, where)), None):
                return Module(name, bare=True)
        return None

    def _list(self, folder: str) -> frozenset[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
            except OSError:
                self._listed[folder] = frozenset()
        return self._listed[folder]

    def _parse(self, name: str, path: str, *, package: bool) -> Module:
        data = Path(path).read_bytes()
        key = (hashlib.sha256(data).hexdigest(), name, package)
        module = self._parsed.get(key)
        if module is None:
            try:
                tree = ast.parse(data, path)
            except (SyntaxError, ValueError) as error:
                raise broken(self.folder, path, getattr(error, "lineno", None) or 0, str(error)) from error
            if len(self._parsed) >= self._LIMIT:
                self._parsed.clear()
            module = self._parsed[key] = _Cutter(name, package=package).cut(tree)
        return module


def roots(folder: Path) -> list[Path]:
    """Name the folders of a source tree in which its modules stand: itself, and `src` where that is no package."""
    source = folder / "src"
    return [folder, source] if source.is_dir() and not (source / "__init__.py").exists() else [folder]


def broken(folder: Path, path: str, line: int, why: str) -> Invalid:
    """Say that a module of the project cannot be used, and where to look."""
    try:
        file = Path(path).relative_to(folder).as_posix()
    except ValueError:
        file = path
    return Invalid(
        f"{file}:{line}: {why}",
        kind="broken-module",
        hint=f"mend line {line} of {file}, then run it again",
        file=file,
        line=line,
    )


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if one != "__pycache__" and not one.startswith(".")]
        yield from (Path(where, name) for name in names)


def _python_files(folder: Path) -> Iterator[Path]:
    return (path for path in _files(folder) if path.suffix == ".py")


def _opaque(name: str, paths: list[Path]) -> Module:
    """Take compiled code as one effect: nobody can see what it reaches."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    return Module(name, [Item(f"{name} (compiled)", digest, "effect", (), References())])


class _Cutter:
    def __init__(self, name: str, *, package: bool) -> None:
        self._module = Module(name)
        self._package = name if package else name.rpartition(".")[0]
        self._labels: dict[str, int] = {}

    def cut(self, tree: ast.Module) -> Module:
        module = self._module
        for statement in filter(_only_for_checkers, _without_docs(tree).body):
            for inner in ast.walk(statement):
                if isinstance(inner, (ast.Import, ast.ImportFrom)):
                    module.checked.update({name: source for name, source, _ in imported(inner, self._package)})
        body = [one for one in tree.body if not _only_for_checkers(one)]
        for statement in body:
            self._learn_imports(statement)
        for statement in body:
            if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._add(statement)
        for number, item in enumerate(module.items):
            for name in (*item.binds, *item.found.globals):
                module.binds.setdefault(name, []).append(number)
        mentioned = {path[0] for item in module.items for path in item.found.names}
        module.unused = module.imports.keys() - mentioned
        return module

    def _learn_imports(self, statement: ast.stmt) -> None:
        """Learn what is imported at the top, also inside `try` and `if`."""
        closed = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if closed or _only_for_checkers(statement):
            return
        self._module.executes.update(executes(statement, self._package))
        for name, module, path in imported(statement, self._package):
            if name == "*":
                self._module.stars.append(module)
            else:
                self._module.imports.setdefault(name, []).append((module, path))
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, ast.stmt):
                self._learn_imports(inner)
            elif isinstance(inner, (ast.ExceptHandler, ast.match_case)):
                for one in inner.body:
                    self._learn_imports(one)

    def _add(self, statement: ast.stmt) -> None:
        outside: list[ast.AST] = [statement]
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            statement.decorator_list = [one for one in map(self._without_options, statement.decorator_list) if one]
            outside = list(_run_on_import(statement))
        found = references(statement, self._package)
        binds = tuple(dict.fromkeys(bindings([statement])))
        kind = _kind(statement)
        name = f"{self._module.name}.{binds[0]}" if binds and kind != "effect" else f"{self._module.name} (statement)"
        count = self._labels[name] = self._labels.get(name, 0) + 1
        self._module.items.append(
            Item(
                name if count == 1 else f"{name} #{count}",
                hashlib.sha256(ast.dump(statement, annotate_fields=False).encode("utf-8", "surrogatepass")).hexdigest(),
                kind,
                binds,
                found,
                acts=bool(outside) if kind in ("def", "class") else _calls(statement),
                tells=frozenset(_roots_of_attributes(outside)),
                holds=kind in ("value", "effect") or bool(found.globals) or _has_state(statement),
            )
        )

    def _without_options(self, decorator: ast.expr) -> ast.expr | None:
        """Leave of `@step(…)` what changes its value: the names of its outputs. How it is run does not count."""
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        parts: list[str] = []
        while isinstance(called, ast.Attribute):
            parts.insert(0, called.attr)
            called = called.value
        if not isinstance(called, ast.Name):
            return decorator
        for module, path in self._module.imports.get(called.id, ()):
            if module in _OURS and (*path, *parts) in {("step",), ("pipelines", "step", "step"), ("pipelines", "step")}:
                options = decorator.keywords if isinstance(decorator, ast.Call) else []
                return next((one.value for one in options if one.arg == "outputs"), None)
        return decorator


def _without_docs(tree: ast.Module) -> ast.Module:
    """Take out docstrings and other texts that stand alone, and what distinguishes `u"a"` from `"a"`."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Constant):
            node.kind = None
        elif isinstance(body, list):
            kept = [one for one in body if not (isinstance(one, ast.Expr) and _is_text(one.value))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (isinstance(node.value, str) or node.value is Ellipsis)


def _only_for_checkers(statement: ast.stmt) -> bool:
    """Tell whether a statement never runs in a worker: `if TYPE_CHECKING` and `if __name__ == "__main__"`."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    test = statement.test
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__":
        return ast.unparse(test) == "__name__ == '__main__'"
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _run_on_import(statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    """Give the parts of a definition that can do something when it is made, before anybody calls it."""
    yield from statement.decorator_list
    if isinstance(statement, ast.ClassDef):
        yield from statement.bases
        yield from statement.keywords
        for one in statement.body:
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from _run_on_import(one)
            elif _calls(one):
                yield one
    else:
        defaults = (*statement.args.defaults, *statement.args.kw_defaults)
        yield from (one for one in defaults if one is not None and _calls(one))


def _calls(*nodes: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) for node in nodes for one in ast.walk(node))


def _roots_of_attributes(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
                yield one.value.id


def _has_state(statement: ast.stmt) -> bool:
    """Tell whether a class has attributes that can be changed in place, or decides itself what a subclass does."""
    if not isinstance(statement, ast.ClassDef):
        return False
    for one in statement.body:
        value = one.value if isinstance(one, (ast.Assign, ast.AnnAssign)) else None
        if value is not None and not _immutable(value):
            return True
    return bool(statement.keywords)


def _kind(statement: ast.stmt) -> Kind:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "def"
        case ast.ClassDef():
            return "class"
        case ast.Assign(targets=targets, value=value) if all(_plain_target(one) for one in targets):
            return "constant" if _immutable(value) else "value"
        case ast.AnnAssign(target=ast.Name(), value=value):
            return "constant" if value is None or _immutable(value) else "value"
        case ast.If(test=test) if _calls(test):
            return "effect"
        case ast.If() | ast.Try():
            inner = [_kind(one) for one in _statements(statement) if not isinstance(one, (ast.Import, ast.ImportFrom))]
            return "effect" if "effect" in inner else "value"
        case ast.Pass():
            return "constant"
        case _ if type(statement).__name__ == "TypeAlias":
            return "constant"
        case _:
            return "effect"


def _statements(statement: ast.If | ast.Try) -> Iterator[ast.stmt]:
    yield from statement.body
    yield from statement.orelse
    if isinstance(statement, ast.Try):
        yield from statement.finalbody
        for handler in statement.handlers:
            yield from handler.body


def _plain_target(target: ast.expr) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return all(_plain_target(one) for one in target.elts)
    return isinstance(target, ast.Name) or (isinstance(target, ast.Starred) and _plain_target(target.value))


def _immutable(value: ast.expr) -> bool:
    match value:
        case ast.Constant():
            return True
        case ast.Tuple(elts=elements):
            return all(_immutable(one) for one in elements)
        case ast.UnaryOp(operand=operand):
            return _immutable(operand)
        case ast.BinOp(left=left, right=right):
            return _immutable(left) and _immutable(right)
        case _:
            return False
