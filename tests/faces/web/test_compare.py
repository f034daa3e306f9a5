from __future__ import annotations

from loopline.faces.web.pages.compare import dots, spreads
from loopline.nouns.lineup import Figure, Line, Lineup
from loopline.nouns.run import Run


def lineup(*, params: tuple[Line, ...] = (), metrics: tuple[Figure, ...] = (), count: int = 3) -> Lineup:
    """Give runs side by side."""
    return Lineup(tuple(Run(f"{i:032x}", "flights", "train") for i in range(count)), params=params, metrics=metrics)


def test_metrics_stand_over_the_param_that_takes_the_most_values() -> None:
    """Of two numeric params the one that was varied more is the axis; each run is a dot that leads to its page."""
    params = (Line("depth", ("2", "4", "8"), differs=True), Line("seed", ("1", "1", "2"), differs=True))
    (found,) = dots(lineup(params=params, metrics=(Figure("loss", (0.3, 0.2, 0.1), differs=True),)), "flights")
    assert found.title == "loss over depth"
    assert found.drawing.count("/p/flights/runs/") == 3


def test_two_runs_or_texts_are_no_scatter() -> None:
    """Where there is nothing to see there is no picture."""
    words = (Line("model", ("a", "b", "c"), differs=True),)
    metrics = (Figure("loss", (0.3, 0.2, 0.1), differs=True),)
    assert dots(lineup(params=words, metrics=metrics), "flights") == []
    two = (Figure("loss", (0.3, 0.2), differs=True),)
    assert dots(lineup(params=(Line("depth", ("2", "4"), differs=True),), metrics=two, count=2), "flights") == []


def test_the_spread_over_slices_is_a_box_for_each_run() -> None:
    """Slices of one metric and column make a picture; a metric with few slices makes none."""
    many = tuple(Figure(f"auc[carrier={name}]", (0.5, 0.6, None), differs=True) for name in "ABCDE")
    few = tuple(Figure(f"auc[origin={name}]", (0.5, 0.6, 0.7), differs=True) for name in "AB")
    (found,) = spreads(lineup(metrics=(*many, *few)))
    assert found.title == "auc by carrier"
    assert found.drawing.count('class="card"') == 2
