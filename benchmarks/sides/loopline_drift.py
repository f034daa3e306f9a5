"""WHAT PLACE: `prepare` tables and records; then `report`, `whole` (with the reference's profile) or `hand` (NumPy and SciPy)."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loopline.models import profile as profiles
from loopline.nouns.name import Numbered, parse_ref
from loopline.nouns.service import Arm, Service
from loopline.serving.specification import dump_service
from loopline.signals.folder import folder_of
from loopline.signals.sealing import day_of
from loopline.testing.loop import loop as empty_loop
from loopline.verbs.drift import drift
from loopline.verbs.propose import propose
from loopline.verbs.put import put

what, place = sys.argv[1], Path(sys.argv[2])
ROWS = 1_000_000
PARTS = 20
JULY = 1_372_636_800_000_000
DAY = 86_400_000_000
REF = parse_ref("service/bench@prod", project="flights")


def table(seed: int, shift: float) -> pa.Table:
    """Rows of one time; the first column of each kind has moved by `shift`."""
    dice = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"x{k}": dice.normal(shift if not k else 0, 1 + k, ROWS) for k in range(14)}
    columns |= {f"n{k}": dice.poisson(20 + (10 * shift if not k else 0) + k, ROWS) for k in range(3)}
    for k, size in enumerate((3, 16, 100)):
        weights = np.linspace(1, 2 + (shift if not k else 0), size)
        columns[f"c{k}"] = np.array([f"v{n}" for n in range(size)])[dice.choice(size, ROWS, p=weights / weights.sum())]
    return pa.table(columns)


def prepare() -> None:
    """Write a reference, a window, and the window as the records of a deployment, sealed by day."""
    pq.write_table(table(1, 0.0), place / "reference.parquet")
    window = table(2, 0.3)
    pq.write_table(window, place / "window.parquet")
    folder = folder_of(place / "signals", "flights", "bench", "prod")
    ones, step = np.ones(ROWS // PARTS, "int64"), ROWS // PARTS
    for part in range(PARTS):
        some, day = window.slice(part * step, step), JULY + part * DAY
        times = np.sort(np.random.default_rng(part).integers(0, DAY, step)) + day
        texts = {"arm": "main", "version": "model/bench@1", "change": "c", "unit": "", "error": ""}
        facts = {name: pa.array([text] * step) for name, text in texts.items()}
        facts |= {
            "id": pa.array([f"{part:04x}{n:012x}:0" for n in range(step)]), "row": ones * 0, "rows": ones, "number": ones,
            "recorded_at": times, "event_time": times, "status": ones * 200, "latency_us": ones * 900,
            "shadow": np.zeros(step, bool),
        }  # fmt: skip
        facts |= {f"in.{name}": some.column(name) for name in some.column_names}
        home = folder / "predictions" / day_of(day)
        home.mkdir(parents=True)
        pq.write_table(pa.table(facts), home / "0.parquet", compression="zstd", row_group_size=50_000)
    (place / "profile").write_bytes(profiles.encode(profiled()))


def profiled() -> Any:
    """Profile the rows of the reference, as training does."""
    return profiles.profile(None, pq.read_table(place / "reference.parquet"))


def told(reference: bytes) -> None:
    """Deploy a model with that profile, and ask for the drift of the whole window."""
    loop = empty_loop(signals=place / "signals", work=place / "work")
    digest = loop.blobs.put(reference)
    service = Service("service/bench", (Arm("main", "model/bench@1", digest, profile=digest),))
    put(loop, REF.asset, digest=loop.blobs.put(dump_service(service)))
    propose(loop, REF, to=Numbered(1), why="to be measured")
    from datetime import timedelta

    found = drift(loop, REF, window=timedelta(days=PARTS), until=JULY + PARTS * DAY)
    moved = {one.column for one in found.columns if one.verdict == "drift"}
    if (found.rows, len(found.columns), "x0" in moved) != (ROWS, 20, True):
        raise SystemExit(f"{found.rows} rows, {len(found.columns)} columns, {sorted(moved)} moved")


def hand() -> None:
    """PSI of every column, and the Kolmogorov-Smirnov test of numbers."""
    import pandas as pd
    from scipy.stats import ks_2samp

    old, new = (pd.read_parquet(place / f"{name}.parquet") for name in ("reference", "window"))
    for name in old.columns:
        if old[name].dtype.kind in "if":
            edges = np.unique(np.quantile(old[name], np.linspace(0, 1, 21))[1:-1])
            counts = [np.bincount(np.searchsorted(edges, one[name]), minlength=len(edges) + 1) for one in (old, new)]
            ks_2samp(old[name], new[name], method="asymp")
        else:
            index = old[name].unique()
            counts = [one[name].value_counts().reindex(index, fill_value=0).to_numpy() for one in (old, new)]
        one, other = (np.maximum(some / some.sum(), 1e-6) for some in counts)
        float(((other - one) * np.log(other / one)).sum())


WORK: dict[str, Callable[[], None]] = {
    "prepare": prepare, "hand": hand, "report": lambda: told((place / "profile").read_bytes()),
    "whole": lambda: told(profiles.encode(profiled())),
}  # fmt: skip
cpu, wall = time.process_time(), time.perf_counter()
WORK[what]()
spent = [(time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, 1]
print(json.dumps({what: [*spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]}))
