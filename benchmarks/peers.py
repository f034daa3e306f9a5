"""peers: the tools we compare with, each in an environment of its own, outside the project, made when first needed.

Where what is installed beside it matters, Loopline itself gets such an environment, with what a service needs and no more.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OURSELVES = (f"--editable={Path(__file__).parents[1]}[sklearn,tables]", "scikit-learn==1.9.1")
PINS = {
    "mlflow": ("mlflow==3.17.2",),
    "dvc": ("dvc==3.67.1",),
    "prefect": ("prefect==3.8.8", "fastapi==0.139.2"),  # newer FastAPI releases break this Prefect's server
    "litserve": ("litserve==0.2.19", "scikit-learn==1.9.1"),
    "bentoml": ("bentoml==1.4.40", "scikit-learn==1.9.1"),
    "fastapi": ("fastapi==0.139.2", "uvicorn[standard]==0.54.0", "scikit-learn==1.9.1"),
    "evidently": ("evidently==0.7.23", "pandas==2.3.3", "pyarrow==26.0.1"),  # pandas 3 lacks what it needs
    "mlserver": (  # newer releases of uvloop end its model process
        "mlserver==1.7.1",
        "mlserver-sklearn==1.7.1",
        "scikit-learn==1.9.1",
        "uvloop==0.21.0",
    ),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """One installed peer."""

    name: str
    version: str
    bin: Path

    @property
    def python(self) -> Path:
        """Its own interpreter."""
        return self.bin / "python"

    @property
    def command(self) -> Path:
        """Its own command."""
        return self.bin / self.name


def cache() -> Path:
    """Give the folder for what takes long to make and can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loopline-bench"


def peer(name: str) -> Peer:
    """Give a peer, installing it first where it is missing or another version."""
    folder = cache() / "venvs" / name
    wanted = OURSELVES if name == "loopline" else PINS[name]
    pins = "\n".join(wanted)
    mark = folder / "pins.txt"
    if not mark.exists() or mark.read_text() != pins:
        print(f"installing {' '.join(wanted)} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *wanted], check=True)
        mark.write_text(pins)
    return Peer(name, wanted[0].partition("==")[2], folder / "bin")


def environment(home: Path) -> dict[str, str]:
    """Give everybody the same clean environment: a home of its own, no telemetry, no colours."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Bench", "GIT_AUTHOR_EMAIL": "bench@example.com",
        "GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.com",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DVC_NO_ANALYTICS": "1",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "LOOPLINE_ACTOR": "person:bench",
    }  # fmt: skip
