from __future__ import annotations

import pytest

from loopline.nouns.trigger import OnAlert, OnMissing, OnMoved
from loopline.triggers.causes import is_alert, is_move, loops

TOLD = {"service": "service/delay@prod", "monitor": "features", "severity": "medium", "silenced": False}


@pytest.mark.parametrize(
    ("on", "told", "wanted"),
    [
        (OnAlert("service/delay@prod/*"), TOLD, True),
        (OnAlert("service/delay@prod"), TOLD, True),
        (OnAlert("service/*/errors"), TOLD, False),
        (OnAlert("*", "medium"), TOLD, True),
        (OnAlert("*", "high"), TOLD, False),
        (OnAlert("*"), {**TOLD, "silenced": True}, False),
        (OnAlert("*"), {}, False),
    ],
)
def test_an_alert_is_told_by_monitor_and_severity(on: OnAlert, told: dict[str, object], *, wanted: bool) -> None:
    """A glob over the monitor or the service, at least so severe, and never one that is silenced."""
    assert is_alert(on, told) is wanted


def test_a_move_is_told_by_its_ref() -> None:
    """A glob over the ref."""
    assert is_move(OnMoved("data/*@main"), "data/flights@main")
    assert not is_move(OnMoved("data/*@main"), "data/flights@july")
    assert is_move(OnMissing("data/flights@main", "0 6 * * *"), "data/flights@main")


def test_a_trigger_in_its_own_chain_loops() -> None:
    """Who stands in the chain would follow its own effect, by way of everybody behind it."""
    assert loops(("a", "b", "c"), "b") == "it would follow its own effect: b → c → b"
    assert loops(("a",), "b") == ""
