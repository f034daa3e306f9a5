"""questions: why and impact in a ledger that has seen a lot."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmarks.measure import OURS, Case, command, one
from benchmarks.peers import cache, environment
from benchmarks.projects import LOOPLINE

TITLE = "Why and impact, over a million edges"
ROUNDS = 9
EDGES = 1_000_000
ABOUT = f"""
A ledger of {EDGES:,} edges: 25,000 trainings of four runs with ten inputs and outputs each, 1,000 data versions,
seven tables that every run reads, and each model warm-started from the one before it, so that the graph is one long
chain. Each figure is the first question of a new process (its start is not in it, except in the lines that say so).
`why` of the last model walks ten trainings back; `impact` of a data version in the middle reaches more than 10,000
things: the first page is the 1,000 nearest. No peer answers either question.
"""
SIDE = Path(__file__).parent / "sides" / "loopline_questions.py"


def cases(place: Path) -> list[Case]:
    """The verbs in a process, then the whole commands."""
    env = environment(place / "home")
    ledger = _ledger(env)

    def ask(what: str) -> Case:
        title = {"why": "why", "page": "impact, first page", "whole": "impact, 10,000 reached"}[what]
        return Case(title, "loopline", lambda: one(OURS, "loopline_questions", "ask", what, cwd=ledger, env=env))

    def say(*words: str) -> Case:
        title = f"`loopline {words[0]}`, whole command"
        return Case(title, "loopline", lambda: command(LOOPLINE, *words, cwd=ledger, env=env))

    return [ask("why"), ask("page"), ask("whole"), say("why", "model/delay@24999"), say("impact", "data/flights@500")]


def _ledger(env: dict[str, str]) -> Path:
    """Build it once for each state of the builder; it takes a minute."""
    state = hashlib.sha256(SIDE.read_bytes() + str(EDGES).encode()).hexdigest()[:12]
    folder = cache() / f"edges-{state}"
    if not (folder / "built").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "loopline.toml").write_text('[project]\nname = "bench"\n')
        print(f"building a ledger of {EDGES:,} edges …", flush=True)
        command(OURS, SIDE, "build", str(EDGES), cwd=folder, env=env)
        (folder / "built").touch()
    return folder
