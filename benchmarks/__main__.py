"""Measure: `python -m benchmarks [TOPIC …] [--rounds N]`. Writes benchmarks/results/TOPIC.json and RESULTS.md."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.measure import in_turns
from benchmarks.report import TOPICS, machine, write

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure the topics that are named, or all, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}; all, if none is named")
    parser.add_argument(
        "--rounds", type=int, default=0, help="how often each case is measured (each topic has its own)"
    )
    parser.add_argument("--page-only", action="store_true", help="write the page from what was measured before")
    asked = parser.parse_args()
    unknown = [name for name in asked.topics if name not in TOPICS]
    if unknown:
        parser.error(f"no such topic: {', '.join(unknown)}; topics are {', '.join(TOPICS)}")
    for name in [] if asked.page_only else asked.topics or TOPICS:
        measure(name, asked.rounds)
    write(RESULTS)


def measure(name: str, rounds: int) -> None:
    """Measure one topic and keep every sample."""
    topic = import_module(f"benchmarks.{name}")
    print(f"{topic.TITLE}", flush=True)
    with tempfile.TemporaryDirectory(prefix="loopline-bench-") as folder:
        before = machine()
        measured = in_turns(topic.cases(Path(folder)), rounds or topic.ROUNDS, say=lambda line: print(line, flush=True))
    RESULTS.mkdir(exist_ok=True)
    told = {"topic": name, "machine": before, "measured": [asdict(one) for one in measured]}
    (RESULTS / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
