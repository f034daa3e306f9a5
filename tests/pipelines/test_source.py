"""Modules cut into statements."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.pipelines.source import SourceTree, roots


def cut(tmp_path: Path, code: str) -> dict[str, str]:
    """Give kind by label of each statement of a module."""
    (tmp_path / "m.py").write_text(code)
    module = SourceTree(tmp_path).find("m")
    assert module is not None
    return {item.label.removeprefix("m.").removeprefix("m "): item.kind for item in module.items}


KINDS = {
    "def f(): pass": {"f": "def"},
    "async def f(): pass": {"f": "def"},
    "class C: pass": {"C": "class"},
    "A = 1": {"A": "constant"},
    "A = (1, -2, 'x')": {"A": "constant"},
    "A: int = 1": {"A": "constant"},
    "A = []": {"A": "value"},
    "A, B = f()": {"A": "value"},
    "A.x = 1": {"(statement)": "effect"},
    "A['x'] = 1": {"(statement)": "effect"},
    "A = 1\nA += 1": {"A": "constant", "(statement)": "effect"},
    "f()": {"(statement)": "effect"},
    "for x in y: pass": {"(statement)": "effect"},
    "try:\n  import x\nexcept ImportError:\n  x = None": {"x": "value"},
    "if f(): A = 1": {"(statement)": "effect"},
    "'text'\n...\nA = 1": {"A": "constant"},
    "if TYPE_CHECKING:\n  import x\nA = 1": {"A": "constant"},
    "if __name__ == '__main__':\n  f()\nA = 1": {"A": "constant"},
    "A = 1\nA = 2": {"A": "constant", "A #2": "constant"},
}


@pytest.mark.parametrize(("code", "kinds"), KINDS.items())
def test_statements_have_kinds(tmp_path: Path, code: str, kinds: dict[str, str]) -> None:
    """Constants, values, definitions and effects are told apart; texts and what never runs are left out."""
    assert cut(tmp_path, code) == kinds


def test_modules_are_found_as_python_finds_them(tmp_path: Path) -> None:
    """Packages, modules, folders without __init__ and compiled files are modules; other folders are not."""
    for name in ("a.py", "p/__init__.py", "p/q.py", "n/deep/x.py", "data/readme.txt", "src/s.py", ".hidden/h.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("X = 1\n")
    (tmp_path / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"code")
    tree = SourceTree(tmp_path)
    assert all(tree.find(name) for name in ("a", "p", "p.q", "n", "n.deep.x", "s", "fast"))
    assert not any(tree.find(name) for name in ("data", "b", "p.r", "numpy"))
    assert {"a", "p", "p.q", "n.deep.x", "s"} <= set(tree.names())
    assert roots(tmp_path) == [tmp_path, tmp_path / "src"]


def test_a_tree_is_named_by_what_its_files_hold(tmp_path: Path) -> None:
    """Times and caches do not count, names and bytes do."""
    (tmp_path / "a.txt").write_text("1")
    first = SourceTree(tmp_path).digest()
    os.utime(tmp_path / "a.txt", (1, 1))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert SourceTree(tmp_path).digest() == first
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert SourceTree(tmp_path).digest() != first
