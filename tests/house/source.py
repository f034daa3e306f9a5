"""The project as the house rules see it: files, syntax trees and the functions in them."""

from __future__ import annotations

import ast
import gc
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

from loopline.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("ledger", "datasets", "pipelines", "executors", "models", "environments", "rollout", "checks", "insights")
BELOW_VERBS = ("loop", *COLUMNS, "store", "nouns", "errors")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class SourceFile:
    """One Python file of the project."""

    path: Path

    def __str__(self) -> str:
        """Name it from the project's root."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax. It stays, and to look for garbage in it again and again takes three times as long as to parse."""
        gc.disable()
        try:
            return ast.parse(self.text, filename=str(self))
        finally:
            gc.freeze()
            gc.enable()

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything in its syntax."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method, inner ones too."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def package(self) -> str:
        """The layer it belongs to: `ledger` for src/loopline/ledger/refs.py; empty outside of src/loopline."""
        parts = self.path.relative_to(ROOT).parts
        return parts[2].removesuffix(".py") if parts[:2] == ("src", "loopline") else ""

    def imports(self) -> Iterator[tuple[int, str]]:
        """Give the line and the dotted name of every import, wherever it stands."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.lineno, node.module


@lru_cache
def python_files(*folders: str) -> tuple[SourceFile, ...]:
    """Every Python file below these folders of the project, sorted."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(_file(path) for path in sorted(found) if "__pycache__" not in path.parts)


@cache
def _file(path: Path) -> SourceFile:
    """Give one file, parsed once whoever asks for it."""
    return SourceFile(path)


@lru_cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git keeps, or would keep if it were added now; all files where there is no git."""
    try:
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        names = [name for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
        names = [name for name in names if not name.startswith(".") and "__pycache__" not in name]
    return tuple(ROOT / name for name in sorted(names) if (ROOT / name).is_file())


def source() -> tuple[SourceFile, ...]:
    """The product."""
    return python_files("src/loopline")


def everything() -> tuple[SourceFile, ...]:
    """Every Python file that people here write."""
    return python_files("src", "tests", "benchmarks", "examples", "scripts")


def dotted(node: ast.expr) -> str:
    """Spell `a.b.c`; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


@cache
def verbs() -> dict[str, Function]:
    """The verbs of the table whose file is there, each with its function."""
    found = {}
    for verb in VERBS:
        path = ROOT / "src" / "loopline" / "verbs" / f"{verb.name}.py"
        tree = _file(path).tree if path.exists() else ast.Module([], [])
        found.update({node.name: node for node in tree.body if isinstance(node, Function) and node.name == verb.name})
    return found
