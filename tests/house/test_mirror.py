"""Tests mirror the source and state a claim."""

from __future__ import annotations

import ast
import re

from tests.house.source import COLUMNS, ROOT, Function, SourceFile, python_files, source

ONE_SENTENCE = re.compile(r"[.!?]\s+[A-Z]")


def test_each_module_of_columns_and_verbs_has_its_test_file() -> None:
    """Whoever changes a module knows without searching where its tests are."""
    missing = [
        f"{file} → tests/{file.package}/test_{file.path.stem}.py"
        for file in source()
        if file.package in (*COLUMNS, "verbs")
        and "migrations" not in file.path.parts
        and does_something(file)
        and not (ROOT / "tests" / file.package / f"test_{file.path.stem}.py").exists()
    ]
    assert missing == []


def test_each_mirrored_test_file_has_a_module() -> None:
    """A test file whose module is gone tests something else by now."""
    orphans = [
        str(file)
        for file in python_files(*(f"tests/{column}" for column in (*COLUMNS, "verbs", "store", "nouns")))
        if file.path.name.startswith("test_") and not module_of(file)
    ]
    assert orphans == []


def test_each_test_states_its_claim_in_one_sentence() -> None:
    """A failing test says in its docstring what is no longer true."""
    mute = []
    for file in python_files("tests", "src/loopline/testing"):
        for function in file.functions:
            if not function.name.startswith("test_"):
                continue
            claim = ast.get_docstring(function) or ""
            if not claim.endswith(".") or "\n\n" in claim or ONE_SENTENCE.search(claim):
                mute.append(f"{file}:{function.lineno} {function.name}")
    assert mute == []


def does_something(file: SourceFile) -> bool:
    """Whether any function has a body: a module of values or of promises has nothing to get wrong."""
    return file.path.stem != "__init__" and any(has_body(function) for function in file.functions)


def has_body(function: Function) -> bool:
    """Whether there is more to it than a docstring."""
    return not all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in function.body)


def module_of(test: SourceFile) -> bool:
    """Whether the module or the package that this file is named after exists."""
    folder = ROOT / "src" / "loopline" / test.path.relative_to(ROOT / "tests").parent
    name = test.path.stem.removeprefix("test_")
    return (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists() or name == folder.name
