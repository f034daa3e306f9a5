"""How a project file says that a service rolls out."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from loopline.errors import Invalid
from loopline.nouns.rolling import Judged, Plan, Step
from loopline.settings.rollouts import rollout
from loopline.settings.table import Source, Table

WHOLE = """
kind = "canary"
alpha = 0.01
maturity = "1d"
unit_window = "3d"
cap = 10
missing = 0.1
most = "14d"
units = 5000
over = "pause"
steps = [{ weight = 0.1, least = 100, most = "2d", hold = "1h", slack = 2.0 }, { weight = 0.5 }]
metrics = [
  { name = "brier", tolerance = 0.02, window = "2d" },
  { name = "absolute_error", tolerance = 1, most = 60 },
  { name = "errors", tolerance = 0.01 },
  { name = "latency", tolerance = 0.1, quantile = 0.9 },
]
"""
MANY = '\nmetrics = [{ name = "errors", tolerance = 0.01 }]'


def read(text: str) -> Plan | None:
    """Read a table of a file."""
    return rollout(Table(Source("f.toml", text), (), tomllib.loads(text)))


def test_all_of_it_is_read() -> None:
    """Every key lands where it belongs."""
    day = timedelta(days=1)
    assert read(WHOLE) == Plan(
        "canary",
        (Step(0.1, 100, 2 * day, timedelta(hours=1), 2.0), Step(0.5)),
        (
            Judged("brier", "loss", 0.02, labelled=True, window=2 * day),
            Judged("absolute_error", "loss", 1, high=60, labelled=True),
            Judged("errors", "events", 0.01),
            Judged("latency", "latency", 0.1, quantile=0.9),
        ),
        0.01, day, 3 * day, 10, 0.1, 14 * day, 5000, "pause",
    )  # fmt: skip


def test_what_is_usual_is_not_written() -> None:
    """A canary without steps has two, a shadow one; nothing at all is no rollout."""
    canary, shadow = read('kind = "canary"' + MANY), read('kind = "shadow"' + MANY)
    assert canary is not None
    assert [one.weight for one in canary.steps] == [0.1, 0.5]
    assert shadow is not None
    assert [one.weight for one in shadow.steps] == [0.0]
    assert read('kind = "at-once"') == Plan("at-once", (Step(1.0),))
    assert rollout(None) is None


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ('kind = "canari"' + MANY, "bad-value", "canary"),
        ('kind = "canary"', "bad-rollout", "metric"),
        ('kind = "canary"\nmetrics = [{ name = "brierr", tolerance = 0.1 }]', "bad-value", "brier"),
        ('kind = "canary"\nmetrics = [{ name = "brier", tolerance = 0.1 }]', "missing-key", "maturity"),
        ('kind = "canary"\nmaturity = "1d"\nmetrics = [{ name = "log_loss", tolerance = 0.1 }]', "missing-key", "most"),
        ('kind = "canary"\nmetrics = [{ name = "errors" }]', "missing-key", "tolerance"),
        ('kind = "canary"\nsteps = [{ weight = 1.5 }]' + MANY, "bad-value", "from 0 to 1"),
        ('kind = "canary"\nsteps = [{ weight = 0.5, members = ["UA"] }]' + MANY, "bad-value", "slice"),
        ('kind = "blue-green"' + MANY, "bad-rollout", "canary"),
        ('kind = "slice"' + MANY, "bad-value", "column"),
        ('kind = "canary"\nalpha = 0.9' + MANY, "bad-value", "0.5"),
        ('kind = "canary"\nwight = 1' + MANY, "unknown-key", "known here"),
        ('kind = "canary"' + MANY[:-1] + ', { name = "errors", tolerance = 2 }]', "bad-rollout", "once"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(text: str, kind: str, word: str) -> None:
    """Each mistake is an error with its line and the next step."""
    with pytest.raises(Invalid) as caught:
        read(text)
    assert caught.value.kind == kind
    assert word in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.message.startswith("f.toml:")
