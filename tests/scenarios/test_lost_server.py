"""A server that is down, slow, broken or somebody else never disturbs a training."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.nouns.digest import digest_of
from loopline.nouns.run import Point
from loopline.sdk.remote import Remote
from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.sdk.cutting import cutting
from tests.sdk.scripted import Say, Scripted, problem
from tests.started import Served, serving
from tests.warm import run

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
for step in range(5_000):
    one = time.perf_counter()
    run.log(loss=1.0, step=step)
    slowest = max(slowest, time.perf_counter() - one)
each = (time.perf_counter() - began) / 5_000
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
    done = run_in(project, TRAINING, server)
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
    assert journals[0].read_bytes().count(b'"points"') == 5_000


LOGGING = """
import logging, time
logging.basicConfig(format="%(message)s")
from loopline.sdk import shipper, wire
shipper.PAUSE_S, shipper.PATIENCE_S = 0.01, 20.0
wire.QUICK = wire.Pace(tries=3, pause=0.01, patience=0.5, connect=0.5, read=2.0)
import loopline
with loopline.start("train", params={"depth": 8}) as run:
    for step in range(600):
        run.log(loss=1.0, step=step)
        if step % 20 == 0:
            time.sleep(0.01)
        if step % 200 == 0:
            run.put(f"report/r{step}", f"{step}".encode() * 400)
print(run.id)
"""


LIST = "import sys; from loopline.cli.main import main; sys.exit(main(['ls']))"
SHOW = "import sys; from loopline.cli.main import main; sys.exit(main(['show', 'report/x@1', '--json']))"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server as it should be."""
    with serving(tmp_path_factory.mktemp("server"), "--no-worker") as served:
        yield served


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_answers_that_are_cut_double_nothing(project: Path, real: Served, seed: int) -> None:
    """With a third of all answers cut after the server has done its work, every point and every version is there once."""
    (project / "loopline.toml").write_text(f'[project]\nname = "cut{seed}"\n')
    with cutting(real.url, share=0.3, seed=seed) as way:
        for _ in range(2):
            done = run_in(project, LOGGING, way.url)
            assert done.returncode == 0, done.stderr
        for _ in range(10):  # what a run had to leave is for the next command
            if not list((project / ".loopline" / "journal").iterdir()):
                break
            run_in(project, LIST, way.url)
        assert way.cuts > 3
    client = Remote(real.url, "", f"cut{seed}", "person:ann", work=project / "cache")
    runs = client.do("find", "runs")
    assert [(one.state, one.params, one.metrics) for one in runs] == [("finished", {"depth": "8"}, {"loss": 1.0})] * 2
    for one in runs:
        assert [point.step for point in points_of(real, one.id)] == list(range(600))
        assert sorted(link.asset or "" for link in one.outputs) == ["report/r0", "report/r200", "report/r400"]
    for step in (0, 200, 400):
        versions = client.do("history", f"report/r{step}")
        assert {one.run for one in versions} == {one.id for one in runs}
        assert len(versions) == 2
    assert not list((project / ".loopline" / "journal").iterdir())


@pytest.mark.slow
def test_what_was_left_is_shipped_when_the_server_is_back(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A run that found no server is complete as soon as the next command finds one: points, bytes, code and its end."""
    folder = tmp_path_factory.mktemp("late")
    with serving(folder, "--no-worker") as served:
        url, port = served.url, int(served.url.rpartition(":")[2])
    run = run_in(project, TRAINING, url).stdout.split()[0]
    with serving(folder, "--no-worker", port=port):
        done = run_in(project, SHOW, url)
        assert done.returncode == 0, done.stderr
        client = Remote(url, "", "flights", "person:ann", work=project / "cache")
        found = client.do("show", run)
        assert (found.state, found.metrics, [one.asset for one in found.outputs]) == (
            "finished",
            {"loss": 1.0},
            ["report/x"],
        )
        assert client.blobs.read(found.outputs[0].digest) == b"what it found"
        assert found.code is not None
        assert client.blobs.size(found.code) is not None
    assert not list((project / ".loopline" / "journal").iterdir())
    assert not list((project / ".loopline" / "outbox" / "blobs" / "sha256").iterdir())


@pytest.mark.slow
def test_a_journal_for_another_server_stays(project: Path, real: Served) -> None:
    """What a run logged for one server is shipped neither to another one nor to a ledger here."""
    run_in(project, TRAINING, "http://127.0.0.1:9")
    left = {one.name for one in (project / ".loopline" / "journal").iterdir()}
    for url in (real.url, "embedded"):
        assert run_in(project, LIST, url).returncode == 0
        assert {one.name for one in (project / ".loopline" / "journal").iterdir()} == left


def run_in(project: Path, text: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a project that is told of a server."""
    return run("-c", text, cwd=project, env={**os.environ, "LOOPLINE_URL": url, "LOOPLINE_ACTOR": "ann"})


def points_of(served: Served, run: str) -> list[Point]:
    """Read the points of a run from the server's own ledger."""
    loop = open_loop(load_settings(served.folder, environ={}))
    try:
        with loop.ledger.read() as tx:
            return list(tx.metrics.history(run, "loss", limit=10**6))
    finally:
        loop.ledger.close()
