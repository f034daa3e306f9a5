from __future__ import annotations

from loopline.insights import learning
from loopline.insights.calendar import Window
from loopline.insights.learning import Bad, Retrained, Serving, Used

DAY = 86_400_000_000
WINDOW = Window(10 * DAY, 40 * DAY, 40 * DAY)


def test_data_wait_until_a_model_in_production_has_them() -> None:
    """Counted in the window in which that model came, whenever the data did."""
    found = learning.data_to_decision(
        [Used("x", 0, 12 * DAY), Used("y", 5 * DAY, 9 * DAY), Used("z", DAY, 15 * DAY)], WINDOW
    )
    assert (found.value, found.n, found.ids) == (13 * DAY, 2, ("z", "x"))


def test_a_model_is_as_old_as_its_newest_data() -> None:
    """Not as its file; what does not say is told, and nothing is made up for it."""
    found = learning.staleness([Serving("a", 30 * DAY), Serving("b", None)], WINDOW)
    assert (found.value, found.n, found.why) == (10 * DAY, 1, "1 of 2 do not say what time their data are about")
    assert not learning.staleness([Serving("b", None)], WINDOW).known
    assert not learning.staleness([], WINDOW).known


def test_an_alert_without_a_new_model_is_open() -> None:
    """It counts with the time so far."""
    found = learning.retrain(
        [Retrained("a", 20 * DAY, 22 * DAY), Retrained("b", 30 * DAY, None), Retrained("c", 0, 1)], WINDOW
    )
    assert (found.n, found.open, found.value) == (2, 1, 2 * DAY)
    assert learning.retrain([], WINDOW).why


def test_bad_data_that_nobody_saw_are_open() -> None:
    """A latency over those alone that were seen would be short where monitors are blind."""
    found = learning.detection([Bad("a", 20 * DAY, 21 * DAY), Bad("b", 30 * DAY, None)], WINDOW)
    assert (found.n, found.open, found.value, found.ids) == (2, 1, DAY, ("b", "a"))


def test_evidence_and_rollbacks_are_told_by_change() -> None:
    """How old the oldest verdict was at the move; how many refs had to go back together."""
    assert learning.evidence_age([("a", 12 * DAY, 11 * DAY)], WINDOW).value == DAY
    found = learning.rollback_distance({"b": (20 * DAY, 4), "a": (12 * DAY, 2)}, WINDOW)
    assert (found.value, found.ids, found.unit) == (3, ("b", "a"), "count")
