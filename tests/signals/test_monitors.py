from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loopline.errors import Invalid
from loopline.models.profile import profile
from loopline.nouns.evaluation import Estimate
from loopline.nouns.look import Look, Watch
from loopline.nouns.quality import Cell, Quality
from loopline.nouns.service import Monitor
from loopline.signals.drift import compare
from loopline.signals.monitors import drifted, read, realised, served, sound, step, traffic, write

DRIFT = Monitor("features", "drift", rows=500)
DATA = Monitor("rows", "data", rows=100)
TRUTH = Monitor("truth", "quality", rows=200, bounds={"roc_auc": 0.65})
SERVICE = Monitor("latency", "service", rows=100, bounds={"p99_ms": 50, "errors": 0.01, "saturation": 0.05})
GOOD, BAD, UNDECIDED = Look("good", "", end=1), Look("bad", "", end=2), Look("undecided", "", end=3)


def rows(count: int = 1_000, *, shift: float = 0.0, seed: int = 0, **other: Any) -> dict[str, Any]:
    """Give rows of a service that predicts delays."""
    rng = np.random.default_rng(seed)
    carrier = rng.choice(np.array(["AA", "B6", "UA"], object), count)
    return {"temp": rng.normal(shift, 1, count), "hour": rng.integers(5, 23, count), "carrier": carrier} | other


REFERENCE = profile(None, rows())


def test_a_drift_look_names_what_moved_and_how_far() -> None:
    """The summary says how many of how many, by which distance; the facts hold the same as numbers."""
    look = drifted(DRIFT, compare(REFERENCE, [rows(shift=0.8, seed=1)]))
    assert (look.seen, look.summary.partition(" (")[0]) == ("bad", "1 of 3 columns moved: temp")
    assert set(look.facts["moved"]) == {"temp"}
    assert look.facts["moved"]["temp"]["effect"] > 0.1
    assert drifted(DRIFT, compare(REFERENCE, [rows(seed=2)])).seen == "good"


def test_a_drift_look_without_enough_rows_decides_nothing() -> None:
    """Few rows, and a model without a reference, are told apart, and neither is good."""
    few = drifted(DRIFT, compare(REFERENCE, [rows(499, shift=9)]))
    assert (few.seen, few.summary) == ("undecided", "499 rows, 500 are needed")
    assert "sign it" in drifted(DRIFT, ()).summary
    assert drifted(DRIFT, ()).seen == "undecided"


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("temp", [np.nan] * 60 + [0.0] * 940, "nulls"),
        ("temp", [99.0] * 20 + [0.0] * 980, "range"),
        ("carrier", np.array(["ZZ"] * 20 + ["AA"] * 980, object), "new"),
    ],
)
def test_a_data_look_holds_shares_against_training(name: str, values: Any, kind: str) -> None:
    """Missing values, values out of range and new categories are bad beyond their bounds, and fine below."""
    columns = compare(REFERENCE, [rows(seed=3) | {name: np.asarray(values)}])
    look = sound(DATA, columns)
    assert (look.seen, list(look.facts["wrong"]), list(look.facts["wrong"][name])) == ("bad", [name], [kind])
    assert sound(replace(DATA, bounds={kind: 0.5}), columns).seen == "good"


def test_a_data_look_misses_a_column_and_allows_what_training_had() -> None:
    """A column that is gone is bad whatever is allowed; missing values as in training are not."""
    without = rows(seed=4)
    del without["hour"]
    look = sound(DATA, compare(REFERENCE, [without]))
    assert (look.seen, look.facts["wrong"]) == ("bad", {"hour": {"missing": 1.0}})
    holes = np.where(np.arange(1_000) % 2, np.nan, 1.0)
    assert sound(DATA, compare(profile(None, {"temp": holes}), [{"temp": holes}])).seen == "good"
    assert sound(DATA, compare(REFERENCE, [rows(99)])).seen == "undecided"


def test_a_bound_that_nobody_knows_is_refused() -> None:
    """A misspelt bound is no bound, and must not look like one that holds."""
    with pytest.raises(Invalid) as caught:
        sound(replace(DATA, bounds={"null": 0.1}), ())
    assert caught.value.kind == "bad-bound"
    with pytest.raises(Invalid):
        served(replace(SERVICE, bounds={"p95_ms": 1}), {"rows": 1_000})


@pytest.mark.parametrize(
    ("estimate", "seen"),
    [
        (Estimate("roc_auc", 0.70, 0.68, 0.72), "good"),
        (Estimate("roc_auc", 0.60, 0.57, 0.63), "bad"),
        (Estimate("roc_auc", 0.64, 0.60, 0.68), "undecided"),
        (Estimate("roc_auc", 0.64), "bad"),
        (Estimate("brier", 0.9), "undecided"),
    ],
)
def test_a_quality_look_is_bad_when_all_of_the_interval_is(estimate: Estimate, seen: str) -> None:
    """A value that is worse while its interval is not decides nothing; nor does another metric."""
    cell = Cell(0, 1, "champion", "model/delay@7", predictions=900, labelled=500, estimates=(estimate,))
    assert realised(TRUTH, Quality("service/delay@prod", 0, (cell,))).seen == seen
    few = Quality("service/delay@prod", 0, (replace(cell, labelled=199),))
    assert realised(TRUTH, few).seen == "undecided"


def test_a_fall_since_training_is_measured_against_its_evaluation() -> None:
    """A loss may rise by so much and a score may fall by so much, each in its own direction."""
    training = {"a": {"roc_auc": 0.75, "log_loss": 0.5}}
    monitor = replace(TRUTH, bounds={"roc_auc_drop": 0.05, "log_loss_drop": 0.1})
    for auc, loss, seen in ((0.71, 0.59, "good"), (0.69, 0.5, "bad"), (0.75, 0.61, "bad"), (0.9, 0.1, "good")):
        cell = Cell(
            0, 1, "a", "model/delay@7", "", "", 900, 900, (Estimate("roc_auc", auc), Estimate("log_loss", loss))
        )
        assert realised(monitor, Quality("s", 0, (cell,)), training).seen == seen, (auc, loss)
    other = Cell(0, 1, "b", "model/delay@7", "", "", 900, 900, (Estimate("roc_auc", 0.7),))
    look = realised(monitor, Quality("s", 0, (other,)), training)
    assert (look.seen, "roc_auc_drop of b" in look.summary) == ("undecided", True)


def bucket(requests: int, **told: Any) -> Any:
    """Make a piece of the traffic of one arm."""
    empty = {"shadow": False, "errors": 0, "refused": 0, "busy": 0, "p50_us": 9_000.0, "p99_us": 20_000.0}
    return SimpleNamespace(requests=requests, **{**empty, **told})


def test_a_service_look_measures_what_was_answered() -> None:
    """Shares are over all arms, of quantiles the worst arm counts, and a shadow, which answers nobody, does not."""
    found = traffic([
        bucket(900, errors=20, refused=300, busy=10),
        bucket(100, p99_us=80_000.0),
        bucket(999, shadow=True, errors=999),
    ])
    assert found == {"rows": 1_000, "errors": 0.02, "saturation": 0.01, "p50_ms": 9.0, "p99_ms": 80.0}
    look = served(SERVICE, found)
    assert look.seen == "bad"
    assert look.summary == "p99_ms 80.0 ms, at most 50.0 ms; errors 2.00%, at most 1.00%"
    assert served(replace(SERVICE, bounds={"errors": 0.03}), found).seen == "good"
    assert served(SERVICE, traffic([bucket(99, errors=99)])).seen == "undecided"
    assert traffic([]) == {"rows": 0}


def turns(looks: str, monitor: Monitor = DRIFT, watch: Watch | None = None) -> tuple[str, Watch]:
    """Go through looks, `+` good, `-` bad, `?` undecided; give `r` where an alert rises, `c` where it is over, `.` else."""
    said, here = "", watch or Watch(7)
    for one in looks:
        here, turn = step(here, {"+": GOOD, "-": BAD, "?": UNDECIDED}[one], monitor, number=7)
        assert read(write(here)) == here
        said += {"rise": "r", "clear": "c", "stay": "."}[turn]
    return said, here


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ("--", ".r"),
        ("-+-+-+", "......"),
        ("-?-", "..r"),
        ("??????", "......"),
        ("--++", ".r.c"),
        ("--+-++", ".r...c"),
        ("--?+?+", ".r...c"),
        ("----", ".r.."),
        ("--++--", ".r.c.r"),
    ],
)
def test_an_alert_rises_and_clears_only_after_enough_looks(looks: str, said: str) -> None:
    """One bad look is chance, one good look is no end, and what is undecided is neither."""
    assert turns(looks)[0] == said


def test_a_new_version_starts_counting_anew_but_does_not_end_an_alert() -> None:
    """One bad look of each of two versions is none of either; what fires must be seen good before it is over."""
    _, watch = turns("-")
    watch, turn = step(watch, BAD, DRIFT, number=8)
    assert (turn, watch.bad) == ("stay", 1)
    _, firing = turns("--+")
    firing, turn = step(firing, GOOD, DRIFT, number=8)
    assert (turn, firing.firing, firing.good) == ("stay", True, 1)
    assert step(firing, GOOD, DRIFT, number=8)[1] == "clear"


def test_a_watch_knows_since_when() -> None:
    """The first bad window counts, also where undecided ones lie between."""
    looks = [replace(BAD, end=10), replace(UNDECIDED, end=20), replace(BAD, end=30)]
    watch = Watch(7)
    for look in looks:
        watch, _ = step(watch, look, DRIFT, number=7)
    assert (watch.firing, watch.since) == (True, 10)
