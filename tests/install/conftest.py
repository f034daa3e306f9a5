"""What the linter of install/ found and rendered, once for all tests."""

from __future__ import annotations

import json
import subprocess
from typing import Any, cast

import pytest

from tests.conftest import ROOT, cannot

LINTER = ROOT / ".venv-install" / "bin" / "python"


@pytest.fixture(scope="session")
def found() -> dict[str, Any]:
    """Give what scripts/lint_install.py prints."""
    if not LINTER.exists():
        cannot("the linters of install/ are not here (make check-install sets them up)")
    script = str(ROOT / "scripts" / "lint_install.py")
    done = subprocess.run([str(LINTER), script, "--json"], check=True, capture_output=True, text=True, timeout=110)
    return cast("dict[str, Any]", json.loads(done.stdout))


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the specification of every pod that manifests ask for, by kind and name."""
    specs = {}
    for one in manifests:
        if one["kind"] == "Pod":
            specs[f"Pod/{one['metadata']['name']}"] = one["spec"]
        elif "template" in one.get("spec", {}):
            specs[f"{one['kind']}/{one['metadata']['name']}"] = one["spec"]["template"]["spec"]
    return specs
