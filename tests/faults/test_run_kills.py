"""Runs that are killed at random moments, many times, while others run beside them."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.scenarios.desk import Desk


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_hundred_killed_runs_leave_nothing_half(tmp_path: Path) -> None:
    """SIGKILL a hundred times, two runs at once: every run is over in the end, all bytes are sound, and the work gets done."""
    desk, seed = Desk(tmp_path / "tiny"), random.randrange(1 << 30)
    chance = random.Random(seed)
    assert desk.type("add", "data/tiny").code == 0
    for turn in range(50):
        desk.body(f"time.sleep({chance.uniform(0, 0.2):.3f}); print({turn})")
        pair = [desk.start("run", "train"), desk.start("run", "train")]
        for process in pair:
            time.sleep(chance.uniform(0, 0.5))
            process.kill()
        for process in pair:
            _, err = process.communicate(timeout=30)
            assert process.returncode in {-9, 0}, (seed, turn, err)
            assert "Traceback" not in err, (seed, turn, err)
    assert desk.type("run", "train").code == 0, seed
    for kind in ("pipeline", "step"):
        assert not {"running", "pending"} & set(desk.runs(kind)), seed
    assert desk.type("verify", "--deep").code == 0, seed
    left = {path.stem for path in (desk.folder / ".loopline" / "cache" / "running").iterdir()}
    known = {run["id"] for run in json.loads(desk.type("find", "runs", "--limit", "1000", "--json").out)["result"]}
    assert not left & known, seed  # only work that died before it was written down may wait for its day
    scratch = desk.folder / ".loopline" / "cache" / "scratch"
    assert sum(1 for _ in os.scandir(scratch)) < 100
