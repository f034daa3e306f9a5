"""A project written into a folder, with a ledger in memory and a store on disk, so that workers can read it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from loopline.datasets.tree import build
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName
from loopline.nouns.plan import Ran
from loopline.nouns.run import Run
from loopline.store.local import LocalBlobs
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop

from .conftest import ANN, DATA, PROJECT, World

TOTAL = AssetName(PROJECT, "model", "total")
TINY = """
    from loopline import Data, Evaluation, pipeline, step
    from loopline.nouns.evaluation import Estimate

    @step
    def read(data: Data) -> list[int]:
        return [int(word) for path in data.files() for word in path.read_text().split()]

    @step
    def total(numbers: list[int], plus: int) -> int:
        return sum(numbers) + plus

    @step
    def measure(number: int) -> Evaluation:
        return Evaluation((Estimate("number", float(number)), Estimate("number", 1.0, slice="day", member="mon")), {"rows": "3"})

    @pipeline
    def train(data: Data = Data("data/flights"), plus: int = 0):
        number = total(read(data), plus)
        measure(number)
        return {"model/total": number}
"""
"""Three steps in a row, one asset in, one out."""


class Project(World):
    """What a test of pipelines works in."""

    def __init__(self, folder: Path, **ports: Any) -> None:
        self.home = folder / ".loopline"
        given: dict[str, Any] = {
            "clock": FakeClock(step=1000),
            "blobs": LocalBlobs(self.home),
            "work": self.home / "cache",
            "store": ("loopline.wiring:blobs_at", ("", str(self.home), "0")),
        }
        super().__init__(loop(PROJECT, **(given | ports)))
        self.code = Digest("")

    def write(self, **modules: str) -> Digest:
        """Store a source tree: `tiny="…"` becomes tiny.py."""
        files = {f"{name}.py": dedent(text).encode() for name, text in modules.items()}
        entries = [Entry(name, self.loop.blobs.put(body), len(body)) for name, body in files.items()]
        self.code = build(self.loop.blobs, sorted(entries))
        return self.code

    def run(self, pipeline: str = "train", *, modules: tuple[str, ...] = ("tiny",), **asked: Any) -> Any:
        """Run a pipeline of what was written last, in this process unless another executor is asked for."""
        asked = {"code": self.code, "executor": "inline", "modules": modules, **asked}
        return self.do("run", pipeline, by=asked.pop("by", ANN), **asked)

    def trained(self, **asked: Any) -> Ran:
        """Run it and see that it finished."""
        ran: Ran = self.run(**asked)
        assert ran.run.state == "finished", ran.run.error
        return ran

    def runs(self, kind: str = "pipeline") -> list[Run]:
        """Give every run of a kind, newest first."""
        with self.loop.ledger.read() as tx:
            rows = tx.rows.all("SELECT id FROM runs WHERE kind = ? ORDER BY id DESC", kind)
            return [tx.runs.get(row[0]) for row in rows]

    def count(self, asset: AssetName) -> int:
        """Count the versions of an asset."""
        with self.loop.ledger.read() as tx:
            found = tx.assets.find(asset)
        return found.last_number if found else 0


def states(ran: Ran) -> dict[str, str]:
    """Give the state of each step."""
    return {step.name: str(step.state) for step in ran.steps}


__all__ = ["DATA", "TINY", "TOTAL", "Project", "states"]
