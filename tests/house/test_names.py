"""Names say what a thing does."""

from __future__ import annotations

import ast
import re

from tests.house.source import everything, source

EMPTY_WORDS = {
    "utils",
    "util",
    "common",
    "core",
    "helpers",
    "helper",
    "misc",
    "base",
    "base_service",
    "lib",
    "tools",
    "shared",
}
EMPTY_ENDINGS = ("Manager", "Service", "Handler", "Helper", "Impl", "Info", "Util", "Utils")
EXEMPTION = re.compile(r"#\s*noqa(?P<codes>: ?[A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*)?(?P<reason>.*)")


def test_no_module_has_an_empty_name() -> None:
    """Nothing is called utils, common, core or helpers: say what it does, or put it where it is used."""
    named = [
        str(file) for file in everything() if EMPTY_WORDS & {part.removesuffix(".py") for part in file.path.parts[-3:]}
    ]
    assert named == []


def test_no_class_has_an_empty_ending() -> None:
    """A Manager, a Handler or an Info has not been named yet; a Service has, it is a kind of asset."""
    empty = [
        f"{file}:{node.name}"
        for file in source()
        for node in file.nodes
        if isinstance(node, ast.ClassDef)
        and node.name != "Service"
        and (node.name.endswith(EMPTY_ENDINGS) or node.name.startswith(("Abstract", "Base")))
    ]
    assert empty == []


def test_each_exemption_gives_its_reason() -> None:
    """Whoever turns a rule off for a line says which one and why, in that line."""
    silent = []
    for file in everything():
        for number, line in enumerate(file.lines, start=1):
            found = EXEMPTION.search(line)
            if (
                found
                and "re.compile" not in line
                and (not found["codes"] or not re.search(r"[a-z]{2}", found["reason"]))
            ):
                silent.append(f"{file}:{number} {line.strip()}")
    assert silent == []


def test_each_package_says_what_lives_in_it() -> None:
    """The docstring of a package is its glossary."""
    mute = [
        str(file)
        for file in source()
        if file.path.name == "__init__.py" and len(file.path.parts) and len(ast.get_docstring(file.tree) or "") < 40
    ]
    assert mute == []
