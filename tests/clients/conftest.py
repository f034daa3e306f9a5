"""Other projects' own clients, each in an environment outside the project's, and a real server for them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import cannot

ROOT = Path(__file__).parents[2]
LIBRARIES = ("xgboost-cpu==3.2.0", "lightgbm==4.7.0", "psutil==7.2.2", "scikit-learn==1.9.1", "skops==0.16.0")
PINS = {
    "openlineage": ("openlineage-python==1.54.0",),
    "triton": ("tritonclient[http,grpc]==2.73.0",),
    "kserve": ("kserve==0.21.0",),
    "mcp": ("mcp==1.30.0",),
    "s3fs": ("s3fs==2026.9.0",),
    "obstore": ("obstore==0.12.1",),
    "awscli": ("awscli==1.46.2",),
    "oras": ("oras==0.2.43",),
    "lakefs": ("lakefs==0.16.0", "lakefs-sdk==1.88.0", "lakefs-spec==0.15.1"),
    "duckdb": ("duckdb==1.4.4", "duckdb-ext-httpfs==1.4.4.20260205"),
    "dvc": ("dvc==3.67.1", "dvc-s3==3.3.0"),
    "mlflow": ("mlflow==3.17.2", *LIBRARIES),
    "mlflow2": ("mlflow==2.22.5", "opentelemetry-sdk==1.33.1", "sqlalchemy==2.0.58", *LIBRARIES),
    "torch": ("mlflow==3.17.2", "torch==2.13.0+cpu", "pytorch-lightning==2.6.1"),
    "serving": ("mlflow-skinny==3.17.2", "pandas==2.3.3", *LIBRARIES, "-e", f"{ROOT}[sklearn,tables]"),
}
"""What is driven, unmodified, from the package index."""
RARE = frozenset({"torch"})
"""What is tested where it is at hand: builds of PyTorch for the CPU are on no package index, and the one for CUDA has 3 GB."""
HERE = Path(__file__).parent
MAIN = "import sys; from loopline.cli.entry import main; sys.exit(main())"
LINE = re.compile(r"listens on (http://\S+)")

Client = Callable[..., str]


def cache() -> Path:
    """Give the folder for environments, which take long to make and can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loopline-clients"


def installed(name: str) -> Path:
    """Give the interpreter of a client's environment, made where it is missing or holds something else.

    Where that cannot be (no network), the test is skipped; in CI that is a failure.
    """
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes of the tests may want it at once
        return _made(name)


def _made(name: str) -> Path:
    folder, pins = cache() / name, "\n".join(PINS[name])
    mark, python = folder / "pins.txt", folder / "bin" / "python"
    if mark.exists() and mark.read_text(encoding="utf-8") == pins:
        return python
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), *PINS[name]]
    env = {**os.environ, "UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], install):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
        if done.returncode and name in RARE:
            pytest.skip(f"{name} cannot be installed: {done.stderr[-300:]}")
        if done.returncode:
            cannot(f"{name} cannot be installed: {done.stderr[-300:]}")
    mark.write_text(pins, encoding="utf-8")
    return python


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Give a function that runs a program of `programs/` in its client's environment and gives what it printed."""

    def run(name: str, program: str, *words: str, given: str = "") -> str:
        done = subprocess.run(
            [str(installed(name)), str(HERE / "programs" / program), *words], check=False, capture_output=True, text=True,
            input=given, cwd=tmp_path, timeout=110, env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Run `loopline up` for an empty project and give its address."""
    with serving(tmp_path) as url:
        yield url


@contextmanager
def serving(folder: Path, python: str = sys.executable) -> Iterator[str]:
    """Run `loopline up` for an empty project in a folder, with the packages of some interpreter."""
    (folder / "loopline.toml").write_text('[project]\nname = "flights"\n', encoding="utf-8")
    process = subprocess.Popen(
        [python, "-c", MAIN, "up", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if found := LINE.search(line):
                break
        else:
            pytest.fail(said)
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(server: str, question: str) -> Any:
    """Ask the server something."""
    with urllib.request.urlopen(f"{server}/api/v1/{question}", timeout=30) as answer:
        return json.load(answer)["result"]
