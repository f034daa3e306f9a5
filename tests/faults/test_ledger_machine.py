"""The ledger under many orders of events that nobody has chosen, other ones each time."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from loopline.ledger.schema import prepare
from loopline.wiring import open_database
from tests.scenarios.machine import LedgerMachine
from tests.scenarios.reopening import FileMachine, PostgresMachine

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
SEED = os.environ.get("LOOPLINE_TEST_SEED", "")
"""The seed of a run that failed, to see it again."""


def drive(machine: type[LedgerMachine], histories: int) -> None:
    """Run histories by a seed that is printed."""
    number = int(SEED) if SEED else random.SystemRandom().getrandbits(64)
    print(f"LOOPLINE_TEST_SEED={number} tries these histories again")  # noqa: T201 - shown where a test fails
    run_state_machine_as_test(
        hypothesis.seed(number)(type(machine.__name__, (machine,), {})),
        settings=settings(
            max_examples=histories, stateful_step_count=50, deadline=None, derandomize=False, database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("machine", "histories"), [(LedgerMachine, 80), (FileMachine, 20)])
def test_no_order_of_events_breaks_a_rule(machine: type[LedgerMachine], histories: int) -> None:
    """Histories by chance, in memory and in a file that is opened again, leave the ledger true."""
    drive(machine, histories)


@pytest.fixture
def ready(postgres_database: str) -> Iterator[type[PostgresMachine]]:
    """Give a machine whose databases are copies of one that has all tables."""
    database = open_database(postgres_database)
    prepare(database)
    database.close()
    PostgresMachine.server = postgres_database
    yield PostgresMachine
    PostgresMachine.server = ""


def test_no_order_of_events_breaks_a_rule_on_postgresql(ready: type[PostgresMachine]) -> None:
    """The same on PostgreSQL, each history in a database of its own."""
    drive(ready, 10)
