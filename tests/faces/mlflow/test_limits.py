"""What fits a name."""

from __future__ import annotations

import pytest

from loopline.faces.mlflow import limits
from loopline.faces.mlflow.errors import Fault


@pytest.mark.parametrize("name", ["a", "a/b", "a.b-c_d e:f", "é", "a" * 250, "a..b", ".a"])
def test_names_that_clients_use_fit(name: str) -> None:
    """Letters of any language, digits, and a few signs."""
    limits.key_fits(name)


@pytest.mark.parametrize(
    "name", ["", "a" * 251, "/a", "../a", "a/../b", "a//b", "a/", ".", "..", "a\n", "a$", "./a", "a\\b"]
)
def test_names_that_could_be_paths_elsewhere_do_not(name: str) -> None:
    """Nor what is too long, or no name at all."""
    with pytest.raises(Fault):
        limits.key_fits(name)
