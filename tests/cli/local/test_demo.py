from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loopline.cli.story import THINNEST
from tests.cli.conftest import Said


@pytest.mark.parametrize("every", [0, -3, THINNEST + 1, 20])
def test_a_story_that_cannot_be_told_does_not_begin(run: Callable[..., Said], tmp_path: Path, every: int) -> None:
    """With so few flights that the policy refuses the first model, it is said at once, with how many are enough."""
    said = run("demo", str(tmp_path / "told"), "--every", str(every), "--json")
    assert (said.code, said.fault["kind"]) == (2, "too-thin")
    assert f"--every {THINNEST}" in said.fault["hint"]
    assert not (tmp_path / "told").exists()
