"""Installed packages, read from their metadata."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path

from loopline.pipelines.packages import Packages, canonical


def install(site: Path, name: str, version: str, *modules: str, requires: tuple[str, ...] = ()) -> None:
    """Pretend that a distribution is installed."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("".join(f"{one},sha256=x,1\n" for one in modules))
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n{lines}\nRequires-Dist: not-this\n")


def test_modules_lead_to_distributions_and_what_they_require(tmp_path: Path) -> None:
    """Names may differ; requirements are followed, extras and what is not installed are not."""
    install(
        tmp_path,
        "scikit_learn",
        "1.6",
        "sklearn/__init__.py",
        requires=("NumPy (>=1)", 'docs; extra == "docs"', "gone"),
    )
    install(tmp_path, "numpy", "2.0", "numpy/__init__.py", requires=("tiny.base>=1",))
    install(tmp_path, "tiny_base", "0.1", "tiny.py")
    install(tmp_path, "docs", "3", "docs/__init__.py")
    install(tmp_path, "unused", "1", "unused/__init__.py")
    found = Packages([str(tmp_path)]).reached(["sklearn.linear_model"])
    assert found == {"numpy": "2.0", "scikit-learn": "1.6", "tiny-base": "0.1"}


def test_a_namespace_has_several_owners(tmp_path: Path) -> None:
    """All distributions with files under one top-level name count."""
    install(tmp_path, "a", "1", "google/a/__init__.py")
    install(tmp_path, "b", "2", "google/b/__init__.py")
    assert Packages([str(tmp_path)]).reached(["google.a"]) == {"a": "1", "b": "2"}


def test_a_module_nobody_owns_counts_by_its_files(tmp_path: Path) -> None:
    """A loose file on the path is known by its bytes; what is not there says so."""
    (tmp_path / "loose_one.py").write_text("x = 1")
    first = Packages([str(tmp_path)]).reached(["loose_one", "not_there_at_all"])
    (tmp_path / "loose_one.py").write_text("x = 2")
    second = Packages([str(tmp_path)]).reached(["loose_one", "not_there_at_all"])
    assert first["module loose_one"] != second["module loose_one"]
    assert first["module not_there_at_all"] == "absent"


def test_it_agrees_with_importlib_on_what_is_installed_here() -> None:
    """For the packages of this environment names and versions are those of the standard library."""
    found = Packages().reached(["sklearn", "pandas", "msgspec"])
    assert {"scikit-learn", "numpy", "pandas", "msgspec", "scipy"} <= found.keys()
    for name, version in found.items():
        assert importlib.metadata.version(name) == version


def test_it_is_fast_enough_for_a_command_that_runs_nothing() -> None:
    """Reading all that a typical project reaches takes a small part of half a second."""
    began = time.process_time()
    Packages().reached(["sklearn", "pandas", "numpy", "pyarrow"])
    assert time.process_time() - began < 0.15


def test_names_are_compared_as_pep_503_says() -> None:
    """Case, dots, dashes and underscores do not tell two distributions apart."""
    assert canonical("Ruamel.YAML_x--y") == "ruamel-yaml-x-y"
