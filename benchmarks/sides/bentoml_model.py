"""A model behind BentoML with its adaptive batching, one worker. MODEL in the environment is the model's file."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1, traffic={"timeout": 60})
class Bench:
    """One method."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=10_000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Ask the model."""
        return self.model.predict(rows)
