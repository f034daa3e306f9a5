"""WHAT PLACE: Evidently's DataDriftPreset with its defaults over PLACE/reference.parquet and PLACE/window.parquet."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

place = Path(sys.argv[2])
cpu, wall = time.process_time(), time.perf_counter()
old, new = (pd.read_parquet(place / f"{name}.parquet") for name in ("reference", "window"))
numbers = [name for name in old.columns if not name.startswith("c")]
told = DataDefinition(
    numerical_columns=numbers, categorical_columns=[name for name in old.columns if name not in numbers]
)
report = Report([DataDriftPreset()]).run(
    Dataset.from_pandas(new, data_definition=told), Dataset.from_pandas(old, data_definition=told)
)
found = report.dict()
spent = [(time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, 1]
if not found.get("metrics"):
    raise SystemExit("Evidently told nothing")
print(json.dumps({"report": [*spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]}))
