"""Predictions as people read them."""

from __future__ import annotations

import io

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.nouns.prediction import Prediction


def test_a_prediction_is_two_lines() -> None:
    """The answer and the truth stand in the first, what was asked in the second; one that failed says why instead."""
    facts = ("service/delay@prod", 1, "main", "model/delay@7", "c", 0, 0)
    good = Prediction(
        "a:0", *facts, unit="UA+1545", inputs={"carrier": "UA", "temp": 60.08, "flight": 1545, "gust": None},
        outputs={"predict_proba[1]": 0.3165}, label=1.0, latency_us=9_105,
    )  # fmt: skip
    poor = Prediction("b:0", *facts, status=503, error="nobody is ready")
    first, asked, last = draw((good, poor), Screen(io.StringIO(), io.StringIO()))
    assert "UA+1545" in first
    assert "predict_proba[1] 0.3165" in first
    assert first.endswith("true: 1")
    assert asked == "  carrier UA, temp 60.08, flight 1545, gust –"
    assert "✗ 503 nobody is ready" in last
