"""Fill the ledger of the folder: `loopline_fill.py RUNS POINTS` tells the id of a run with a series of so many points.

Each run has ten params and ten metrics, as those that `mlflow_fill.py` writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from loopline.nouns.run import Run, RunState
from loopline.settings import load_settings
from loopline.wiring import open_loop

BEGAN = 1_700_000_000_000_000


def main() -> None:
    runs, points = int(sys.argv[1]), int(sys.argv[2])
    loop = open_loop(load_settings(Path()))
    for start in range(0, runs, 1000):
        numbers = range(start, min(start + 1000, runs))
        with loop.ledger.write(loop.project, loop.actor) as tx:
            made = tx.runs.start_all([
                Run(
                    loop.ids.new(), loop.project, f"run {number}", state=RunState.FINISHED, started_at=BEGAN + number * 1000,
                    ended_at=BEGAN + number * 1000 + 1, params={f"p{k}": str(number % (k + 2)) for k in range(10)},
                )
                for number in numbers
            ])  # fmt: skip
            for number, run in zip(numbers, made, strict=True):
                values = {f"m{k}": ((number * 7919 + k) % 10_007) / 10_007 for k in range(10)}
                tx.metrics.extend(run.id, {key: [(0, BEGAN, value)] for key, value in values.items()})
            tx.say("bench.filled", loop.project)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        (run,) = tx.runs.start_all([Run(loop.ids.new(), loop.project, "long", started_at=BEGAN)])
        tx.metrics.extend(run.id, {"loss": [(n, BEGAN + n * 1000, 1 / (n + 1)) for n in range(points)]})
        tx.say("bench.filled", run.id)
    print(json.dumps({"run": run.id}))


if __name__ == "__main__":
    main()
