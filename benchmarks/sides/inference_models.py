"""Fit the models that everybody serves, with the scikit-learn of this environment. Word: the folder for them."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

ROWS = 2000
COLUMNS = 10
"""As many as the requests have."""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(1)
    rows = chance.uniform(0, 8, (ROWS, COLUMNS))
    labels = np.digitize(rows[:, :3].sum(axis=1) + chance.normal(0, 1, ROWS), (9, 15))  # three classes
    joblib.dump(LogisticRegression(max_iter=500).fit(rows, labels), folder / "linear.joblib")
    joblib.dump(RandomForestClassifier(100, random_state=1).fit(rows, labels), folder / "forest.joblib")
    print("{}")


if __name__ == "__main__":
    main()
