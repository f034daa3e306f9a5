"""What others build on changes on purpose only.

After a wanted change: `python -m tests.house.test_public`.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import loopline
from tests.house.source import verbs

SNAPSHOT = Path(__file__).with_name("public.txt")


def test_public_names_and_signatures_equal_the_snapshot() -> None:
    """A public name, or the signature of a verb, changes together with tests/house/public.txt."""
    assert current() == SNAPSHOT.read_text(encoding="utf-8").splitlines()


def test_there_are_at_most_25_public_names() -> None:
    """What a newcomer has to know fits on one screen."""
    assert len(loopline.__all__) <= 25


def test_public_names_are_sorted_and_exist() -> None:
    """Each public name can be loaded, is documented and has one place in the list."""
    assert list(loopline.__all__) == sorted(set(loopline.__all__))
    assert [name for name in loopline.__all__ if not inspect.getdoc(getattr(loopline, name))] == []


def current() -> list[str]:
    """Public names with their signatures, then verbs with theirs, as they are now."""
    lines = []
    for name in loopline.__all__:
        value = getattr(loopline, name)
        is_function = inspect.isfunction(value)
        lines.append(f"loopline.{name}{inspect.signature(value) if is_function else ''}")
    lines += [
        f"verb {name}({ast.unparse(verb.args)}) -> {ast.unparse(verb.returns)}"
        for name, verb in sorted(verbs().items())
        if verb.returns
    ]
    return lines


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(current()) + "\n", encoding="utf-8")
