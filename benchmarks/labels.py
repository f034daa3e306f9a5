"""labels: a million predictions meet their labels, and quality is told by day and slice."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, Sample

TITLE = "Labels and quality"
ROUNDS = 3
ROWS = 1_000_000
DAYS = 90
CARRIERS = 16
ORIGINS = 3
ABOUT = f"""
{ROWS:,} predictions of {DAYS} days in the files of one deployment, and a label for each, in another order. Loopline joins them
by the id of the prediction and gives ROC AUC, log loss, Brier score and calibration error of all rows of each day and of each
member of two columns ({CARRIERS} and {ORIGINS} values), with coverage. By hand: the same files read, merged and grouped with
pandas, and the first three metrics of each group by scikit-learn.
"""
JULY = 1_372_636_800_000_000
DAY = 86_400_000_000


@lru_cache
def recorded(place: Path) -> Any:
    """Write the files once, as sealing does, and deploy the service."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from loopline.nouns.digest import Digest
    from loopline.nouns.name import Numbered, parse_ref
    from loopline.nouns.service import Arm, Labels, Service
    from loopline.serving.specification import dump_service
    from loopline.signals.folder import folder_of
    from loopline.signals.sealing import day_of
    from loopline.testing.loop import loop as empty_loop
    from loopline.verbs.propose import propose
    from loopline.verbs.put import put

    dice = np.random.default_rng(7)
    loop = empty_loop(signals=place / "signals", work=place / "work")
    ref = parse_ref("service/delay@prod", project="flights")
    arm = Arm("champion", "model/delay@7", Digest("sha256:" + "0" * 64))
    service = Service("service/delay", (arm,), labels=Labels(slices=("carrier", "origin")))
    put(loop, ref.asset, digest=loop.blobs.put(dump_service(service)))
    propose(loop, ref, to=Numbered(1), why="to be measured")
    folder = folder_of(place / "signals", "flights", "delay", "prod")
    a_day = ROWS // DAYS + 1
    ids = []
    for day in range(DAYS):
        rows = min(a_day, ROWS - day * a_day)
        mine = [f"{day:04x}{dice.integers(2**62):016x}{n:012x}:0" for n in range(rows)]
        ids += mine
        times = np.sort(dice.integers(0, DAY, rows)) + JULY + day * DAY
        score = dice.beta(2, 5, rows)
        whole, ones, same = np.zeros(rows, "int64"), np.ones(rows, "int64"), [""] * rows
        facts = {
            "id": mine, "arm": ["champion"] * rows, "version": ["model/delay@7"] * rows, "change": ["c"] * rows, "unit": same,
            "error": same, "row": whole, "rows": ones, "number": ones, "recorded_at": times, "event_time": times,
            "status": ones * 200, "latency_us": dice.integers(500, 5000, rows), "shadow": np.zeros(rows, bool),
            "in.carrier": [f"C{k}" for k in dice.integers(0, CARRIERS, rows)],
            "in.origin": [f"O{k}" for k in dice.integers(0, ORIGINS, rows)], "in.distance": dice.integers(100, 3000, rows),
            "out.predict_proba[0]": 1 - score, "out.predict_proba[1]": score,
        }  # fmt: skip
        home = folder / "predictions" / day_of(JULY + day * DAY)
        home.mkdir(parents=True)
        pq.write_table(pa.table(facts), home / "0.parquet", compression="zstd", row_group_size=50_000)
    order = dice.permutation(ROWS)
    labels = pa.table({
        "id": [ids[k] for k in order], "keys": [""] * ROWS, "number": dice.integers(0, 2, ROWS).astype(float),
        "text": pa.nulls(ROWS, pa.string()), "recorded_at": np.full(ROWS, JULY + 91 * DAY), "seq": np.arange(ROWS),
        "known_at": np.full(ROWS, JULY + 91 * DAY),
    })  # fmt: skip
    (folder / "labels").mkdir()
    pq.write_table(labels, folder / "labels" / "0.parquet", compression="zstd", row_group_size=50_000)
    return loop, ref, folder


def cases(place: Path) -> list[Case]:
    """Ours, and by hand."""
    what = "join 1,000,000 labels, quality by day and slice"
    return [
        Case(what, "loopline", partial(_timed, place, _ours)),
        Case(what, "by hand", partial(_timed, place, _by_hand), "pandas and scikit-learn"),
    ]


def _timed(place: Path, work: Callable[[Any], int]) -> Sample:
    here = recorded(place)
    wall, cpu = time.perf_counter(), time.process_time()
    cells = work(here)
    sample = Sample((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000)
    if cells != DAYS * (1 + CARRIERS + ORIGINS):
        msg = f"{cells} cells"
        raise RuntimeError(msg)
    return sample


def _ours(here: Any) -> int:
    from loopline.verbs.quality import quality

    loop, ref, _ = here
    told = quality(loop, ref)
    return sum(len(one.estimates) == 4 and one.labelled == one.predictions for one in told.cells)


def _by_hand(here: Any) -> int:
    import pandas as pd
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    _, _, folder = here
    columns = ["id", "event_time", "arm", "in.carrier", "in.origin", "out.predict_proba[1]"]
    rows = pd.concat(
        pd.read_parquet(path, columns=columns) for path in sorted((folder / "predictions").glob("*/*.parquet"))
    )
    labels = pd.concat(pd.read_parquet(path) for path in (folder / "labels").glob("*.parquet"))
    labels = labels.sort_values(["recorded_at", "seq"]).drop_duplicates("id", keep="last")
    rows = rows.merge(labels[["id", "number"]], on="id", how="left")
    rows["day"] = rows["event_time"] // DAY
    found = 0
    for keys in (["day", "arm"], ["day", "arm", "in.carrier"], ["day", "arm", "in.origin"]):
        for _, group in rows.groupby(keys):
            known = group.dropna(subset=["number"])
            for metric in (roc_auc_score, log_loss, brier_score_loss):
                metric(known["number"], known["out.predict_proba[1]"])
            found += 1
    return found
