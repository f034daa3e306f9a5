"""Whatever is sent, a client's mistake is never the server's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.faces.mlflow.operations import OPERATIONS
from tests.server.serving import Served

from .asked_at_random import RAW, TEMPLATES, TEXTS, Known, address, asked, bodies, furnished, written
from .conftest import Tracker

QUIET = settings(
    deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
Open = tuple[Tracker, Known]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    tracker = Tracker(Served(tmp_path_factory.mktemp("open"), key=lambda: b"k" * 32))
    yield tracker, furnished(tracker)
    tracker.served.close()


def send(opened: Open, key: tuple[str, str], data: st.DataObject) -> None:
    tracker, known = opened
    method, path = key
    places = (
        [data.draw(TEXTS) for one in path.split("/") if one.startswith("{")]
        if data.draw(st.integers(0, 3)) == 0
        else []
    )
    target = address(path, known, *(one.encode(errors="replace").decode() for one in places))
    headers = {"content_type": "application/json"}
    said: Any = data.draw(bodies(key, known))
    if method == "GET":
        answer = tracker.ask(method, f"{target}?{asked(said)}"[:20_000])
    else:
        body = written(said)
        if data.draw(st.integers(0, 9)) == 0:
            body = data.draw(RAW)
        if data.draw(st.integers(0, 9)) == 0:
            headers["content_type"] = data.draw(st.sampled_from(TEMPLATES))
        answer = tracker.ask(method, target, body, **headers)
    assert answer.status_code < 500 or answer.status_code == 501, (method, target, said, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()) == {"error_code", "message"}


KEYS = sorted(OPERATIONS)


@settings(QUIET, max_examples=60)
@given(data=st.data())
def test_nothing_that_is_sent_breaks_the_server(opened: Open, data: st.DataObject) -> None:
    """Documents that are right but for some fields, and no documents at all, to every operation: no 5xx but 501."""
    send(opened, data.draw(st.sampled_from(KEYS)), data)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("key", KEYS, ids=" ".join)
@settings(QUIET, max_examples=60)
@given(data=st.data())
def test_nothing_that_is_sent_breaks_one_operation(opened: Open, key: tuple[str, str], data: st.DataObject) -> None:
    """As above, sixty times for each operation."""
    send(opened, key, data)
