"""closure: everything of a project that one step reaches, found without running any of it.

Reaching a name reaches every statement that binds it, and what those mention, across modules. Reaching anything of a
module also reaches its *effects*: statements that do something when the module is imported. A statement that acts on
import but also binds a name (a decorated function, a subclass, a call's result) is reached when what it touches is: so
a registry brings its entries with it. Where code finds other code by names that it makes at run time, whole modules
count as reached: the closure may be too large, never too small, with the exceptions that `keys` lists.
"""

from __future__ import annotations

import builtins
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from loopline.pipelines.scopes import EVERY_FILE, EVERY_MODULE, Path
from loopline.pipelines.source import Item, Module, SourceTree

_Id = tuple[str, int]
_OUR_WORDS: Final = {"step", "pipeline", "expectation", "Data", "Model", "Evaluation"}
_BY_NAME: Final = (
    "importlib.util importlib.machinery importlib.reload importlib.import_module runpy pkgutil sys.modules sys.path "
    "sys.meta_path inspect.getmodule pickle.load pickle.loads pickle.Unpickler cloudpickle.load cloudpickle.loads dill "
    "shelve joblib.load skops.io.load skops.io.loads"
)
_BY_FILE: Final = (
    "importlib.resources pkgutil.get_data linecache inspect.getsource inspect.getsourcelines inspect.getsourcefile "
    "inspect.getfile inspect.getdoc"
)
_WIDE: Final = {**dict.fromkeys(_BY_NAME.split(), EVERY_MODULE), **dict.fromkeys(_BY_FILE.split(), EVERY_FILE)}
_EVALUATORS: Final = frozenset({"globals", "eval", "exec"})


@dataclass(frozen=True, slots=True)
class Reached:
    """What one step reaches."""

    code: dict[str, str]
    """Label → digest of each statement; `(import)` labels say what an imported name means."""
    packages: frozenset[str]
    """Modules of installed packages, by their dotted names."""


@dataclass(slots=True)
class _Targets:
    items: set[_Id] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    executed: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    wide: set[str] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)


class Closures:
    """The closures of the steps of one source tree. What several steps reach is read once."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self._targets: dict[_Id, _Targets] = {}
        self._touched: dict[_Id, frozenset[_Id]] = {}
        self._known: dict[str, Reached] = {}

    def of(self, call: str) -> Reached:
        """Give what the function `module:name` reaches. Raise Invalid where a module cannot be parsed."""
        if call not in self._known:
            self._known[call] = _Walk(self).walk(call)
        return self._known[call]

    def module(self, name: str) -> Module | None:
        """Look a project module up."""
        return self.tree.find(name)

    def targets(self, one: _Id) -> _Targets:
        """Say what one statement mentions, resolved."""
        if one not in self._targets:
            module = self._held(one[0])
            item = module.items[one[1]]
            found = _Targets(wide=set(item.found.wide))
            for path in item.found.names:
                self.resolve(module, path, found)
            for name, path in item.found.imports:
                self.follow(name, path, found)
            for name in item.found.executed:
                self.execute(name, found)
            self._targets[one] = found
        return self._targets[one]

    def resolve(self, module: Module, path: Path, found: _Targets) -> None:
        """Reach a name of a module, and the attributes that are read from it."""
        name = path[0]
        starred = self._through_stars(module, path, found)
        if name in module.binds or name in module.imports:
            found.items.update((module.name, number) for number in module.binds.get(name, ()))
            for target, attributes in module.imports.get(name, ()):
                found.notes[f"{module.name}.{name} (import)"] = ".".join((target, *attributes))
                self.follow(target, attributes + path[1:], found)
        elif not starred:
            self._unbound(module, path, found)

    def _unbound(self, module: Module, path: Path, found: _Targets) -> None:
        """Reach a name that nothing in the project binds: a package's, Python's own, or one for type checkers."""
        name = path[0]
        for star in module.stars:
            if self.tree.find(star) is None:
                self.follow(star, (name,), found)
        if name in _EVALUATORS:
            found.whole.add(module.name)
        elif name in module.checked:
            if self.tree.find(module.checked[name].partition(".")[0]) is None:
                self.execute(module.checked[name], found)
        elif not hasattr(builtins, name) and self.tree.find(f"{module.name}.{name}") is not None:
            self.follow(f"{module.name}.{name}", path[1:], found)

    def follow(self, name: str, attributes: Path, found: _Targets) -> None:
        """Reach attributes of a module; all of it where there are none."""
        self.execute(name, found)
        module = self.tree.find(name)
        if module is None:
            self._outside(name, attributes, found)
            return
        if not attributes:
            found.whole.add(name)
            return
        inner = f"{name}.{attributes[0]}"
        has = attributes[0] in module.binds or attributes[0] in module.imports
        if has:
            self.resolve(module, attributes, found)
        if self.tree.find(inner) is not None:
            if attributes[1:] or not has:
                self.follow(inner, attributes[1:], found)
        elif not has and not self._through_stars(module, attributes, found):
            found.whole.add(name)
            if module.bare:
                found.packages.add(name)

    def execute(self, name: str, found: _Targets) -> None:
        """Note that importing a module runs it and the packages that it is in."""
        parts = name.split(".")
        if self.tree.find(parts[0]) is None:
            if parts[0] not in sys.stdlib_module_names and parts[0] != "loopline":
                found.packages.add(name)
            return
        found.executed.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))

    def touched(self, one: _Id) -> frozenset[_Id]:
        """Say which things that can hold something a statement may change when its module is imported."""
        if one not in self._touched:
            module = self._held(one[0])
            told = _Targets()
            for name in module.items[one[1]].tells:
                self.resolve(module, (name, "…"), told)
            seen: set[_Id] = set()
            todo = [one]
            while todo:
                at = todo.pop()
                if at not in seen:
                    seen.add(at)
                    targets = self.targets(at)
                    todo.extend(targets.items)
                    todo.extend(each for name in targets.whole for each in self.items(name))
            held = {at for at in seen if self._held(at[0]).items[at[1]].holds}
            self._touched[one] = frozenset((held | told.items) - {one})
        return self._touched[one]

    def items(self, name: str) -> Iterator[_Id]:
        """Name all statements of a module, and of those inside it where it is a package."""
        for inner in (name, *(one for one in self.tree.names() if one.startswith(f"{name}."))):
            module = self.tree.find(inner)
            if module is not None:
                yield from ((inner, number) for number in range(len(module.items)))

    def item(self, one: _Id) -> Item:
        """Look a statement up."""
        return self._held(one[0]).items[one[1]]

    def _held(self, name: str) -> Module:
        module = self.tree.find(name)
        assert module is not None  # noqa: S101 - ids are only made of modules that were found
        return module

    def _through_stars(self, module: Module, path: Path, found: _Targets, seen: tuple[str, ...] = ()) -> bool:
        """Look a name up in what `from … import *` brings."""
        hit = False
        for star in module.stars:
            source = self.tree.find(star)
            if source is None or star in seen:
                continue
            if path[0] in source.binds or path[0] in source.imports:
                self.execute(star, found)
                self.resolve(source, path, found)
                hit = True
            else:
                hit = self._through_stars(source, path, found, (*seen, star)) or hit
        return hit

    def _outside(self, name: str, attributes: Path, found: _Targets) -> None:
        dotted = ".".join((name, *attributes))
        top = name.partition(".")[0]
        found.wide.update(word for prefix, word in _WIDE.items() if f"{dotted}.".startswith(f"{prefix}."))
        if self.tree.find(top) is not None:
            found.whole.add(top)  # the project makes this module while it runs, or it is missing
        elif top == "loopline":
            if not attributes or attributes[-1] not in _OUR_WORDS:
                found.packages.add(dotted)
        elif dotted == "importlib":
            found.wide.add(EVERY_MODULE)


class _Walk:
    """One closure in the making."""

    def __init__(self, closures: Closures) -> None:
        self._all = closures
        self._items: set[_Id] = set()
        self._executed: set[str] = set()
        self._packages: set[str] = set()
        self._notes: dict[str, str] = {}
        self._wide: set[str] = set()

    def walk(self, call: str) -> Reached:
        name, _, qualname = call.partition(":")
        start = _Targets()
        self._all.follow(name, (qualname.partition(".")[0],), start)
        self._take(start)
        while self._take_registered():
            pass
        if EVERY_FILE in self._wide:
            self._notes["(every file)"] = self._all.tree.digest()
        code = dict(self._notes)
        for one in self._items:
            item = self._all.item(one)
            code[item.label] = item.digest
        code.update(self._orders())
        return Reached(code, frozenset(self._packages))

    def _take(self, targets: _Targets) -> None:
        todo = [targets]
        while todo:
            found = todo.pop()
            self._packages |= found.packages
            self._notes.update(found.notes)
            executed = frozenset(found.executed)
            fresh = found.items | {one for name in found.whole for one in self._all.items(name)}
            if EVERY_MODULE in found.wide and EVERY_MODULE not in self._wide:
                everything = frozenset(self._all.tree.names())
                fresh |= {one for name in everything for one in self._all.items(name)}
                executed = executed | everything
            self._wide |= found.wide
            for name in executed - self._executed:
                self._executed.add(name)
                extra, effects = self._importing(name)
                todo.append(extra)
                fresh |= effects
            fresh -= self._items
            self._items |= fresh
            todo.extend(self._all.targets(one) for one in fresh)

    def _importing(self, name: str) -> tuple[_Targets, set[_Id]]:
        """Say what importing a module does by itself: its effects, the modules it imports, what it imports unused."""
        extra: _Targets = _Targets()
        module = self._all.module(name)
        if module is None:
            return extra, set()
        for one in module.executes:
            if self._all.module(one.partition(".")[0]) is not None:
                self._all.execute(one, extra)
        for unused in module.unused:
            for target, _ in module.imports[unused]:
                self._all.execute(target, extra)
        return extra, {(name, number) for number, item in enumerate(module.items) if item.kind == "effect"}

    def _take_registered(self) -> bool:
        """Take what acts on import and touches something that is reached. Tell whether there was any."""
        fresh = {
            one
            for one in self._acting(self._executed)
            if one not in self._items and not self._items.isdisjoint(self._all.touched(one))
        }
        self._take(_Targets(items=fresh))
        return bool(fresh)

    def _acting(self, names: Iterable[str]) -> Iterator[_Id]:
        for name in names:
            module = self._all.module(name)
            if module is not None:
                yield from ((name, number) for number, item in enumerate(module.items) if item.acts)

    def _orders(self) -> dict[str, str]:
        """Say in which order what is reached of each module happens, where that can matter."""
        orders: dict[str, list[str]] = {}
        for name, number in sorted(self._items):
            module = self._all.module(name)
            item = self._all.item((name, number))
            once = module is not None and all(len(module.binds[one]) == 1 for one in item.binds if one in module.binds)
            if item.kind in ("value", "effect") or item.acts or not once:
                orders.setdefault(name, []).append(item.label)
        return {
            f"{name} (order)": hashlib.sha256("\n".join(labels).encode()).hexdigest()
            for name, labels in orders.items()
            if len(labels) > 1
        }
