"""What the programs that drive mlflow share: parts that are played one after the other, and what they have to say."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

os.environ["MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT"] = (
    "1"  # else each model that is logged is loaded once more, to see what it needs
)
said: dict[str, Any] = {"mlflow": mlflow.__version__, "took": {}}
"""Printed as JSON in the end."""
TWO = mlflow.__version__.startswith("2.")


def refused(call: Callable[..., Any], *words: Any, **named: Any) -> str:
    """Give the code of the error that a call raises."""
    try:
        call(*words, **named)
    except MlflowException as error:
        return str(error.error_code)
    return "nothing"


def play(*parts: Callable[[], None]) -> None:
    """Play all parts, even where one breaks, and print what was said; fail where one broke."""
    broken = False
    for part in parts:
        began = time.perf_counter()
        try:
            part()
        except Exception:  # noqa: BLE001 (the other parts tell more)
            traceback.print_exc()
            broken = True
        said["took"][part.__name__] = round(time.perf_counter() - began, 1)
    print(json.dumps(said, default=str))
    sys.exit(broken)
