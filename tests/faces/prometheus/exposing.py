"""What is scraped, held against Prometheus' own tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.conftest import cannot

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
"""What Prometheus 2.42 says that it accepts, without what it has of former drafts."""


def tool(name: str) -> str:
    """Find one of Prometheus' programs."""
    found = shutil.which(name)
    if found is None:
        cannot(f"{name} is not installed (Debian: apt-get install prometheus)")
    return found


def checked(text: str) -> None:
    """Let `promtool` look at names, units and help texts: it must have nothing to say."""
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def promtool(*words: str, folder: Path) -> str:
    """Run promtool and give what it says; it must be content."""
    done = subprocess.run(
        [tool("promtool"), *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def samples(text: str) -> dict[str, float]:
    """Give every sample of an exposition, in either format, by its name and labels as they are written in queries."""
    read = openmetrics if text.endswith("# EOF\n") else plain
    return {
        one.name + ("{" + ",".join(f'{key}="{value}"' for key, value in sorted(one.labels.items())) + "}" if one.labels else ""):
        one.value
        for family in read(text) for one in family.samples
    }  # fmt: skip
