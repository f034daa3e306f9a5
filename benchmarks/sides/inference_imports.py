"""Load a model in a bare Python and ask it once: what nobody who serves it can avoid. Word: the model's file.

The last line is [cpu ms, wall ms, count, bytes of memory (PSS)], the time from the start of this process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import joblib
import numpy as np


def main() -> None:
    model = joblib.load(sys.argv[1])
    model.predict(np.full((1, model.n_features_in_), 0.5))
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    began = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    wall = time.clock_gettime(time.CLOCK_BOOTTIME) - began
    rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()
    size = next(float(line.split()[1]) * 1024 for line in rollup if line.startswith("Pss:"))
    print(json.dumps({"imports": [time.process_time() * 1000, wall * 1000, 1, size]}))


if __name__ == "__main__":
    main()
