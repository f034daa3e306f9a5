"""The ledger under any order of events: machine.py says what may happen and what must hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.scenarios.machine import LedgerMachine
from tests.scenarios.reopening import FileMachine


@pytest.mark.slow
@pytest.mark.parametrize(
    ("machine", "histories"),
    [
        (LedgerMachine, 12),
        (FileMachine, 3),
        pytest.param(LedgerMachine, 40, marks=pytest.mark.long),
        pytest.param(FileMachine, 8, marks=pytest.mark.long),
    ],
)
def test_any_order_of_events_leaves_the_ledger_true(machine: type[LedgerMachine], histories: int) -> None:
    """In memory and in a file that is opened again, no history breaks a rule; one that does is shortened and told."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
