"""What must not type-check does not, and what users write does."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOUND = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[a-z-]+)\]$")
EXPECTED = re.compile(r"# error: (?P<codes>[a-z-]+(, [a-z-]+)*)$")


def test_wrong_programs_are_refused() -> None:
    """Each wrong line gives the error that stands behind it, and no right line gives any."""
    expected = {
        number: set(found["codes"].split(", "))
        for number, line in enumerate((HERE / "wrong.py").read_text(encoding="utf-8").splitlines(), start=1)
        if (found := EXPECTED.search(line))
    }
    assert len(expected) > 8
    assert errors("wrong.py") == expected


def test_right_programs_pass() -> None:
    """What the documents teach passes `mypy --strict`."""
    assert errors("right.py") == {}


def errors(name: str) -> dict[int, set[str]]:
    """Run mypy strictly over one file and give the codes of its errors by line."""
    told, failed, status = api.run([
        str(HERE / name),
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--no-error-summary",
    ])
    assert status in (0, 1), failed
    found: dict[int, set[str]] = {}
    for line in told.splitlines():
        match = FOUND.match(line)
        if match and match["file"].endswith(name):
            found.setdefault(int(match["line"]), set()).add(match["code"])
    return found
