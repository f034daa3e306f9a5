"""A step reads one file of a large version, and its lineage says what it read, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.warm import run

TOML = '[project]\nname = "flights"\nmodules = ["train"]\n'
TRAIN = """
from loopline import Data, pipeline, step


@step
def first(trips: Data) -> int:
    import fsspec
    import loopline

    files = loopline.data(trips)
    total = int(files.open("b.txt").read())
    return total + int(fsspec.open(f"loopline://{trips.version}/b.txt").open().read())


@pipeline
def train(trips: Data = Data("data/trips")):
    return {"model/total": first(trips)}
"""


@pytest.mark.long
def test_a_step_reads_lazily(tmp_path: Path) -> None:
    """What the step was given is opened by its version: no other file is fetched, and the edge is the one that was there."""
    (tmp_path / "loopline.toml").write_text(TOML)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "data/trips").mkdir(parents=True)
    for name, text in (("a.txt", "1"), ("b.txt", "20")):
        (tmp_path / "data/trips" / name).write_text(text)
    for words in (["add", "data/trips", "data/trips"], ["run", "train"]):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr + done.stdout
    done = run("find", "runs", "name = 'first'", "--steps", "--json", cwd=tmp_path)
    (step,) = json.loads(done.stdout)["result"]
    (read,) = step["inputs"]
    assert (read["name"], read["asset"], read["number"]) == ("trips", "data/trips", 1)
    cache = tmp_path / ".loopline" / "cache"
    assert not (cache / "trees" / read["digest"].removeprefix("sha256:")).exists()
