"""loading: a project's modules, imported from one source tree and kept apart from those of any other.

While a `Code` is active, its folder is in front of the import path and only its modules are loaded under their names;
afterwards the process is as it was. One source tree is active at a time: another thread that needs another one waits.
"""

from __future__ import annotations

import importlib
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from loopline.errors import Invalid, LooplineError
from loopline.pipelines.source import broken, roots
from loopline.pipelines.step import Pipeline

_TURN = threading.Condition(threading.RLock())
_ACTIVE: list[Code] = []
_KEPT: dict[str, Code] = {}
_KEEP = 4


class Code:
    """The modules of one source tree, loaded when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).resolve()
        self._roots = [str(root) for root in roots(self.folder)]
        self._own = frozenset(_top_names(roots(self.folder)))
        self._loaded: dict[str, ModuleType] = {}
        self._hidden: dict[str, ModuleType] = {}
        self._users = 0

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this tree's modules the ones that imports find. Any thread may, also within another `active`."""
        with _TURN:
            while _ACTIVE and _ACTIVE[0] is not self:
                _TURN.wait()
            if not self._users:
                _ACTIVE.append(self)
                self._enter()
            self._users += 1
        try:
            yield
        finally:
            with _TURN:
                self._users -= 1
                if not self._users:
                    self._leave()
                    _ACTIVE.remove(self)
                    _TURN.notify_all()

    def module(self, name: str) -> ModuleType:
        """Import a module. Raise Invalid: broken-module with file and line, no-module where there is none."""
        with self.active():
            try:
                return importlib.import_module(name)
            except LooplineError:
                raise
            except (Exception, SystemExit) as error:
                raise self._refusal(name, error) from error

    def find(self, call: str) -> Any:
        """Give what `module:name` names. Raise Invalid as `module` does, and no-step where the module lacks it."""
        name, _, qualname = call.partition(":")
        value: Any = self.module(name)
        for part in qualname.split("."):
            value = getattr(value, part, None)
            if value is None:
                raise Invalid(f"{name} has no {qualname}", kind="no-step", hint="plan the run again", call=call)
        return value

    def _enter(self) -> None:
        self._hidden = {
            name: module for name, module in sys.modules.copy().items() if name.partition(".")[0] in self._own
        }
        for name in self._hidden:
            del sys.modules[name]
        sys.modules.update(self._loaded)
        sys.path = [*self._roots, *sys.path]
        importlib.invalidate_caches()

    def _leave(self) -> None:
        self._loaded = {
            name: module for name, module in sys.modules.copy().items() if name.partition(".")[0] in self._own
        }
        for name in self._loaded:
            del sys.modules[name]
        sys.modules.update(self._hidden)
        self._hidden = {}
        # A new list: another thread that imports goes through the old one, and an entry taken out of that makes it skip the next.
        sys.path = [one for one in sys.path if one not in self._roots]

    def _refusal(self, name: str, error: BaseException) -> Invalid:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            return Invalid(
                f"the project has no module {name}",
                kind="no-module",
                hint='name the modules with pipelines in loopline.toml, as in modules = ["flights"]',
                module=name,
            )
        if isinstance(error, SyntaxError) and error.filename:
            return broken(self.folder, error.filename, error.lineno or 0, f"SyntaxError: {error.msg}")
        frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(str(self.folder))]
        file, line = (frames[-1].filename, frames[-1].lineno or 0) if frames else (name, 0)
        return broken(self.folder, file, line, f"{type(error).__name__}: {error}")


def code_at(folder: str | Path) -> Code:
    """Give the Code of a folder, the same one for a folder that was used lately. The folder must not change."""
    key = str(Path(folder).resolve())
    with _TURN:
        code = _KEPT.pop(key, None) or Code(Path(key))
        _KEPT[key] = code
        while len(_KEPT) > _KEEP:
            del _KEPT[next(iter(_KEPT))]
        return code


def load(folder: Path, modules: Iterable[str]) -> dict[str, Pipeline[..., Any]]:
    """Import modules from a source tree and give their pipelines by name.

    Trace them inside `code_at(folder).active()`, so that imports in their bodies are found. Raise Invalid:
    broken-module, no-module, pipeline-twice.
    """
    code = code_at(folder)
    found: dict[str, Pipeline[..., Any]] = {}
    for name in modules:
        for value in list(vars(code.module(name)).values()):
            if isinstance(value, Pipeline) and found.setdefault(value.name, value) is not value:
                raise Invalid(
                    f"two pipelines are called {value.name}",
                    kind="pipeline-twice",
                    hint='give one another name: @pipeline(name="…")',
                    pipeline=value.name,
                    modules=[found[value.name].function.__module__, value.function.__module__],
                )
    return found


def pipeline_named(pipelines: Mapping[str, Pipeline[..., Any]], name: str) -> Pipeline[..., Any]:
    """Look a pipeline up. Raise Invalid no-pipeline, with the nearest name."""
    from difflib import get_close_matches

    if name in pipelines:
        return pipelines[name]
    close = get_close_matches(name, pipelines, n=1)
    raise Invalid(
        f"the project has no pipeline {name!r}",
        kind="no-pipeline",
        hint=f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(pipelines)) or 'none'}",
        pipeline=name,
        known=sorted(pipelines),
    )


def _top_names(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for path in folder.iterdir():
            name = path.name.partition(".")[0]
            if name.isidentifier() and name != "loopline" and (path.is_dir() or path.suffix in (".py", ".so", ".pyd")):
                yield name
