"""Every kind of error is a stable word that somebody can look up."""

from __future__ import annotations

import ast
import re

from tests.house.source import ROOT, dotted, source

CLASSES = {"Invalid", "NotFound", "Conflict", "Refused", "Unavailable"}
PAGE = ROOT / "docs" / "reference" / "errors.md"
WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


def test_every_kind_of_error_is_documented() -> None:
    """Whoever meets a kind finds it in docs/reference/errors.md, under its class."""
    assert sorted(raised() - documented()) == []


def test_kinds_are_short_words_with_dashes() -> None:
    """A kind is for programs: lower case, dashes, no sentence."""
    assert [kind for _, kind in raised() if not WORD.match(kind)] == []


def test_each_error_of_ours_gives_a_kind_and_a_next_step() -> None:
    """Nothing is raised without a kind, and nothing a person meets without a hint."""
    bare = []
    for file in source():
        for node in file.nodes:
            if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in CLASSES:
                given = {word.arg for word in node.keywords}
                if None not in given and not {"kind", "hint"} <= given:
                    bare.append(f"{file}:{node.lineno}")
    assert bare == []


def raised() -> set[tuple[str, str]]:
    """Class and kind of every error that the source makes with a literal kind."""
    return {
        (dotted(node.func).rpartition(".")[2], word.value.value)
        for file in source()
        for node in file.nodes
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in CLASSES
        for word in node.keywords
        if word.arg == "kind" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
    }


def documented() -> set[tuple[str, str]]:
    """Class and kind of every line of the page."""
    found, cls = set(), ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            cls = line.removeprefix("## ").partition(":")[0].strip()
        elif line.startswith("| `"):
            found.add((cls, line.split("`")[1]))
    return found
