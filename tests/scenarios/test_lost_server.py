"""A server that is down, slow, broken or somebody else never disturbs a training."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.nouns.digest import digest_of
from tests.sdk.scripted import Say, Scripted, problem

TRAINING = """
import logging, time
logging.basicConfig(format="%(message)s")
from loopline.sdk import shipper, wire
shipper.PATIENCE_S = 3.0
wire.QUICK = wire.Pace(tries=2, pause=0.01, patience=0.5, connect=0.5, read=0.5)
import loopline
before = time.perf_counter()
run = loopline.start("train", params={"depth": 8})
began = time.perf_counter()
slowest = 0.0
for step in range(20_000):
    one = time.perf_counter()
    run.log(loss=1.0, step=step)
    slowest = max(slowest, time.perf_counter() - one)
each = (time.perf_counter() - began) / 20_000
run.put("report/x", b"what it found")
ending = time.perf_counter()
run.finish()
print(run.id, began - before, each, slowest, time.perf_counter() - ending)
"""
"""What is measured has the patience of a test."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a project that is told of a server."""
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n')
    return tmp_path


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of something that is no server as one wishes."""
    if request.param is None:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        yield url
        return
    one = Scripted(request.param)
    yield one.url
    one.close()


BROKEN = {
    "nobody": None,
    "silent": Say(hang=60),
    "500": Say(500, b"oops", {"Content-Type": "text/plain"}),
    "a defect": problem("Unexpected", 500, "defect"),
    "a login page": Say(200, b"<html>Sign in", {"Content-Type": "text/html"}),
    "resets": Say(cut=-1),
    "a stranger": problem("Refused", 401, "not-signed-in"),
}


@pytest.mark.slow
@pytest.mark.parametrize("server", BROKEN.values(), ids=BROKEN.keys(), indirect=True)
def test_the_training_goes_on(project: Path, server: str) -> None:
    """The program ends well and soon, `log` costs what it costs with a ledger here, and everything waits in the journal."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", TRAINING], cwd=project, env={**os.environ, "LOOPLINE_URL": server}, capture_output=True,
        text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run, starting, each, slowest, ending = done.stdout.split()
    assert float(starting) < 1.0
    assert float(each) < 200e-6
    assert float(slowest) < 0.5
    assert float(ending) < 6.0
    assert time.monotonic() - began < 30
    journals = list((project / ".loopline" / "journal").iterdir())
    assert [one.name.partition("-")[0] for one in journals] == [run]
    assert "Traceback" not in done.stderr
    assert "waits in" in done.stderr
    kept = project / ".loopline" / "outbox" / "blobs" / "sha256"
    assert digest_of(b"what it found").removeprefix("sha256:") in {one.name for one in kept.iterdir()}
    assert journals[0].read_bytes().count(b'"points"') == 20_000
