"""What a machine lacks is told by one function, which lets nothing pass unseen in CI."""

from __future__ import annotations

import re

import pytest

from tests.conftest import cannot
from tests.house.source import python_files

BY_ITSELF = re.compile(r"pytest\.(skip|importorskip|mark\.skip|mark\.skipif)\b")

MAY = {
    "tests/conftest.py": "that function",
    "tests/house/test_lacking.py": "these tests",
    "tests/clients/conftest.py": "a build of PyTorch for the CPU is on no package index; where one is at hand it is tested",
    "tests/cli/test_complete.py": "zsh and fish are no part of Loopline, and in CI there is bash",
    "tests/environments/test_doctor.py": "root, who runs the CI, may write anywhere",
}
"""Who may skip by itself, and why."""


def test_a_test_is_skipped_by_one_function_only() -> None:
    """A test that skips by itself may never run, and nobody would hear of it."""
    skipping = [
        f"{file}:{number}"
        for file in python_files("tests")
        if str(file) not in MAY
        for number, line in enumerate(file.path.read_text(encoding="utf-8").splitlines(), 1)
        if BY_ITSELF.search(line)
    ]
    assert skipping == []


@pytest.mark.parametrize(("variable", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_is_skipped_elsewhere_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, variable: str, outcome: type[BaseException]
) -> None:
    """With CI set a test that cannot run fails, and without it is skipped, for the reason given."""
    monkeypatch.setenv("CI", variable)
    with pytest.raises(outcome, match="no strace"):
        cannot("no strace")
