"""A disk that fills up under a run: the program goes on, what fitted is kept, what did not is counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.nouns.run import RunState
from loopline.sdk.client import Local
from loopline.sdk.leftovers import adopt
from loopline.settings import load_settings
from loopline.wiring import open_loop
from tests.mounting import mounted

pytestmark = pytest.mark.faults

PROGRAM = """
import loopline, os, sys
run = loopline.start("train")
run.log(loss=0.0, step=0)
run.flush()
taken = os.open(sys.argv[1] + "/ballast", os.O_CREAT | os.O_WRONLY)
try:
    while os.write(taken, b"x" * 4096): pass
except OSError:
    pass
for step in range(1, 20001):
    run.log(loss=1.0, step=step)
print(run._journal.lost, flush=True)
if sys.argv[2] == "freed":
    os.unlink(sys.argv[1] + "/ballast"); os.close(taken)
    run.log(loss=2.0, step=30000)
run.finish()
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home on a file system of 6 MB."""
    home = tmp_path / "small"
    (tmp_path / "loopline.toml").write_text('[project]\nname = "flights"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOOPLINE_HOME", str(home))
    with mounted(home, "-t", "tmpfs", "-o", "size=6m", "loopline-test"):
        yield home


@pytest.mark.parametrize("later", ["freed", "full"])
def test_the_disk_fills_up(small: Path, later: str) -> None:
    """Nothing is raised; all but the counted records are in the ledger once there is room, at the end or later."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(small), later], capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    lost = int(done.stdout)
    assert 0 < lost < 20000
    assert f"lost {lost}" in done.stderr or later == "full"
    (small / "ballast").unlink(missing_ok=True)
    local = Local(open_loop(load_settings()))
    try:
        adopt(local, small / "journal")
        with local.loop.ledger.read() as tx:
            (row,) = tx.rows.all("SELECT id FROM runs")
            run = tx.runs.get(row[0])
            steps = [one.step for one in tx.metrics.history(row[0], "loss", limit=10**6)]
        assert run.state in {RunState.FINISHED, RunState.CRASHED}
        assert len(steps) == len(set(steps)) == 20001 - lost + (later == "freed")
        assert (run.state is RunState.FINISHED) or later == "full"
    finally:
        local.close()
    assert list((small / "journal").iterdir()) == []
