"""names: the metrics that `evaluate` knows. A module of its own, so that reading a policy does not load what measures."""

from __future__ import annotations

from typing import Final

BINARY: Final = ("roc_auc", "log_loss", "brier", "calibration_error", "accuracy", "precision", "recall")
REGRESSION: Final = ("mae", "rmse", "r2")
CLASSES: Final = ("accuracy",)
"""Of answers that are one of several classes, none of which is the positive one."""
KNOWN: Final = (*BINARY, *REGRESSION)
