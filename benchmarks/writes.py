"""writes: how near the ledger comes to what the disk allows."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import OURS, Case, Measured, Sample, one
from benchmarks.peers import environment

TITLE = "Ledger writes, beside the bare SQLite limit"
ROUNDS = 9
COUNT = 500
ABOUT = f"""
{COUNT} transactions one after the other, figures per transaction. Bare: BEGIN IMMEDIATE, one INSERT of 200 bytes,
COMMIT, in WAL with `synchronous=FULL`, in the same folder and with the same SQLite: each waits for the disk once,
which nobody who keeps what was acknowledged can avoid. Loopline: the verb `start`, that is a run, its experiment, a
parameter, the event and its place in the hash chain, in one transaction.
"""


def cases(place: Path) -> list[Case]:
    """Both in one folder, in turns."""
    env = environment(place / "home")
    (place / "loopline.toml").write_text('[project]\nname = "bench"\n')

    def write(what: str) -> Sample:
        return one(OURS, "loopline_writes", what, COUNT, cwd=place, env=env)

    return [
        Case("durable transaction", "sqlite", lambda: write("bare"), "bare INSERT"),
        Case("durable transaction", "loopline", lambda: write("start")),
    ]


def notes(measured: list[Measured]) -> str:
    """Say it in transactions a second."""
    rate = {one.who: 1000 / one.median("wall") for one in measured}
    share = rate["loopline"] / rate["sqlite"]
    return f"{rate['loopline']:,.0f} transactions a second, where bare SQLite makes {rate['sqlite']:,.0f}: {share:.0%}."
